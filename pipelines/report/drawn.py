"""Which drawings stand beside which metric, and what each is made of.

Belongs here: choosing rows of the mart for a drawing, by whoever reads the page. Does not belong here:
geometry (`drawings`). A drawing shows nothing that the table of its metric would not: its rows come from
there, or their metric is shown for the same organisation.
"""

from collections.abc import Callable, Sequence

import duckdb

from pipelines.metrics.disclosure import LARGEST_SUPPRESSED
from pipelines.report.drawings.canvas import Drawing
from pipelines.report.drawings.cohorts import cohorts
from pipelines.report.drawings.funnel import funnel
from pipelines.report.drawings.shares import Bar, shares
from pipelines.report.drawings.strip import Strip, strips
from pipelines.report.drawings.survival import survival
from pipelines.report.drawings.ties import ties
from pipelines.report.mart import Row, grouped, rows
from pipelines.report.site_map import Site
from pipelines.report.words import NOTHING, count, number, short_day, words

CURVE = "from outcomes.fct_time_to_signal_curve order by organisation_code nulls first, days"
NOISE = """
select organisation_code, colour_changes, changes_by_target, changes_with_special_cause, changes_by_noise,
    from_date
from spc.fct_rag_noise where level_name <> 'series' order by organisation_code nulls first
"""
SCORES = """
select score.organisation_code, score.project_id, project.title, score.self_score, score.computed_score,
    score.score_gap
from maturity.fct_progress_score as score inner join core.fct_project as project
    on score.project_id = project.project_id
where score.is_active and score.self_score is not null and score.computed_score is not null
order by abs(score.score_gap) desc, score.project_id
"""
TIES = """
select tie.wave, tie.organisation_code, tie.unit_code, tie.to_organisation_code, tie.to_unit_code,
    max(tie.answered) as answered, any_value(coalesce(unit.unit_name, tie.unit_code)) as unit_name,
    any_value(unit.directorate) as directorate
from core.fct_collaboration_tie as tie left join core.dim_unit as unit
    on tie.organisation_code = unit.organisation_code and tie.unit_code = unit.unit_code and unit.is_latest
group by all order by tie.wave, tie.organisation_code, directorate, unit_name, tie.unit_code
"""
FIFTHS = tuple(f"quintile_{number}" for number in range(1, 6))
FIFTH_KINDS = (
    ("fifth1", "Most deprived fifth"),
    ("fifth2", "Second"),
    ("fifth3", "Third"),
    ("fifth4", "Fourth"),
    ("fifth5", "Least deprived fifth"),
)
MOST_STRIPS = 25
MOST_BARS = 40
REASONS = (
    ("noise", "changes_by_noise", "Chance alone"),
    ("cause", "changes_with_special_cause", "Special cause"),
    ("moved", "changes_by_target", "Target changed"),
)
CHANGE = ", change since the last"


class Drawn:
    """The drawings of a mart's metrics. `visible`: the rows of a metric that whoever reads may see, by metric
    and organisation."""

    def __init__(
        self,
        site: Site,
        connection: duckdb.DuckDBPyConnection,
        visible: Callable[[str, str | None], list[Row]],
    ):
        self.site, self.visible = site, visible
        self.curves = grouped(rows(connection, CURVE), "organisation_code")
        self.noise = rows(connection, NOISE)
        self.scores = grouped(rows(connection, SCORES), "organisation_code")
        self.ties = grouped(rows(connection, TIES), "wave")

    def of(self, metric_id: str, code: str | None) -> list[Drawing]:
        """The drawings beside a metric, on the pages of one organisation or (None) of all."""
        makers = {
            "M01": self._components,
            "M11": self._progress,
            "M29": self._ties,
            "O01": self._cohorts,
            "O08": self._survival,
            "O09": self._fifths,
            "O10": self._noise,
            "O12": self._gained,
            "O16": self._funnels,
        }
        made = makers[metric_id](code) if metric_id in makers else []
        return [each for each in made if each is not None]

    def _whose(self, code: str | None) -> str:
        return "All together" if code is None else self.site.organisations.get(code, code)

    def _of_one(self, metric_id: str, code: str | None) -> list[Row]:
        return [row for row in self.visible(metric_id, code) if row["organisation_code"] == code]

    def _components(self, code: str | None) -> list[Drawing | None]:
        """Each component at the last assessment and the one before it."""
        found = [
            row
            for row in self._of_one("M01", code)
            if row["value"] is not None and not row["stratum"].endswith(CHANGE) and row["stratum"] != "all"
        ]
        ends = sorted({row["period_end"] for row in found})
        if code is None or not ends:
            return []
        levels = {(row["stratum"], row["period_end"]): row["value"] for row in found}
        before, after = ([None, *ends])[-2:]
        strata = sorted({row["stratum"] for row in found})
        pairs = [(levels.get((name, before)), levels.get((name, after))) for name in strata]
        kinds = (
            ("before", f"Assessed on {short_day(before)}" if before else "Assessed before"),
            ("own", f"Assessed on {short_day(after)}"),
        )
        higher = sum(one is not None and other is not None and other > one for one, other in pairs)
        says = (
            f"{self._whose(code)}: {number(higher)} of {count(len(pairs), 'component')} higher than before."
        )
        lines = [
            Strip(words(name), pair, tuple(number(value, 1) for value in pair))
            for name, pair in zip(strata, pairs, strict=True)
        ]
        title = "Components, before and after"
        return [strips("components", title, says, lines, kinds, "Component", "level, 1 to 5", bounds=(1, 5))]

    def _progress(self, code: str | None) -> list[Drawing | None]:
        """Active projects whose own score and whose evidence are furthest apart."""
        found = self.scores.get(code, []) if code else []
        ahead = sum(row["score_gap"] > 0 for row in found)
        shown = found[:MOST_STRIPS]
        kinds = (("before", "Evidence supports"), ("own", "Team's own score"))
        lines = [
            Strip(
                row["title"] or row["project_id"],
                (row["computed_score"], row["self_score"]),
                (number(row["computed_score"], 1), number(row["self_score"], 1)),
            )
            for row in shown
        ]
        says = (
            f"{self._whose(code)}: {number(ahead)} of {count(len(found), 'active project')} "
            "score themselves ahead of their evidence."
        )
        note = f"The {len(shown)} of {len(found)} active projects that are furthest apart."
        title = "Progress as scored and as the evidence has it"
        return [
            strips(
                "progress",
                title,
                says,
                lines,
                kinds,
                "Project",
                "progress, 0.5 to 5",
                bounds=(0, 5),
                note=note,
            )
        ]

    def _ties(self, code: str | None) -> list[Drawing | None]:
        """The network of the newest wave that is not withheld: of its units, or of all organisations."""
        waves = [row["stratum"] for row in self._of_one("M29", code) if not row["is_suppressed"]]
        wave = max(waves, default=None)
        if wave is None:
            return []
        found = self.ties.get(wave, [])
        if code is None:
            named = [(row["organisation_code"], row["to_organisation_code"]) for row in found]
            members = {each: self._whose(each) for each, _ in named}
            return [ties(members, [(a, b) for a, b in named if b], {}, wave, "Organisations")]
        own = [row for row in found if row["organisation_code"] == code]
        members = {row["unit_code"]: row["unit_name"] for row in own}
        named = [
            (row["unit_code"], row["to_unit_code"]) for row in own if row["to_organisation_code"] == code
        ]
        answered = {row["unit_code"]: row["answered"] or 0 for row in own}
        silent = {
            unit: "withheld: few answered" if people else "did not answer"
            for unit, people in answered.items()
            if people <= LARGEST_SUPPRESSED
        }
        return [ties(members, named, silent, wave, self._whose(code))]

    def _cohorts(self, code: str | None) -> list[Drawing | None]:
        return [cohorts(self._of_one("O01", code), self._of_one("O02", code), self._whose(code))]

    def _survival(self, code: str | None) -> list[Drawing | None]:
        median = next((row["value"] for row in self._of_one("O08", code) if row["stratum"] == "all"), None)
        curve = self.curves.get(code)
        return [survival(curve, self._whose(code), median)] if curve else []

    def _fifths(self, code: str | None) -> list[Drawing | None]:
        """The deprivation fifths of each measure in the newest year of which all five are shown."""
        lines = []
        for measure in grouped(self._of_one("O09", code), "measure_id").values():
            years = grouped((row for row in measure if row["stratum"] in FIFTHS), "period_start")
            whole = [
                found
                for _, found in sorted(years.items())
                if len([row for row in found if row["value"] is not None]) == 5
            ]
            if code is not None and whole:
                lines.append(_fifth_strip(whole[-1]))
        shown = sorted(lines, key=lambda line: -_spread(line))[:MOST_STRIPS]
        says = f"{self._whose(code)}: {count(len(shown), 'measure')} by deprivation fifth."
        if shown:
            says += f" They are furthest apart for “{shown[0].label}”."
        title = "Deprivation fifths, newest year of each measure"
        return [strips("fifths", title, says, shown, FIFTH_KINDS, "Measure", "share of people", suffix="%")]

    def _noise(self, code: str | None) -> list[Drawing | None]:
        """Changes of colour by their reason, of all together and of the organisations with most of them."""
        shown = {row["organisation_code"] for row in self.visible("O10", code) if not row["is_suppressed"]}
        found = [row for row in self.noise if row["organisation_code"] in shown and row["colour_changes"]]
        found.sort(key=lambda row: (row["organisation_code"] is not None, -row["colour_changes"]))
        bars = [
            Bar(self._whose(row["organisation_code"]), tuple(row[name] for _, name, _ in REASONS))
            for row in found[:MOST_BARS]
        ]
        if not bars:
            return []
        changes = count(found[0]["colour_changes"], "change")
        says = (
            f"{bars[0].label}: {number(found[0]['changes_by_noise'])} of {changes} between red, amber and "
            "green had no special cause and no changed target."
        )
        since = short_day(found[0]["from_date"])
        note = f"Since {since}, of series with a target. At most {MOST_BARS} organisations."
        parts = [(kind, text) for kind, _, text in REASONS]
        columns, title = ("Organisation", "All changes"), "Changes of colour, and why"
        of_all = "of all changes of colour"
        return [shares("rag-noise", title, says, bars, parts, columns, of_all, number, note)]

    def _gained(self, code: str | None) -> list[Drawing | None]:
        """What stays with whoever paid for a benefit, and what others gain, forecast and validated."""
        found = [
            row
            for row in self.visible("O12", code)
            if row["numerator"] is not None and row["denominator"] and not row["is_suppressed"]
        ][:MOST_BARS]
        bars = [
            Bar(
                f"{words(row['stratum'])}, {self._whose(row['organisation_code'])}",
                (row["denominator"] - row["numerator"], row["numerator"]),
            )
            for row in found
        ]
        if not bars:
            return []
        own = [bar for row, bar in zip(found, bars, strict=True) if row["organisation_code"] == code]
        told = [*bars[:1], *own][-1]
        amounts = f"{_pounds(told.amounts[1])} of {_pounds(told.whole)}"
        says = f"{told.label}: {amounts} fall to others than those who paid."
        note = "Amounts without their sign, in the middle of the range that is claimed."
        parts = (("cause", "Whoever paid gained"), ("noise", "Others gained"))
        columns, title = ("Stage and organisation", "All benefits"), "Who paid, and who gained"
        return [shares("gained", title, says, bars, parts, columns, "of all benefits", _pounds, note)]

    def _funnels(self, code: str | None) -> list[Drawing | None]:
        """A funnel a measure, on the page of all organisations."""
        if code is not None:
            return []
        found = self.visible("O16", None)
        whole = {row["measure_id"]: row for row in found if row["stratum"] == "share outside limits"}
        # A row without limits says how many units lie outside theirs.
        members = [row for row in found if row["organisation_code"] and row["lower"] is not None]
        by_measure = grouped(members, "measure_id")
        return [funnel(each, whole.get(measure), self._whose) for measure, each in by_measure.items()]


def _fifth_strip(found: Sequence[Row]) -> Strip:
    by_fifth = {row["stratum"]: row["value"] for row in found}
    values = tuple(100 * by_fifth[fifth] for fifth in FIFTHS)
    first = found[0]
    return Strip(first["measure_name"] or NOTHING, values, tuple(f"{number(value, 1)}%" for value in values))


def _spread(line: Strip) -> float:
    shown = [value for value in line.values if value is not None]
    return max(shown) - min(shown)


def _pounds(amount: float) -> str:
    return f"£{number(amount)}"

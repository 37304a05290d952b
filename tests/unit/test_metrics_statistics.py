"""The statistics of metrics against published examples, other packages and what was put in."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lifelines import KaplanMeierFitter
from lifelines.utils import median_survival_times
from scipy.stats import chi2_contingency, f, fisher_exact, jarque_bera
from statsmodels.regression.linear_model import OLS, WLS

from pipelines.metrics.association import (
    Table,
    odds_ratio,
    odds_ratio_as_risk_ratio,
    odds_to_risk_ratio,
    p_value,
    risk_difference,
    risk_ratio,
    stratified_odds_ratio,
    stratified_risk_ratio,
)
from pipelines.metrics.culture import displaced, gains, sickness_by_intensity
from pipelines.metrics.equity import dispersion, margin, slope_index
from pipelines.metrics.funnel import overdispersed_limits, overdispersion, poisson_limits
from pipelines.metrics.intervals import byar, clustered_mean, wilson
from pipelines.metrics.network import network
from pipelines.metrics.places import peers
from pipelines.metrics.series import has_enough_points, interrupted
from pipelines.metrics.survival import median_time
from pipelines.settings import PROJECT_ROOT

SHMI = PROJECT_ROOT.parent / "shared" / "data" / "shmi_2011_14" / "shmi.csv"

# Physicians' Health Study, Agresti, An Introduction to Categorical Data Analysis, section 2.2: heart attacks
# with placebo and with aspirin.
ASPIRIN = Table(189, 11034, 104, 11037)
# Admissions to Berkeley by department: men and women admitted (R's data set UCBAdmissions).
BERKELEY = [
    Table(512, 825, 89, 108),
    Table(353, 560, 17, 25),
    Table(120, 325, 202, 593),
    Table(138, 417, 131, 375),
    Table(53, 191, 94, 393),
    Table(22, 373, 24, 341),
]
# University Group Diabetes Program by age, Rothman, Modern Epidemiology, 3rd edition, table 15-1.
TOLBUTAMIDE = [Table(8, 106, 5, 120), Table(22, 98, 16, 85)]


@pytest.mark.parametrize(
    ("part", "whole", "lower", "upper"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_newcombe_s_table(part, whole, lower, upper):
    """Newcombe, Statistics in Medicine 1998, 17:857, table I, method 3."""
    found = wilson(np.array([part]), np.array([whole]))
    assert np.round([found[0][0], found[1][0]], 4) == pytest.approx([lower, upper])


def test_a_share_of_nothing_has_no_interval():
    lower, upper = wilson(np.array([0.0, np.nan]), np.array([0.0, 10.0]))
    assert np.isnan([*lower, *upper]).all()


@pytest.mark.parametrize(
    ("events", "lower", "upper"),
    [(0, 0.0, 3.689), (5, 1.623, 11.668), (10, 4.79, 18.39), (100, 81.36, 121.63)],
)
def test_byar_s_limits_are_those_of_the_books(events, lower, upper):
    """Exact below ten (Garwood's table), Byar's from there (Breslow and Day, table 2.11, to its second
    digit)."""
    found = byar(np.array([events]), np.array([1.0]))
    assert [found[0][0], found[1][0]] == pytest.approx([lower, upper], abs=0.006)


@pytest.mark.parametrize(
    ("table", "lower", "upper"),
    [
        (Table(56, 70, 48, 80), 0.0524, 0.3339),
        (Table(9, 10, 3, 10), 0.1705, 0.8090),
        (Table(10, 10, 0, 20), 0.6791, 1.0),
    ],
)
def test_newcombe_s_differences(table, lower, upper):
    """Newcombe, Statistics in Medicine 1998, 17:873, table II, method 10."""
    found = risk_difference(table)
    assert np.round([found.lower, found.upper], 4) == pytest.approx([lower, upper], abs=1e-4)


def test_ratios_of_the_physicians_health_study():
    ratio, odds = risk_ratio(ASPIRIN), odds_ratio(ASPIRIN)
    assert [ratio.value, ratio.lower, ratio.upper] == pytest.approx([1.82, 1.43, 2.31], abs=0.005)
    assert [odds.value, odds.lower, odds.upper] == pytest.approx([1.832, 1.440, 2.331], abs=0.0005)
    assert (ratio.method, odds.method) == ("katz", "woolf")


def test_a_sparse_table_gets_fisher_s_test_and_interval():
    """Fisher's tea: R's fisher.test gives p 0.4857, odds ratio 6.408, interval 0.2117 to 621.9
    (its upper end to one digit less than scipy's)."""
    tea = Table(3, 4, 1, 4)
    assert p_value(tea) == pytest.approx(0.4857, abs=1e-4)
    found = odds_ratio(tea)
    assert found.method == "fisher_exact"
    assert [found.value, found.lower] == pytest.approx([6.408, 0.2117], rel=1e-3)
    assert found.upper == pytest.approx(621.9, rel=0.01)


@pytest.mark.parametrize("table", [ASPIRIN, *TOLBUTAMIDE])
def test_p_value_is_scipy_s_or_fisher_s(table):
    known: Any = (
        fisher_exact(table.cells) if table.is_sparse else chi2_contingency(table.cells, correction=False)
    )
    assert p_value(table) == pytest.approx(known.pvalue)


def test_half_a_case_is_added_where_a_group_has_no_event():
    found = risk_ratio(Table(10, 100, 0, 100))
    assert found.method == "katz_plus_half"
    assert found.value == pytest.approx((10.5 / 100.5) / (0.5 / 100.5))
    assert found.lower < found.value < found.upper


def test_many_tables_at_once_are_told_as_each_alone():
    rng = np.random.default_rng(2)
    numbers = rng.integers(5, 200, (2, 40))
    events = rng.binomial(numbers, 0.1)
    events[:, 0], numbers[:, 1], events[1, 1] = 0, 6, 1
    together = Table(events[0], numbers[0], events[1], numbers[1])
    for statistic in (risk_ratio, risk_difference):
        found = statistic(together)
        for at in range(40):
            alone = statistic(Table(events[0, at], numbers[0, at], events[1, at], numbers[1, at]))
            assert found.value[at] == pytest.approx(alone.value)
            assert [found.lower[at], found.upper[at], found.p_value[at]] == pytest.approx(
                [alone.lower, alone.upper, alone.p_value]
            )


def test_mantel_haenszel_of_berkeley():
    """R: mantelhaen.test(UCBAdmissions, correct = FALSE): 0.9047, 0.7719 to 1.0603, p 0.2169; DescTools'
    BreslowDayTest(correct = TRUE): p 0.0021."""
    found = stratified_odds_ratio(BERKELEY)
    assert [found.value, found.lower, found.upper] == pytest.approx([0.9047, 0.7719, 1.0603], abs=1e-4)
    assert found.p_value == pytest.approx(0.2169, abs=1e-3)
    assert found.homogeneity_p_value == pytest.approx(0.0021, abs=1e-4)


def test_stratified_risk_ratio_of_the_diabetes_program():
    """Rothman gives 1.33 with an interval of 0.80 to 2.2."""
    found = stratified_risk_ratio(TOLBUTAMIDE)
    assert [found.value, found.lower, found.upper] == pytest.approx([1.33, 0.80, 2.2], abs=0.01)


def test_one_stratum_is_no_stratum():
    found, katz = stratified_risk_ratio([ASPIRIN]), risk_ratio(ASPIRIN)
    assert [found.value, found.lower, found.upper] == pytest.approx([katz.value, katz.lower, katz.upper])


def test_the_base_rate_at_which_elft_s_odds_ratio_is_a_risk_ratio_of_1_8():
    """ELFT says "2.8 times more likely" with full partners. As an odds ratio that is 1.8 times the chance
    when 31% of the others meet their aim: which statistic it is has to be said."""
    base = (2.8 / 1.8 - 1) / (2.8 - 1)
    assert base == pytest.approx(0.3086, abs=1e-4)
    assert odds_to_risk_ratio(2.8, base) == pytest.approx(1.8)
    others = 10_000
    exact = Table(1.8 * base * others, others, base * others, others)
    assert odds_ratio(exact).value == pytest.approx(2.8)
    assert risk_ratio(exact).value == pytest.approx(1.8)
    converted = odds_ratio_as_risk_ratio(exact)
    assert converted.value == pytest.approx(1.8)
    assert converted.lower == pytest.approx(odds_to_risk_ratio(odds_ratio(exact).lower, base))


def test_an_odds_ratio_that_has_no_end_is_a_risk_ratio_of_one_over_the_base_rate():
    table = Table(4, 4, 1, 4)
    assert np.isinf(odds_ratio(table).upper)
    assert odds_ratio_as_risk_ratio(table).upper == 4


@pytest.fixture(scope="module")
def shmi() -> pd.DataFrame:
    assert SHMI.exists(), f"the published limits are missing: {SHMI}"
    return pd.read_csv(SHMI)


def test_poisson_limits_are_those_shmi_published(shmi):
    lower, upper = poisson_limits(shmi["EXPECTED"].to_numpy())
    assert len(shmi) == 1576
    assert np.abs(lower - shmi["PO_LL"]).max() < 5e-5
    assert np.abs(upper - shmi["PO_UL"]).max() < 5e-5


def test_overdispersed_limits_are_those_shmi_published(shmi):
    """In every release, not only in those of 2014: a tenth is trimmed by rank, rounded down."""
    for _, release in shmi.groupby("DATE"):
        expected = release["EXPECTED"].to_numpy()
        tau2 = overdispersion(release["OBSERVED"].to_numpy(), expected)
        lower, upper = overdispersed_limits(expected, tau2, confidence=0.95)
        assert np.abs(lower - release["OD_LL"]).max() < 1e-4
        assert np.abs(upper - release["OD_UL"]).max() < 1e-4


def test_members_that_differ_by_chance_only_are_not_overdispersed():
    expected = np.linspace(50, 400, 60)
    excess = [overdispersion(np.random.default_rng(seed).poisson(expected), expected) for seed in range(40)]
    assert np.mean(excess) < 0.002
    assert overdispersion(np.array([5.0]), np.array([4.0])) == 0.0


# Remission of leukaemia with 6-mercaptopurine, Freireich 1963: weeks, and whether it ended.
WEEKS = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
ENDED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]


def test_kaplan_meier_s_median_of_freireich_s_patients():
    """R's survfit(conf.type = "log-log"): 23, from 13 to beyond the data."""
    found = median_time(np.array(WEEKS), np.array(ENDED))
    assert (found.value, found.lower) == (23, 13)
    assert np.isnan(found.upper)


@pytest.mark.parametrize("seed", range(20))
def test_medians_are_those_of_lifelines(seed):
    rng = np.random.default_rng(seed)
    times, watched = rng.exponential(300, 60).round() + 1, rng.exponential(500, 60).round() + 1
    durations, happened = np.minimum(times, watched), times <= watched
    found = median_time(durations, happened)
    fit = KaplanMeierFitter().fit(durations, happened)
    medians: Any = median_survival_times(fit.confidence_interval_)
    bounds = medians.iloc[0].to_list()
    assert found.value == fit.median_survival_time_
    assert [found.lower, found.upper] == pytest.approx(
        [b if np.isfinite(b) else np.nan for b in bounds], nan_ok=True
    )


def test_nobody_who_had_the_event_gives_no_median():
    assert np.isnan(median_time(np.array([5.0, 6.0]), np.array([False, False])).value)


def test_slope_index_is_statsmodels_weighted_regression():
    rng = np.random.default_rng(3)
    people = rng.integers(200, 3000, (6, 5)).astype(float)
    events = rng.binomial(people.astype(int), 0.3).astype(float)
    found, _ = slope_index(events, people)
    for at in range(len(people)):
        share = people[at] / people[at].sum()
        rank = 1 - (np.cumsum(share) - share / 2)
        design = np.column_stack([np.ones(5), rank])
        fit = WLS(events[at] / people[at], design, weights=people[at]).fit()
        assert found[at] == pytest.approx(fit.params[1])


def test_dispersion_is_statsmodels_of_the_same_regression():
    """The scale of a weighted regression whose weights are one over the variance, where people are alike."""
    rng = np.random.default_rng(9)
    people = np.full((5, 5), 2000.0)
    events = rng.binomial(2000, 0.3 * rng.lognormal(0, 0.1, (5, 5))).astype(float)
    smoothed = (events + 0.5) / (people + 1)
    for at in range(5):
        design = np.column_stack([np.ones(5), np.arange(5)])
        left = OLS(events[at] / 2000, design).fit().resid
        expected = (left**2 * 2000 / (smoothed[at] * (1 - smoothed[at]))).sum() / 3
        assert dispersion(events, people)[at] == pytest.approx(expected)
    chance = dispersion(rng.binomial(2000, 0.3, (4000, 5)), np.full((4000, 5), 2000))
    assert chance.mean() == pytest.approx(1, abs=0.05)


def test_slope_index_of_an_even_gradient_is_the_distance_between_its_ends():
    people = np.full((1, 5), 1000.0)
    found, _ = slope_index(np.array([[300.0, 280.0, 260.0, 240.0, 220.0]]), people)
    assert found[0] == pytest.approx(0.10)


def test_the_interval_of_a_mean_allows_for_clusters():
    """With every cluster of one value, cycles of a project say no more than one does."""
    rng = np.random.default_rng(1)
    level = rng.normal(2.5, 0.6, 30)
    alike = pd.Series(np.repeat(level, 10))
    clusters = pd.Series(np.repeat(np.arange(30), 10))
    value, lower, upper = clustered_mean(alike, clusters)
    half = 2.045 * level.std(ddof=1) / np.sqrt(30)
    assert value == pytest.approx(level.mean())
    assert [lower, upper] == pytest.approx([value - half, value + half], rel=0.02)


def test_the_share_of_an_amount_has_the_interval_of_a_ratio_of_sums():
    """Cochran, Sampling Techniques, 3rd edition, section 6.3: residuals from the ratio, over the sum."""
    lines = pd.DataFrame(
        {
            "organisation_code": "ZZ1",
            "stage": "forecast",
            "period_start": pd.NaT,
            "period_end": pd.Timestamp("2026-11-30"),
            "project_id": ["a", "b", "c", "d"],
            "amount": [100.0, 300.0, 400.0, 200.0],
            "is_displaced": [True, False, True, False],
        }
    )
    found = displaced(lines).iloc[0]
    left = np.array([100, 0, 400, 0]) - 0.5 * lines["amount"].to_numpy()
    half = 3.182446 * np.sqrt(4 / 3 * (left**2).sum()) / 1000
    assert found["value"] == pytest.approx(0.5)
    assert [found["lower"], found["upper"]] == pytest.approx([max(0.5 - half, 0), min(0.5 + half, 1)])
    assert np.isnan(displaced(lines.assign(is_displaced=True)).iloc[0]["lower"])


def test_maturity_gains_are_those_of_the_same_group_on_the_same_item():
    first = {("i1", "executive"): 2, ("i1", "frontline"): 1, ("i2", "executive"): 3, ("i2", "frontline"): 3}
    last = {("i1", "executive"): 3, ("i1", "frontline"): 2, ("i2", "executive"): 3, ("i3", "frontline"): 5}
    items = pd.DataFrame(
        [
            {
                "organisation_code": "ZZ1",
                "unit_code": None,
                "assessed_on": pd.Timestamp(day),
                "component": "people_and_culture",
                "item_code": item,
                "assessor_group": group,
                "level_rank": level,
            }
            for day, levels in (("2025-03-01", first), ("2026-03-01", last))
            for (item, group), level in levels.items()
        ]
    )
    found: Any = gains(items).set_index("stratum").loc["all"]
    assert (found["value"], found["n"]) == (pytest.approx(2 / 3), 3)
    assert found["lower"] < 2 / 3 < found["upper"]


def test_rank_correlation_has_bonett_and_wright_s_interval():
    """Psychometrika 2000, 65:23: error sqrt((1 + rho^2 / 2) / (n - 3)) on Fisher's scale; rho by Spearman's
    formula for ranks without ties."""
    frame = pd.DataFrame(
        {
            "organisation_code": [f"ZZ{at}" for at in range(6)],
            "period_start": pd.Timestamp("2025-11-01"),
            "period_end": pd.Timestamp("2026-10-31"),
            "projects_per_1000_wte": [1.0, 2, 3, 4, 5, 6],
            "sickness": [0.06, 0.05, 0.055, 0.04, 0.045, 0.03],
        }
    )
    rho = 1 - 6 * (25 + 4 + 4 + 4 + 4 + 25) / (6 * 35)
    half = 1.959964 * np.sqrt((1 + rho**2 / 2) / 3)
    found = sickness_by_intensity(frame).iloc[0]
    ends = np.tanh(np.arctanh(rho) + np.array([-half, half]))
    assert found["value"] == pytest.approx(rho)
    assert [found["lower"], found["upper"]] == pytest.approx(list(ends), rel=1e-5)


def test_a_place_among_peers_is_the_share_of_the_others_that_do_worse():
    results = pd.DataFrame(
        {
            "metric_id": "P",
            "organisation_code": list("abcdef"),
            "unit_code": None,
            "measure_id": None,
            "period_start": pd.Timestamp("2026-11-01"),
            "period_end": pd.Timestamp("2026-11-30"),
            "stratum": "all",
            "value": [0.1, 0.2, 0.3, 0.3, 0.5, 0.6],
            "lower": [0.0, 0.1, 0.2, 0.2, 0.25, 0.5],
            "upper": [0.2, 0.3, 0.4, 0.4, 0.65, 0.7],
        }
    )
    catalogue = pd.DataFrame({"metric_id": ["P"], "access": ["peers"], "direction": ["decrease"]})
    found = peers(results, catalogue).set_index("organisation_code")
    assert found.loc["a", "value"] == 1
    assert found.loc["c", "value"] == pytest.approx(2.5 / 5)
    fifth: Any = found.loc["e"]
    assert [fifth["value"], fifth["lower"], fifth["upper"]] == pytest.approx([1 / 5, 0, 3 / 5])
    unit = results.head(1).assign(unit_code="U1", value=0.0)
    assert len(peers(pd.concat([results, unit]), catalogue)) == 6


def test_reciprocity_and_density_of_a_drawn_network():
    """Four units; a and b name each other, c names a and itself: 2M / (2M + A) = 2/3, 3 ties of 12."""
    found = network("abcd", [("a", "b"), ("b", "a"), ("c", "a"), ("c", "c")])
    assert (found.reciprocity, found.density) == (pytest.approx(2 / 3), pytest.approx(3 / 12))
    assert (found.present, found.possible, found.mutual_ties) == (3, 12, 2)
    assert network("ab", []).reciprocity is None


def series(seed: int, level: float, slope: float, points: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """A series with a step and a bend half way, and independent noise."""
    time, after = np.arange(points), np.arange(points) >= points // 2
    noise = np.random.default_rng(seed).normal(0, 2, points)
    return 50 + 0.2 * time + after * (level + slope * (time - points // 2)) + noise, after


def one_interrupted(values: np.ndarray, after: np.ndarray) -> SimpleNamespace:
    """What is found of a single series, as plain numbers."""
    found = interrupted(values, np.array([len(values)]), np.array([np.sum(~after)]))
    return SimpleNamespace(**{name: column[0] for name, column in vars(found).items()})


def test_interrupted_series_gives_back_what_was_drawn():
    values, after = series(0, 5.0, 0.5)
    noise = np.random.default_rng(0).normal(0, 2, 40)
    found = one_interrupted(values - noise + noise * 1e-6, after)
    assert [found.slope_before, found.level_change, found.slope_change] == pytest.approx(
        [0.2, 5, 0.5], abs=1e-4
    )
    assert found.effect_after == 20
    assert found.effect == pytest.approx(5 + 0.5 * 19, abs=1e-4)
    assert found.expected_without_change == pytest.approx(50 + 0.2 * 39, abs=1e-4)


def drawn(seed: int, amount: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Series of several lengths, some of which depend on the point before: values, points, points before."""
    rng = np.random.default_rng(seed)
    points = rng.choice([16, 17, 24, 40, 61, 130], amount)
    before = np.clip((points * rng.uniform(0.2, 0.8, amount)).astype(int), 8, points - 8)
    noise = (rng.normal(0, 2, n) + rng.integers(2) * np.cumsum(rng.normal(0, 1, n)) for n in points)
    return np.concatenate([1000 + each for each in noise]), points, before


def test_interrupted_series_are_those_of_statsmodels():
    """Segmented regression, Newey and West's errors with t quantiles, Jarque and Bera's test and F tests."""
    values, points, before = drawn(3, 60)
    found = interrupted(values, points, before)
    for number, each in enumerate(np.split(values, np.cumsum(points)[:-1])):
        n, at, lags = points[number], before[number], found.lags[number]
        time, after = np.arange(n), (np.arange(n) >= at).astype(float)
        design = np.column_stack([np.ones(n), time, after, after * (time - at)])
        kwds = {"maxlags": int(lags), "use_correction": True}
        fit: Any = OLS(each, design).fit(cov_type="HAC", cov_kwds=kwds, use_t=True)
        horizon = found.effect_after[number] - 1
        effect = fit.t_test(np.array([0.0, 0.0, 1.0, horizon]))
        bounds = fit.conf_int()
        normality: Any = jarque_bera(fit.resid)
        expected = {
            "slope_before": fit.params[1],
            "level_change": fit.params[2],
            "level_change_lower": bounds[2][0],
            "level_change_upper": bounds[2][1],
            "slope_change": fit.params[3],
            "slope_change_lower": bounds[3][0],
            "slope_change_upper": bounds[3][1],
            "effect": effect.effect.item(),
            "effect_lower": effect.conf_int()[0][0],
            "effect_upper": effect.conf_int()[0][1],
            "expected_without_change": fit.params[0] + fit.params[1] * (at + horizon),
            "residuals_p_value": normality.pvalue,
        }
        for name, value in expected.items():
            assert getattr(found, name)[number] == pytest.approx(value, rel=1e-9, abs=1e-9), name
        sides = (slice(None, at), slice(at, None))
        halves = [OLS(each[side], np.vander(time[side], 2)).fit() for side in sides]
        ratio = halves[1].mse_resid / halves[0].mse_resid
        tail = f.cdf(ratio, halves[1].df_resid, halves[0].df_resid)
        words = found.assumptions_failed[number] or ""
        assert ("scatter differs" in words) == (2 * min(tail, 1 - tail) < 0.01)
        curve = OLS(each[:at], np.vander(time[:at], 3)).fit()
        assert ("not straight" in words) == (curve.compare_f_test(halves[0])[1] < 0.01)
        assert ("depend on" in words) == (abs(found.autocorrelation[number]) > 2.58 / np.sqrt(n))


def test_a_series_is_told_the_same_alone_and_among_others():
    values, points, before = drawn(4, 30)
    together = interrupted(values, points, before)
    for number, each in enumerate(np.split(values, np.cumsum(points)[:-1])):
        alone = interrupted(each, points[number : number + 1], before[number : number + 1])
        for name, column in vars(together).items():
            assert column[number] == getattr(alone, name)[0], name


def test_interrupted_series_says_what_does_not_hold():
    rng = np.random.default_rng(5)
    after = np.arange(60) >= 30
    walk = np.cumsum(rng.normal(0, 1, 60))
    assert "residuals depend on the point before" in one_interrupted(walk, after).assumptions_failed
    bent = np.where(after, 0, (np.arange(60) - 15.0) ** 2) + rng.normal(0, 1, 60)
    assert "the line before the change is not straight" in one_interrupted(bent, after).assumptions_failed
    scattered = rng.normal(0, np.where(after, 6, 1), 60)
    assert "scatter differs between before and after" in one_interrupted(scattered, after).assumptions_failed
    level = np.where(np.arange(60) % 3, 12.0, 13.0)
    assert "most points have the same value" in one_interrupted(level, after).assumptions_failed
    assert one_interrupted(*series(2, 5, 0)).assumptions_failed is None


def test_a_series_without_scatter_has_an_interval_of_nothing_and_fails_no_test_of_residuals():
    found = one_interrupted(np.repeat([10.0, 12.0], 10), np.repeat([False, True], 10))
    assert (found.level_change, found.level_change_lower, found.level_change_upper) == (2, 2, 2)
    assert (found.residuals_p_value, found.autocorrelation) == (1, 0)
    assert found.assumptions_failed is None


def test_interrupted_series_asks_for_eight_points_on_each_side():
    assert has_enough_points(np.array([20, 20, 16]), np.array([13, 12, 8])).tolist() == [False, True, True]
    with pytest.raises(ValueError, match="fewer than 8"):
        interrupted(np.arange(20.0), np.array([20]), np.array([13]))


SEEDS = range(200)
# With 200 seeds and a coverage of 95%, fewer than 181 hits are rarer than one in a thousand (binomial).
FEWEST_HITS = 181


def test_planted_risk_ratio_is_inside_the_stratified_interval_as_often_as_stated():
    """Risk ratio 2.2 within layers, exposure more frequent where success is: the crude ratio is off."""
    rng = np.random.default_rng(20261126)
    base, exposed_share, size = np.array([0.15, 0.25, 0.35]), np.array([0.15, 0.3, 0.5]), 300
    hits, crude = 0, 0
    for _ in SEEDS:
        exposed = rng.binomial(size, exposed_share)
        events, others = rng.binomial(exposed, 2.2 * base), rng.binomial(size - exposed, base)
        tables = [
            Table(*map(float, row)) for row in zip(events, exposed, others, size - exposed, strict=True)
        ]
        found = stratified_risk_ratio(tables)
        hits += found.lower <= 2.2 <= found.upper
        whole = risk_ratio(Table(events.sum(), exposed.sum(), others.sum(), (size - exposed).sum()))
        crude += whole.lower <= 2.2 <= whole.upper
    assert FEWEST_HITS <= hits <= 199
    assert crude < FEWEST_HITS


def test_planted_narrowing_of_a_gap_is_inside_its_interval_as_often_as_stated():
    """A slope index that falls from 0.10 to 0.04."""
    rng = np.random.default_rng(7)
    people = np.tile([2600, 2200, 2000, 1700, 1500], (len(SEEDS), 1))
    share = people / people.sum(axis=1, keepdims=True)
    rank = 1 - (np.cumsum(share, axis=1) - share / 2)
    first, first_error = slope_index(rng.binomial(people, 0.2 + 0.10 * rank), people)
    last, last_error = slope_index(rng.binomial(people, 0.2 + 0.04 * rank), people)
    half = margin(np.hypot(first_error, last_error))
    hits = np.sum(np.abs(last - first + 0.06) <= half)
    assert FEWEST_HITS <= hits <= 199


def test_planted_step_is_inside_its_interval_nearly_as_often_as_stated():
    """Newey and West's errors are known to be a little short in small samples: 90% is asked for."""
    values = np.concatenate([series(seed, 5.0, 0.0, points=60)[0] for seed in SEEDS])
    found = interrupted(values, np.full(len(SEEDS), 60), np.full(len(SEEDS), 30))
    assert np.sum((found.level_change_lower <= 5.0) & (found.level_change_upper >= 5.0)) >= 172


def test_wilson_covers_a_planted_gain_as_often_as_stated():
    rng = np.random.default_rng(11)
    part = rng.binomial(120, 0.62, len(SEEDS))
    lower, upper = wilson(part, np.full(len(SEEDS), 120))
    assert FEWEST_HITS <= np.sum((lower <= 0.62) & (upper >= 0.62)) <= 199

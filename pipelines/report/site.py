"""The site: static pages built from one published mart.

Belongs here: which pages there are, which of them must be made anew, and writing them. Does not belong here:
what stands on a page. Pages of series and projects are made anew only when what they show has changed; the
others are second names of the last site's files. Everything else is short and made anew each time.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb

from pipelines.mart.warehouse import reading
from pipelines.report import mart, series
from pipelines.report.measures import measure_pages
from pipelines.report.metrics import Metrics
from pipelines.report.overview import Overview
from pipelines.report.projects import Projects
from pipelines.report.quality import quality_page
from pipelines.report.reference import dictionary_pages, method_page
from pipelines.report.site_map import Site, read_site
from pipelines.report.templates import ASSETS, FOLDER

KEYS_NAME = "keys.json"
SERIES_FILES = (".html", ".svg", ".csv")


@dataclass(frozen=True)
class SiteBuilt:
    """What a build came to: pages made anew, and pages that are as they were."""

    made: int
    kept: int
    folder: Path


def build_site(
    mart_file: Path, folder: Path, last: Path | None = None, progress: Callable[[str], None] = lambda _: None
) -> SiteBuilt:
    """Build the site of `mart_file` in `folder`, which must not exist. `last`: the folder of an earlier site,
    whose unchanged pages get a second name.

    Raises:
        FileNotFoundError, DamagedFile: the mart cannot be read; the message says what to do.
        FileExistsError: the folder is there already.
    """
    folder.mkdir(parents=True)
    shutil.copytree(ASSETS, folder / "assets")
    with reading(mart_file) as connection:
        site = read_site(connection)
        projects = Projects(site, connection)
        keys = _series_keys(site, connection) | {
            site.project_page(it): mart.digest(site.release.get("contains_synthetic"), projects.key(it))
            for it in site.projects
        }
        writer = _Writer(folder, last, keys)
        progress(
            f"report: {len(writer.changed):,} of {len(keys):,} pages of measures and projects have changed"
        )
        _write_series(site, connection, writer, progress)
        for it in site.projects:
            if site.project_page(it) in writer.changed:
                writer.write(site.project_page(it), projects.page(it))
        for place, text in _short_pages(site, projects, connection):
            writer.write(place, text)
    known = {
        "code": code_digest(),
        "release": site.release.get("release_id"),
        "note": site.release.get("note"),
        "keys": keys,
    }
    (folder / KEYS_NAME).write_text(json.dumps(known), encoding="utf-8")
    return SiteBuilt(made=len(writer.changed), kept=len(keys) - len(writer.changed), folder=folder)


class _Writer:
    """Writes pages below a folder; links those whose key is as it was in the last site."""

    def __init__(self, folder: Path, last: Path | None, keys: dict[str, str]):
        self._folder = folder
        self._folders: set[str] = set()
        known = _last_keys(last)
        self.changed = {place for place, key in keys.items() if known.get(place) != key}
        if last is not None:
            for place in keys.keys() - self.changed:
                if not self._link(last, place):
                    self.changed.add(place)

    def write(self, place: str, text: str) -> None:
        self._make_folder(place)
        with open(f"{self._folder}/{place}", "wb") as file:  # noqa: PTH123 (a Path costs more than the file)
            file.write(text.encode("utf-8"))

    def _make_folder(self, place: str) -> None:
        parent = place.rpartition("/")[0]
        if parent not in self._folders:
            (self._folder / parent).mkdir(parents=True, exist_ok=True)
            self._folders.add(parent)

    def _link(self, last: Path, place: str) -> bool:
        """Give a page's files of the last site a second name here. Tells whether all of them are there."""
        self._make_folder(place)
        stem = place.removesuffix(".html")
        names = [f"{stem}{ending}" for ending in SERIES_FILES] if "/m/" in place else [place]
        for name in names:
            old, new = f"{last}/{name}", f"{self._folder}/{name}"
            try:
                os.link(old, new)
            except FileNotFoundError:
                # Writing to a second name would change the last site.
                for made in names:
                    (self._folder / made).unlink(missing_ok=True)
                return False
            except OSError:
                shutil.copyfile(old, new)
        return True


def _last_keys(last: Path | None) -> dict[str, str]:
    """The keys of the last site's pages, if it was made by the same code."""
    found = _known(last)
    return found["keys"] if found and found["code"] == code_digest() else {}


def _known(folder: Path | None) -> dict | None:
    if folder is None or not (folder / KEYS_NAME).exists():
        return None
    return json.loads((folder / KEYS_NAME).read_text(encoding="utf-8"))


def is_site_of(folder: Path, release_id: str, note: str | None) -> bool:
    """Whether a folder holds the whole site of a release with its note, made by today's code."""
    found = _known(folder)
    wanted = (release_id, note, code_digest())
    return found is not None and (found["release"], found.get("note"), found["code"]) == wanted


@cache
def code_digest() -> str:
    """A hash of the code and templates that make pages: when it changes, all are made anew."""
    made = hashlib.sha256(duckdb.__version__.encode("utf-8"))
    for path in sorted(FOLDER.rglob("*")):
        if path.suffix in (".py", ".jinja"):
            made.update(path.relative_to(FOLDER).as_posix().encode("utf-8"))
            made.update(path.read_bytes())
    return made.hexdigest()


def _series_keys(site: Site, connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Page of each series -> a hash of all that it shows."""
    points, versions = mart.chart_hashes(connection), mart.version_hashes(connection)
    verdicts = {load_id: repr(list(load.values())) for load_id, load in site.loads.items()}
    cycles = {project_id: mart.digest(found) for project_id, found in site.cycles.items()}
    is_synthetic = site.release.get("contains_synthetic")
    digests = {rule_set_id: mart.digest(is_synthetic, found) for rule_set_id, found in site.rule_sets.items()}
    keys = {}
    for it in site.series:
        series_id = it["series_id"]
        keys[site.series_page(it)] = mart.digest(
            it["row_hash"],
            site.organisations[it["organisation_code"]],
            digests[it["rule_set_id"]],
            points.get(series_id),
            versions.get(series_id),
            [verdicts.get(load_id) for load_id in versions.get(series_id, ("", []))[1] or []],
            site.phases.get(series_id),
            site.suggestions.get(series_id),
            cycles.get(it["project_id"]),
            site.siblings(it),
        )
    return keys


def _write_series(
    site: Site, connection: duckdb.DuckDBPyConnection, writer: _Writer, progress: Callable[[str], None]
) -> None:
    wanted = {it["series_id"]: it for it in site.series if site.series_page(it) in writer.changed}
    if not wanted:
        return
    connection.execute("create temp table wanted as select unnest(?::varchar[]) as series_id", [list(wanted)])
    connection.execute(mart.POINTS)
    connection.execute(mart.REVISIONS)
    revised = mart.grouped(
        mart.rows(connection, "from revisions order by valid_from, period_start"), "series_id"
    )
    for done, (series_id, points) in enumerate(series.points_of(connection), start=1):
        it = wanted[series_id]
        texts = series.render(site, it, points, revised.get(series_id, []))
        for ending, text in zip(SERIES_FILES, texts, strict=True):
            writer.write(f"{site.series_place(it)}{ending}", text)
        if done % 1000 == 0:
            progress(f"report: {done:,} of {len(wanted):,} charts drawn")


def _short_pages(
    site: Site, projects: Projects, connection: duckdb.DuckDBPyConnection
) -> Iterator[tuple[str, str]]:
    """Address and text of everything else."""
    overview = Overview(site, projects, connection)
    metrics = Metrics(site, connection)
    for organisation_code in (None, *site.organisations):
        yield overview.page(organisation_code)
        yield from measure_pages(site, organisation_code)
        yield from projects.listing_pages(organisation_code)
        yield from metrics.pages(organisation_code)
    yield from overview.organisation_pages()
    yield quality_page(site, connection)
    yield method_page(site, metrics.catalogue)
    yield from dictionary_pages(site, connection)

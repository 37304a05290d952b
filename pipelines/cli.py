"""The command `qi`: run the night, ask the mart, follow a number back.

Heavy libraries are imported inside the commands that need them, so that `qi --help` answers at once.
"""

import json
import os
import shutil
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import click

from pipelines.settings import PROJECT_ROOT, Settings

ISO_DATE = click.DateTime(["%Y-%m-%d"])
WRITABLE = click.Path(path_type=Path, dir_okay=False, writable=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--inbox", type=click.Path(path_type=Path), help="Folder of delivered files (QI_INBOX, ./inbox)."
)
@click.option("--home", type=click.Path(path_type=Path), help="Folder of lake and mart (QI_HOME, ./qi_home).")
@click.pass_context
def main(context: click.Context, inbox: Path | None, home: Path | None) -> None:
    """QI Mart: from delivered files to a published mart for quality improvement.

    \b
    qi check FILE               would a file load, and if not, why
    qi run                      take in the inbox, build, audit, publish
    qi sql "select ..."         ask the published mart
    qi onboard FILE             draft the mapping of a file nobody knows
    qi export TABLE --out FILE  write an answer as CSV, Parquet or workbook; all points as CML
    qi mf query --metrics NAME  ask for a metric by name, grouped as you like
    qi explain MEASURE ORG DAY  follow one number back to its file and line
    qi report                   make the pages of the published mart
    qi loads                    what came, and what became of it
    qi verify                   is everything that is kept still as it was written
    """
    given = {name: path for name, path in (("inbox", inbox), ("home", home)) if path is not None}
    context.obj = Settings().model_copy(update=given)


@main.command()
@click.option("--demo-if-empty", is_flag=True, help="Make the synthetic demo organisation in an empty inbox.")
@click.option("--full-refresh", is_flag=True, help="Build every table anew from the lake.")
@click.option("--received-from", type=ISO_DATE, help="Only files received on or after this day.")
@click.option("--received-to", type=ISO_DATE, help="Only files received on or before this day.")
@click.option(
    "--reread", is_flag=True, help="Read files again that are loaded already (needs a day, or --all)."
)
@click.option("--all", "everything", is_flag=True, help="With --reread: every file that ever came.")
@click.pass_obj
def run(
    settings: Settings,
    demo_if_empty: bool,
    full_refresh: bool,
    received_from: datetime | None,
    received_to: datetime | None,
    reread: bool,
    everything: bool,
) -> None:
    """Run the night: take in what is new, build the warehouse, audit it, publish it.

    Safe to run again at any time: what is loaded stays loaded, what was cut off is finished. Exit
    status 0: published, or nothing to publish; 1: the run failed and the last release stays.
    """
    from pipelines.extracts.contract import ContractError
    from pipelines.extracts.mapping import MappingError
    from pipelines.faults import Stopped
    from pipelines.lock import single_writer
    from pipelines.nightly import run_nightly

    if received_from and received_to and received_from > received_to:
        raise click.UsageError("--received-from is after --received-to, so no file can lie between them.")
    if reread and not (received_from or received_to or everything):
        raise click.UsageError(
            "--reread needs --received-from or --received-to; --all reads every file again."
        )
    if everything and not reread:
        raise click.UsageError("--all belongs to --reread.")
    if demo_if_empty and _is_empty(settings.inbox_path):
        _make_demo(settings, {})
    intake = {
        "received_from": f"{received_from:%Y-%m-%d}" if received_from else "",
        "received_to": f"{received_to:%Y-%m-%d}" if received_to else "",
        "reread": reread,
        "everything": everything,
    }
    try:
        with single_writer(settings):
            lines, is_success = run_nightly(settings, intake, full_refresh, click.echo)
    except (Stopped, ContractError, MappingError) as fault:
        raise click.ClickException(str(fault)) from fault
    click.echo("\n".join(lines))
    sys.exit(0 if is_success else 1)


@main.command()
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path, exists=True)
)
@click.option("--mapping", metavar="NAME", help="Take every file for this layout, whatever its name is.")
@click.option("--as-of", type=ISO_DATE, help="Judge as on this day (default: today).")
@click.option("--html", type=WRITABLE, help="Write the report as one HTML page.")
@click.option("--csv", type=WRITABLE, help="Write every failing line as CSV.")
@click.option("--xlsx", type=WRITABLE, help="Write counts and failing lines as a workbook.")
@click.pass_obj
def check(
    settings: Settings,
    files: tuple[Path, ...],
    mapping: str | None,
    as_of: datetime | None,
    html: Path | None,
    csv: Path | None,
    xlsx: Path | None,
) -> None:
    """Say what the night would make of FILEs, without loading anything.

    Files and folders are recognised, read and judged by the same rules as at night. What rows refer to
    (organisations, measures, ...) is looked up in the lake of the home and in the other files given; where
    there is no lake, a reference to an extract that was not given is not checked, and the report says so.
    Reports name lines, columns, rules and remedies. They never hold what stands in a cell.

    
    qi check measure_points_2026-10.csv
    qi check delivery/ --html report.html --xlsx report.xlsx
    qi check returns.csv --mapping larkfield_safety --as-of 2026-10-31

    
    Exit status, the worst of all files:
      0  it would load wholly (there may be warnings)
      1  it would load, but rows would wait in quarantine
      2  it would be refused or is not recognised (also: a wrong option)
      3  our own software failed on it
    """
    from pipelines.check.check import UnknownMapping
    from pipelines.check.check import check as judge
    from pipelines.check.page import write_page
    from pipelines.check.sheets import write_csv, write_xlsx
    from pipelines.check.text import as_text
    from pipelines.extracts.contract import ContractError
    from pipelines.extracts.mapping import MappingError
    from pipelines.room import NoRoom

    now = as_of or settings.clock()
    try:
        found = judge(settings, files, mapping, now, lambda line: click.echo(line, err=True))
    except UnknownMapping as fault:
        raise click.UsageError(str(fault)) from fault
    except (ContractError, MappingError, NoRoom) as fault:
        raise click.ClickException(str(fault)) from fault
    click.echo("\n".join(as_text(found)))
    for path, write in ((html, write_page), (csv, write_csv), (xlsx, write_xlsx)):
        if path is not None:
            write(found, path)
            click.echo(f"Written: {path}")
    sys.exit(found.verdict)


@main.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", help="Name of the mapping; by default made of the file's name.")
@click.option("--out", type=click.Path(path_type=Path), help="File to write the draft to, named <name>.yml.")
def onboard(file: Path, name: str | None, out: Path | None) -> None:
    """Look at an unknown FILE and draft its mapping, with comments where it is unsure.

    It finds the table in the file and guesses which columns are organisations, periods, counts and totals.
    The draft is tried on the file before it is shown. It never repeats what free text holds. Correct it,
    save it in pipelines/extracts/mappings/ and see what `qi check FILE` says.

    \b
    qi onboard returns_2026-10.xlsx
    qi onboard returns_2026-10.csv --out pipelines/extracts/mappings/kestrel_returns.yml
    """
    from pipelines.extracts.contract import load_contracts
    from pipelines.extracts.faults import UnreadableFile
    from pipelines.extracts.mapping import MappingError, load_mappings
    from pipelines.extracts.onboard import onboard as draft_of
    from pipelines.settings import CONTRACTS, MAPPINGS

    try:
        contracts = load_contracts(CONTRACTS)
        chosen = name or (out.stem if out is not None else None)
        drafted = draft_of(file, contracts, load_mappings(MAPPINGS, contracts), chosen)
    except (UnreadableFile, MappingError) as fault:
        raise click.ClickException(str(fault)) from fault
    if out is None:
        click.echo(drafted.text, nl=False)
    elif out.exists():
        raise click.ClickException(f"{out} is there already, and drafts overwrite nothing.")
    else:
        out.write_text(drafted.text, encoding="utf-8")
        click.echo(f"Drafted: {out}. Look for `unsure` and CHANGE in it, then try `qi check {file}`.")


@main.command()
@click.argument("query")
@click.option("--format", "file_format", type=click.Choice(["table", "csv", "json"]), default="table")
@click.pass_obj
def sql(settings: Settings, query: str, file_format: str) -> None:
    """Ask the published mart. QUERY is SQL, or the path of a .sql file such as the cookbook's.

    \b
    qi sql "select * from ops.release"
    qi sql dbt_project/analyses/q11_units_with_no_qi.sql
    """
    import duckdb

    from pipelines.faults import Stopped
    from pipelines.mart.query import query as answer

    try:
        text = Path(query).read_text(encoding="utf-8") if query.endswith(".sql") else query
        click.echo(answer(settings.mart_file, text, file_format))
    except (duckdb.Error, OSError, Stopped) as fault:
        raise click.ClickException(_one_line(fault)) from fault


@main.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="query|list ...")
@click.pass_obj
def mf(settings: Settings, arguments: tuple[str, ...]) -> None:
    """Ask the published mart for metrics by name, with dbt's MetricFlow: it writes the SQL.

    Metrics and what they can be grouped by are defined in dbt_project/models/semantic/.

    \b
    qi mf list metrics
    qi mf query --metrics active_projects --group-by project__directorate
    """
    from pipelines.faults import Stopped
    from pipelines.mart.semantic import metricflow

    try:
        commands, configuration = metricflow(settings.mart_file)
    except Stopped as fault:
        raise click.ClickException(str(fault)) from fault
    commands.main(args=list(arguments or ("--help",)), prog_name="qi mf", obj=configuration)


@main.command()
@click.argument("query", required=False)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["csv", "parquet", "xlsx", "cml"]),
    help="By default the ending of --out.",
)
@click.option("--out", type=click.Path(path_type=Path), help="File to write; for cml a folder (./cml).")
@click.option(
    "--as", "file_type", type=click.Choice(["parquet", "csv"]), default="parquet", help="Files of cml."
)
@click.option("--with-improvement", is_flag=True, help="For cml, also measures kept for improvement.")
@click.pass_obj
def export(
    settings: Settings,
    query: str | None,
    file_format: str | None,
    out: Path | None,
    file_type: str,
    with_improvement: bool,
) -> None:
    """Write the answer to QUERY (a table, SQL or a .sql file) to a file, or all points as CML.

    No cell of CSV and workbooks can become a formula: there, text that begins like one has an apostrophe in
    front (CSV) or is marked as text (XLSX), and numbers stay numbers. Parquet holds everything as it is. A
    workbook has a second sheet, notes: release, question, what columns mean, what not to trust.

    \b
    qi export core.fct_project --out projects.xlsx
    qi export "from core.fct_measure_point where is_latest" --out points.parquet
    qi export --format cml --out cml

    CML is NHS England's long format for metrics: metric and dimension, the latest version of each point.
    It goes to others, so measures kept for improvement stay here unless --with-improvement is said.
    """
    import duckdb

    from pipelines.mart.cml import PURPOSES, NotForCml, export_cml
    from pipelines.mart.export import FORMATS, export_answer
    from pipelines.spreadsheet import TooLargeForSheet

    chosen = file_format or (out.suffix.lower().removeprefix(".") if out is not None else None)
    if chosen == "cml" and query is not None:
        raise click.UsageError("CML holds all points; it takes no query.")
    if chosen != "cml" and (query is None or out is None or chosen not in FORMATS):
        raise click.UsageError(
            f"Give a query and --out with a file of {', '.join(FORMATS)}; or --format cml."
        )
    try:
        if chosen == "cml":
            purposes = [*PURPOSES, "improvement"] if with_improvement else PURPOSES
            folder = out or Path("cml")
            for name, rows in export_cml(settings.mart_file, folder, file_type, purposes).items():
                click.echo(f"{rows:,} rows  {folder / name}")
        elif query is not None and out is not None:
            text = Path(query).read_text(encoding="utf-8") if query.endswith(".sql") else query
            click.echo(f"{export_answer(settings.mart_file, text, chosen or '', out):,} rows  {out}")
    except (duckdb.Error, OSError, NotForCml, TooLargeForSheet, ValueError) as fault:
        raise click.ClickException(_one_line(fault)) from fault


@main.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="New folder for the pages.")
@click.option(
    "--mart", "mart_file", type=click.Path(path_type=Path, exists=True), help="Of another mart file."
)
@click.pass_obj
def report(settings: Settings, out: Path | None, mart_file: Path | None) -> None:
    """Make the pages of the published mart: static files that open without a server.

    Each run does this by itself (unless QI_REPORT=false) and keeps them in QI_HOME/site/current. With --out
    they are written to a new folder, to be put on a file share or a web server. Nothing in them asks
    anything of the outside.

    \b
    qi report
    qi report --out /mnt/share/qi-2026-11-26
    """
    import duckdb

    from pipelines.faults import Stopped
    from pipelines.lock import single_writer
    from pipelines.report.site import build_site
    from pipelines.report.swap import refresh_site

    try:
        if out is not None or mart_file is not None:
            folder = out or Path("site")
            if folder.exists():
                raise click.ClickException(f"{folder} is there already. Name a new folder with --out.")
            build_site(mart_file or settings.mart_file, folder, None, click.echo)
            front = folder / "index.html"
        else:
            with single_writer(settings):
                front = refresh_site(settings, click.echo)
    except (duckdb.Error, OSError, Stopped) as fault:
        raise click.ClickException(_one_line(fault)) from fault
    if front is None:
        raise click.ClickException(f"Nothing is published in {settings.home_path} yet. `qi run` does.")
    click.echo(f"Open {front}")


@main.command()
@click.argument("measure")
@click.argument("organisation")
@click.argument("period", type=ISO_DATE)
@click.pass_obj
def explain(settings: Settings, measure: str, organisation: str, period: datetime) -> None:
    """Follow one number back: editions, load, file, line, hash, gate verdicts.

    PERIOD is the first day of the period, for example 2025-06-01.
    """
    import duckdb

    from pipelines.faults import Stopped
    from pipelines.lake.layout import Lake
    from pipelines.mart.explain import explain as lines

    try:
        found = lines(settings.mart_file, Lake(settings.lake_path), measure, organisation, period.date())
    except (duckdb.Error, OSError, Stopped) as fault:
        raise click.ClickException(_one_line(fault)) from fault
    click.echo("\n".join(found))


@main.command()
@click.option(
    "--last", type=click.IntRange(min=1), default=30, show_default=True, help="How many loads, newest first."
)
@click.pass_obj
def loads(settings: Settings, last: int) -> None:
    """List what came and what became of it (the ledger, also of a run that failed)."""
    from pipelines.lake.layout import Lake
    from pipelines.lake.ledger import read_ledger

    lake = Lake(settings.lake_path)
    if not lake.ledger.is_dir():
        raise click.ClickException(f"Nothing has been taken in in {settings.home_path} yet. `qi run` does.")
    for row in reversed(read_ledger(lake)[-last:]):
        click.echo(
            f"{row.load_id}  {row.loaded_at:%Y-%m-%d}  {row.verdict:<12}  {row.extract or '':<16}  "
            f"{row.rows_received:>9,} rows  {row.place}"
        )


@main.command()
@click.argument("load_id")
@click.option("--reason", help="Why the load is taken back; kept in the ledger.")
@click.option("--undo", is_flag=True, help="Take the load's file in again.")
@click.pass_obj
def withdraw(settings: Settings, load_id: str, reason: str | None, undo: bool) -> None:
    """Take a load back: from now on its rows no longer count. The next run publishes that.

    What was reported while it counted stays queryable as at its date; nothing is deleted. It stays taken
    back, also when files are read again (`qi run --reread`), until --undo takes its file in again.
    """
    from pipelines.faults import Stopped
    from pipelines.intake.night import reinstate
    from pipelines.intake.night import withdraw as take_back
    from pipelines.lake.ledger import BY_HAND
    from pipelines.lock import single_writer

    if (reason is None) != undo:
        raise click.UsageError("Say why with --reason, or take the load in again with --undo.")

    try:
        with single_writer(settings):
            if reason is None:
                row = reinstate(settings, load_id, run_id=BY_HAND)
                click.echo(f"{row.load_id}: {row.place} is taken in again ({row.verdict}). {row.reason}")
                return
            row = take_back(settings, load_id, reason, run_id=BY_HAND)
    except (KeyError, Stopped) as fault:
        raise click.ClickException(str(fault.args[0])) from fault
    click.echo(f"{row.load_id}: load {load_id} ({row.place}) is taken back. `qi run` publishes it.")


@main.command()
@click.option("--repair", is_flag=True, help="Make damaged files of the lake anew from the archive.")
@click.pass_obj
def verify(settings: Settings, repair: bool) -> None:
    """Read all that is kept and find what is missing or altered, by its hash.

    Lake, archive of files as received, ledger and releases. Says which loads and measures depend on a
    damaged file and what to do. Nothing is changed, except with --repair: then each damaged file of the
    lake is judged anew from the archive, and takes its place when it comes out with the very same hash.

    Exit status 0: all is as it was written; 1: something is damaged. Every night looks for missing files and
    for files whose size or time has changed; this command also finds what a failing disk altered.
    """
    from pipelines.faults import Stopped
    from pipelines.lock import single_writer
    from pipelines.verify import as_text, repair_lake
    from pipelines.verify import verify as find

    if not (settings.lake_path / "ledger").is_dir():
        raise click.ClickException(f"There is no lake in {settings.home_path} yet. `qi run` makes it.")
    try:
        with single_writer(settings):
            found = find(settings, lambda line: click.echo(line, err=True))
            click.echo("\n".join(as_text(settings, found)))
            left = found.damage
            if repair and found.lake:
                left = [*repair_lake(settings, found, click.echo), *found.archive, *found.mart]
                click.echo("\n".join(str(each) for each in left) or "Everything is repaired.")
    except Stopped as fault:
        raise click.ClickException(str(fault)) from fault
    sys.exit(1 if left else 0)


@main.command()
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.pass_obj
def rejudge(settings: Settings, dry_run: bool) -> None:
    """Judge again what lies in the lake, where a rule has changed since.

    `qi run` does this by itself; with --dry-run you see beforehand what a changed threshold would do. No
    file is read. Descriptions, reasons and owners are no rules. What was reported until now stays queryable
    as at its date.
    """
    from pipelines.faults import Stopped
    from pipelines.intake.night import rejudge_lake
    from pipelines.lake.ledger import BY_HAND
    from pipelines.lock import single_writer

    try:
        with single_writer(settings):
            found = rejudge_lake(settings, BY_HAND, click.echo, is_dry=dry_run)
    except Stopped as fault:
        raise click.ClickException(str(fault)) from fault
    changed = [each for each in found if each.is_replaced or each.now_passing]
    if not found:
        click.echo("Every load was judged by today's rules. There is nothing to do.")
    elif dry_run:
        click.echo(f"{len(changed)} of {len(found)} loads would change. Nothing was written.")
    else:
        click.echo(f"{len(changed)} of {len(found)} loads changed. `qi run` publishes it.")


@main.command()
@click.pass_obj
def status(settings: Settings) -> None:
    """Say how the last run ended and which release analysts read."""
    path = settings.mart_path / "status.json"
    if not path.exists():
        raise click.ClickException(f"No run has ended in {settings.home_path} yet.")
    for name, value in json.loads(path.read_text(encoding="utf-8")).items():
        click.echo(f"{name:>12}: {value}")


@main.command()
@click.option("--seed", default=20261121, show_default=True)
@click.option("--end", type=ISO_DATE, help="Last day of the deliveries (default: today).")
@click.option("--projects", default=500, show_default=True)
@click.option("--years", default=6, show_default=True)
@click.option("--points", type=int, help="About how many measure points (default: about 120,000).")
@click.pass_obj
def demo(settings: Settings, **options: object) -> None:
    """Make the demo organisation in the inbox. Everything in it is synthetic and says so."""
    _make_demo(settings, options)


@main.command()
@click.option("--series", default=20_000, show_default=True, help="Simulated series of each chart.")
@click.option("--seed", default=20261125, show_default=True)
def simulate(series: int, seed: int) -> None:
    """Simulate how often chance alone makes a chart signal, for every rule set, chart and length.

    Writes dbt_project/seeds/spc/spc_in_control_rate.csv, which the next run compares the night's signals
    with. To be run again after a change of a rule set; takes about a minute and a half.
    """
    from pipelines.metrics.in_control import RATES, simulate, write_rates
    from pipelines.metrics.rule_sets import read_rule_sets

    rates = simulate(read_rule_sets(), series=series, seed=seed, progress=click.echo)
    click.echo(f"{write_rates(rates, RATES)} rows in {RATES.relative_to(PROJECT_ROOT)}")


@main.command()
@click.option("--port", default=3000, show_default=True)
@click.pass_obj
def dev(settings: Settings, port: int) -> None:
    """Open Dagster on http://localhost:3000 with the same home: runs, assets, checks, schedule."""
    from pipelines.dagster_home import prepare_dagster_home

    prepare_dagster_home(settings)
    program = shutil.which("dagster", path=str(Path(sys.executable).parent)) or "dagster"
    command = [program, "dev", "-w", "workspace.yaml", "-p", str(port)]
    os.chdir(PROJECT_ROOT)
    if os.name == "nt":
        # There, execv leaves the terminal to two programs at once.
        sys.exit(subprocess.call(command))
    os.execv(program, command)


def _one_line(fault: Exception) -> str:
    """What went wrong, without the drawing of the place that DuckDB adds."""
    if isinstance(fault, FileNotFoundError) and fault.filename:
        return f"There is no file {fault.filename}."
    message, _, _ = str(fault).partition("\nLINE ")
    return " ".join(message.split())


def _is_empty(inbox: Path) -> bool:
    return not inbox.is_dir() or not any(path.is_file() for path in inbox.rglob("*"))


def _make_demo(settings: Settings, options: dict) -> None:
    from pipelines.demo.generate import generate

    end: date = (options.pop("end", None) or settings.clock()).date()
    inbox = settings.inbox_path / "demo"
    click.echo(f"Making the synthetic demo organisation in {inbox} …")
    made = generate(inbox, end=end, progress=click.echo, **options)
    click.echo(
        f"{len(made.files)} files, {made.points:,} measure points, {len(made.dirt)} planted faults; "
        f"{inbox / 'SYNTHETIC.md'} lists them."
    )


if __name__ == "__main__":
    main()

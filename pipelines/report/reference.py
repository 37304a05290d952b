"""Method and data dictionary: how numbers come about, in the words of the mart itself."""

from collections.abc import Iterator

import duckdb

from pipelines.report.mart import Row, grouped, rows
from pipelines.report.sentence import WARNINGS
from pipelines.report.site_map import Site
from pipelines.report.templates import template
from pipelines.report.words import NOTHING, number, words

TABLES = """
select schema_name, table_name, comment from duckdb_tables()
where database_name = current_database() and not internal and not temporary order by 1, 2
"""
COLUMNS = """
select schema_name || '.' || table_name as table_name, column_name as name, lower(data_type) as type, comment
from duckdb_columns() where database_name = current_database() and not internal
order by 1, column_index
"""
SCHEMAS = {
    "core": "Registers and measures: what happened.",
    "spc": "Control charts: points, limits, signals.",
    "maturity": "How mature the improvement system is.",
    "outcomes": "Results of the improvement work, with their uncertainty.",
    "ops": "Where numbers come from and which not to trust.",
}
ICONS = ("improvement_high", "improvement_low", "concern_high", "concern_low", "neutral_high", "neutral_low",
         "common_cause", "pass", "fail", "hit_or_miss")  # fmt: skip
HIDDEN = ("rule_set_id", "rule_set_name", "description", "citation")


def method_page(site: Site, catalogue: dict[str, list[Row]]) -> tuple[str, str]:
    """Address and text of the page on rule sets, icons, warnings and metrics. `catalogue`: by schema."""
    rule_sets = [
        rule_set
        | {
            "numbers": [
                (words(name), _shown(value)) for name, value in rule_set.items() if name not in HIDDEN
            ]
        }
        for rule_set in site.rule_sets.values()
    ]
    page = template("method.html.jinja").render(
        site.common
        | {
            "root": "",
            "here": "method.html",
            "title": "Method",
            "trail": [],
            "rule_sets": rule_sets,
            "icons": ICONS,
            "chapters": [(words(schema), metrics) for schema, metrics in catalogue.items()],
            "warnings": sorted((words(code), text) for code, text in WARNINGS.items()),
        }
    )
    return "method.html", page


def dictionary_pages(site: Site, connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str]]:
    """Address and text of the list of tables, and of a page a schema with every column."""
    tables = rows(connection, TABLES)
    columns = grouped(rows(connection, COLUMNS), "table_name")
    by_schema = grouped(tables, "schema_name")
    schemas = [(schema, text, by_schema[schema]) for schema, text in SCHEMAS.items() if schema in by_schema]
    shared = site.common | {"root": "", "here": "dictionary.html", "columns": columns}
    yield (
        "dictionary.html",
        template("dictionary.html.jinja").render(
            shared | {"title": "Data dictionary", "trail": [], "schemas": schemas, "detailed": False}
        ),
    )
    for each in schemas:
        yield (
            f"dictionary-{each[0]}.html",
            template("dictionary.html.jinja").render(
                shared
                | {
                    "title": f"Data dictionary: schema {each[0]}",
                    "trail": [("dictionary.html", "Data dictionary")],
                    "schemas": [each],
                    "detailed": True,
                }
            ),
        )


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value, 3).rstrip("0").rstrip(".")
    return NOTHING if value is None else str(value)

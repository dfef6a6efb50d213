"""Results and lists on a terminal or in a pipe."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hfm_kg.catalog import CatalogQuery
from hfm_kg.errors import UsageError
from hfm_kg.sparql import PREFIXES


def default_format(graph: bool) -> str:
    """The format that suits where the output goes."""
    return "turtle" if graph else "table" if sys.stdout.isatty() else "tsv"


def catalogue(queries: Iterable[CatalogQuery], format_name: str | None = None) -> None:
    """The catalogue: a table on a terminal, tab-separated names and questions in a pipe, unless a format is named."""
    if format_name is not None:
        if format_name not in ("table", "tsv", "json"):
            raise UsageError(f"the catalogue is no {format_name}; take one of table, tsv, json")
        records([{"name": query.name, "question": query.question} for query in queries], format_name)
        return
    if not sys.stdout.isatty():
        for query in queries:
            click.echo(f"{query.name}\t{query.question}")
        return
    table = Table("name", "question", title="The catalogue; run one with: hfm-kg query NAME", row_styles=("", "dim"))
    for query in queries:
        table.add_row(Text(query.name, no_wrap=True), Text(query.question))
    Console().print(table)


def facts(found: Mapping[str, object], format_name: str) -> None:
    """Facts by their names, as a table, tab-separated values or one object of JSON."""
    if format_name == "json":
        click.echo(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        records([{"name": name, "value": str(value)} for name, value in found.items()], format_name)


def records(rows: Sequence[Mapping[str, object]], format_name: str) -> None:
    """Rows of named values, as a table, tab-separated values or JSON."""
    if format_name == "json":
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    names = list(rows[0]) if rows else []
    if format_name == "tsv":
        click.echo("\t".join(names))
        for row in rows:
            click.echo("\t".join(map(str, row.values())))
        return
    table = Table(*names)
    for row in rows:
        table.add_row(*(Text(str(value), overflow="fold") for value in row.values()))
    _print(table)


def markdown(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows of named texts as a table of Markdown."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)] if rows else []
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def body(content: bytes, format_name: str) -> None:
    """A serialised result; ``table`` expects SPARQL results in JSON."""
    if format_name != "table":
        sys.stdout.buffer.write(content)
        if not content.endswith(b"\n"):
            sys.stdout.buffer.write(b"\n")
        sys.stdout.buffer.flush()
        return
    results = json.loads(content)
    if "boolean" in results:
        click.echo("true" if results["boolean"] else "false")
        return
    names = results["head"]["vars"]
    rows = results["results"]["bindings"]
    table = Table(*names)
    for row in rows:
        table.add_row(*(Text(_shown(row[name]) if name in row else "", overflow="fold") for name in names))
    _print(table, Text(f"{len(rows)} row{'' if len(rows) == 1 else 's'}", style="dim"))


def _print(*parts: Table | Text) -> None:
    console = Console() if sys.stdout.isatty() else Console(width=200)
    with console.capture() as captured:  # rich would end the program with an error if a pipe's reader has gone
        for part in parts:
            console.print(part)
    click.echo(captured.get(), nl=False)


def _shown(term: dict[str, str]) -> str:
    """A term as it can be pasted into a query: IRIs by prefix where one fits, literals without their datatype."""
    value = term["value"]
    if term["type"] == "uri":
        for prefix, base in PREFIXES.items():
            local = value.removeprefix(base)
            if value != base + local or not re.fullmatch(r"[\w.-]*\w", local):
                continue
            return f"{prefix}:{local}"
        return f"<{value}>"
    return value

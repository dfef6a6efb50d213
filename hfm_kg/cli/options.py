"""Options that several commands have."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

Command = Callable[..., Any]


def output_option(command: Command) -> Command:
    """The option that names the folder of snapshots."""
    return click.option(
        "--output",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="HFM_KG_OUTPUT",
        help="Folder of snapshots.  [default: hfm-kg in the user's data folder]",
    )(command)


def root_option(command: Command) -> Command:
    """The option that names the folder of the input."""
    return click.option(
        "--root",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Folder that holds data, ontology and queries.  [default: those of this installation]",
    )(command)


def format_option(names: Sequence[str], text: str, default: str | None = None) -> Callable[[Command], Command]:
    """The option ``--format`` with those names, and ``--json`` in short."""

    def add(command: Command) -> Command:
        @functools.wraps(command)
        def run(*arguments: Any, as_json: bool, format_name: str | None, **more: Any) -> Any:
            return command(*arguments, format_name="json" if as_json else format_name, **more)

        short = click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
        kind = click.Choice(names)
        shown = default is not None
        full = click.option("--format", "-f", "format_name", type=kind, default=default, show_default=shown, help=text)
        return full(short(run))

    return add


def lines_option(command: Command) -> Command:
    """The option that names the format of what is printed as lines of text unless one is named."""
    return format_option(["table", "tsv", "json"], "Output format.  [default: lines of text]")(command)


def records_option(command: Command) -> Command:
    """The option that names the format of rows that are no answer to a query."""
    return format_option(["table", "tsv", "json"], "Output format.  [default: table on a terminal, else tsv]")(command)

"""Options that several commands have."""

from __future__ import annotations

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


def format_option(names: Sequence[str], text: str, **more: Any) -> Callable[[Command], Command]:
    """The option ``--format`` with those names, and ``--json`` in short."""

    def add(command: Command) -> Command:
        short = click.option("--json", "format_name", flag_value="json", help="The same as --format json.")
        full = click.option("--format", "-f", "format_name", type=click.Choice(names), help=text, **more)
        return full(short(command))

    return add


def records_option(command: Command) -> Command:
    """The option that names the format of rows that are no answer to a query."""
    return format_option(["table", "tsv", "json"], "Output format.  [default: table on a terminal, else tsv]")(command)

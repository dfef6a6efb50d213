"""Commands that tell of this installation, and make a shell know it."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import get_completion_class

from hfm_kg import session
from hfm_kg.cli.group import main
from hfm_kg.cli.options import output_option, records_option, root_option
from hfm_kg.errors import UsageError


@main.command()
@records_option
@root_option
@output_option
def info(format_name: str | None, root: Path | None, output: Path | None) -> None:
    """Tell versions, where things lie, and what the snapshot holds. Builds nothing.

    \b
    Examples:
      hfm-kg info
      hfm-kg info --json
    """
    from hfm_kg import information, present

    found = information.gather(session.settings(root, output))
    present.facts(found, format_name or present.default_format(False))


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that makes a SHELL complete commands, options, catalogue queries and files.

    \b
    Examples:
      hfm-kg completion bash >> ~/.bashrc
      hfm-kg completion zsh >> ~/.zshrc
      hfm-kg completion fish > ~/.config/fish/completions/hfm-kg.fish
    """
    found = get_completion_class(shell)
    if found is None:
        raise UsageError(f"this version of click knows no completion for {shell}")
    click.echo(found(main, {}, "hfm-kg", "_HFM_KG_COMPLETE").source())

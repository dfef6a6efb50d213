"""The group of all commands, and how what they raise is told."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from hfm_kg import __version__
from hfm_kg.errors import HfmError


class Named(click.Group):
    """Tells the nearest command to one that there is not."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """See :class:`click.Group`."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from hfm_kg.tables import nearest

            if hint := nearest(args[0], self.list_commands(ctx)):
                error.message = error.message.rstrip(".") + hint
            raise


class Commands(Named):
    """Renders our errors, and ends quietly when the reader of a pipe has gone or the user presses Ctrl-C."""

    group_class = Named

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and turn what it raises into a message and an exit code."""
        try:
            return super().invoke(ctx)
        except HfmError as error:
            click.echo(f"hfm-kg: {error}", err=True)
            ctx.exit(error.exit_code)
        except BrokenPipeError:
            # what is still buffered cannot be written; give the interpreter something to flush into
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except OSError as error:
            place = f": {error.filename}" if error.strerror and error.filename else ""
            click.echo(f"hfm-kg: {error.strerror or error}{place}", err=True)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            ctx.exit(1)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hfm-kg")
def main() -> None:
    """The knowledge graph of healthcare foundation models.

    \b
    Examples:
      hfm-kg serve                              a SPARQL endpoint and a start page on http://127.0.0.1:7878
      hfm-kg query                              the questions of the catalogue
      hfm-kg query models-by-paradigm           one of them, as a table
      hfm-kg query 'ASK { ?m a hfm:FoundationModel }'
    """

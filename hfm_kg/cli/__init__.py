"""The command line: parse, call one function, print.

Data goes to standard output, everything else to standard error. Exit codes: 0 fine, 1 findings or a failure, 2 wrong
usage. A module a topic holds the commands, and ``import`` here makes them known. Modules of the package that take long
to import are imported by the command that needs them, so that a query answers at once.
"""

from hfm_kg.cli import agents, analysis, bench, build, export, info, link, publish, query, serve
from hfm_kg.cli.group import main

__all__ = ["agents", "analysis", "bench", "build", "export", "info", "link", "main", "publish", "query", "serve"]

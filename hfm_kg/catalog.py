"""The query catalogue: ``.rq`` files below ``queries/`` and their metadata headers.

A header is written in the decorator comments of grlc: lines that begin with ``#+`` and hold a key and a value. Known
keys are ``title``, ``question`` and ``columns`` (the names of the result's columns). A check has a ``severity``, a
``fix`` (what to do about a finding) and a ``defect`` (an input on which it fires, and no other check does). A shape,
which the benchmark asks over and over, has a ``parameter``, a term of the query, and ``values``, the query for each
``?value`` that may stand in its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hfm_kg.errors import Finding, FindingsError, UnknownQueryError
from hfm_kg.tables import nearest

KEYS: Mapping[str, frozenset[str]] = {
    "competency": frozenset({"title", "question", "columns"}),
    "analysis": frozenset({"title", "question", "columns"}),
    "claims": frozenset({"title", "columns"}),
    "checks": frozenset({"title", "severity", "fix", "defect"}),
    "shapes": frozenset({"title", "parameter", "values"}),
}
"""The kinds of queries, and the keys that each must have."""

SEVERITIES = ("ERROR", "WARN", "INFO")
"""How bad a finding is, as ROBOT's reports have it; a check that finds anything fails, whatever the severity."""


@dataclass(frozen=True)
class CatalogQuery:
    """A query of the catalogue; ``name`` is unique in it, ``file`` is its path as findings tell it."""

    name: str
    kind: str
    path: Path
    file: str
    text: str
    header: Mapping[str, str]

    @property
    def title(self) -> str:
        """What the query is called in lists."""
        return self.header["title"]

    @property
    def question(self) -> str:
        """The question in words that the query answers; the title where there is none."""
        return self.header.get("question", self.title)

    @property
    def body(self) -> str:
        """The query without its header."""
        lines = self.text.splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith("#+")).strip() + "\n"

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the result's columns, in order."""
        return tuple(name.strip() for name in self.header.get("columns", "").split(",") if name.strip())

    def as_rule(self) -> dict[str, str]:
        """What a check tells of itself: its name, then what its header says."""
        return {"rule": self.name, **{key: self.header[key] for key in ("severity", "title", "fix", "defect")}}


@dataclass(frozen=True)
class Catalog:
    """All queries of a folder by name."""

    queries: Mapping[str, CatalogQuery]

    def __iter__(self) -> Iterator[CatalogQuery]:
        return iter(self.queries.values())

    def __getitem__(self, name: str) -> CatalogQuery:
        """The query of that name. Raises UnknownQueryError, with the nearest name."""
        try:
            return self.queries[name]
        except KeyError:
            raise UnknownQueryError(f"no query {name!r} in the catalogue{nearest(name, list(self.queries))}") from None

    def of_kind(self, kind: str) -> list[CatalogQuery]:
        """The queries below one folder, by name."""
        return [query for query in self if query.kind == kind]


def read(folder: Path) -> Catalog:
    """Read all ``.rq`` files below a folder. Raises FindingsError over missing or unknown header keys."""
    queries: dict[str, CatalogQuery] = {}
    findings: list[Finding] = []
    for path in sorted(folder.rglob("*.rq")):
        kind = path.relative_to(folder).parts[0]
        file = f"queries/{path.relative_to(folder).as_posix()}"
        text = path.read_text(encoding="utf-8")
        header = {}
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.startswith("#+"):
                continue
            key, _, value = line.removeprefix("#+").partition(":")
            header[key.strip()] = value.strip()
            if key.strip() not in KEYS.get(kind, frozenset()):
                findings.append(Finding(file, number, 4, "query-header", f"unknown key {key.strip()!r}"))
            if key.strip() == "severity" and header["severity"] not in SEVERITIES:
                message = f"severity is one of {', '.join(SEVERITIES)}"
                findings.append(Finding(file, number, 4, "query-header", message))
        missing = sorted(KEYS.get(kind, frozenset()) - {key for key, value in header.items() if value})
        findings += [Finding(file, 1, 1, "query-header", f"no {key!r}; add a line '#+ {key}: …'") for key in missing]
        if path.stem in queries:
            findings.append(Finding(file, 1, 1, "query-name", f"{path.stem!r} is the name of another query too"))
        queries[path.stem] = CatalogQuery(path.stem, kind, path, file, text, header)
    if findings:
        raise FindingsError(findings)
    return Catalog(queries)

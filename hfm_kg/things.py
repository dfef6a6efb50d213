"""One thing of the graph: what is said of it, and where the sources say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hfm_kg.result import Result
from hfm_kg.tables import nearest
from hfm_kg.values import Iri, html, html_table


def _named(value: Any) -> Any:
    """A thing by its label, which people read more easily; a value as it is."""
    return value.label if isinstance(value, Iri) else value


def _local(iri: str) -> str:
    return iri.replace("#", "/").rpartition("/")[2]


@dataclass(frozen=True)
class Description:
    """What the graph says of a thing."""

    iri: Iri
    label: str
    kind: str
    """Such as model, dataset, task, reference; ``thing`` for what is none of them."""
    statements: Result
    """Columns property and value."""
    mentions: Result
    """What points at the thing: columns subject and property."""

    def __getitem__(self, name: str) -> list[Any]:
        """The values of a property, by its IRI, its short form or the last part of either. Raises KeyError."""
        found = [value for iri, value in self.statements if name in (iri, iri.short, _local(iri))]
        if not found:
            known = sorted({_local(iri) for iri in self.statements["property"]})
            raise KeyError(f"{self.label} has no {name!r}{nearest(name, known) or '; it has ' + ', '.join(known)}")
        return found

    def _lines(self) -> list[tuple[str, Any]]:
        return [(iri.label, value) for iri, value in self.statements]

    def __repr__(self) -> str:
        shown = Result(["property", "value"], ((name, _named(value)) for name, value in self._lines()))
        return f"{self.label} ({self.kind}) <{self.iri}>\n{shown!r}"

    def _repr_html_(self) -> str:
        table = html_table(["property", "value"], self._lines())
        return f"<p><b>{html(self.label)}</b> ({html(self.kind)}) {html(self.iri)}</p>{table}"


@dataclass(frozen=True)
class Provenance:
    """Where the sources say what the graph says of a thing."""

    iri: Iri
    label: str
    statements: Result
    """Columns property, value, place, source, table, row and reference: a row for each place and reference."""
    notes: Result
    """What curators remarked: columns note, kind, column, reported, corrected, errs and reason. A note of the kind
    ``conflict`` disputes statements."""

    def __repr__(self) -> str:
        return f"{self.label} <{self.iri}>\n{self.statements!r}\nnotes:\n{self.notes!r}"

    def _repr_html_(self) -> str:
        return (
            f"<p><b>{html(self.label)}</b> {html(self.iri)}</p>"
            f"{self.statements._repr_html_()}<p>Notes</p>{self.notes._repr_html_()}"
        )

"""What things are called, for people."""

from __future__ import annotations

from typing import Final

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Store

from hfm_kg import sparql
from hfm_kg.export.manchester import Link
from hfm_kg.search import KINDS
from hfm_kg.terms import BASE, DCTERMS, HFM, PROV, RDF, RDFS

NAMING: Final = (RDFS.label, DCTERMS.title, HFM.sentence, HFM.asReported)
"""The properties that name a thing; the first that it has counts."""
KIND: Final = {
    HFM.Row: "row of a source",
    HFM.Claim: "claim of a survey",
    HFM.CurationNote: "curation note",
    HFM.Cell: "cell of a table",
    HFM.Quantity: "quantity",
    HFM.BackboneComponent: "part of a backbone",
    **KINDS,
    HFM.Place: "place in a source",
}
"""What a thing is, by the first of its classes that stands here; so do those that no search finds."""

COMMON: Final = {RDF.type: "is a", RDFS.label: "label", RDFS.subClassOf: "kind of", RDFS.subPropertyOf: "kind of",
                 RDFS.domain: "domain", RDFS.range: "range", RDFS.isDefinedBy: "defined by"}  # fmt: skip
"""What the graph has no labels for, since every tool knows it."""


class Labels:
    """What things are called in a store; looks each up once."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.known: dict[str, Link] = {}

    def link(self, node: NamedNode) -> Link:
        """A link to a thing."""
        if (link := self.known.get(node.value)) is None:
            link = self.known[node.value] = Link(self._label(node) or _short(node.value), node.value)
        return link

    def values(self, node: NamedNode | BlankNode, predicate: NamedNode) -> list[str]:
        """The literals that a thing has for a property, in order."""
        quads = self.store.quads_for_pattern(node, predicate, None, DefaultGraph())
        return sorted(quad.object.value for quad in quads if isinstance(quad.object, Literal))

    def nodes(self, node: NamedNode, predicate: NamedNode) -> list[NamedNode]:
        """The things that a property relates a thing to, in order."""
        quads = self.store.quads_for_pattern(node, predicate, None, DefaultGraph())
        return sorted((quad.object for quad in quads if isinstance(quad.object, NamedNode)), key=str)

    def kind(self, node: NamedNode) -> str:
        """What a thing is, such as model, dataset or task; ``thing`` if no class tells."""
        classes = set(self.nodes(node, RDF.type))
        return next((kind for known, kind in KIND.items() if known in classes), "thing")

    def _label(self, node: NamedNode) -> str:
        for predicate in NAMING:
            if found := self.values(node, predicate):
                return found[0]
        if not node.value.startswith(BASE):
            return COMMON.get(node, "")
        if columns := self.values(node, HFM.column):
            if printed := self.values(node, HFM.noteKind):
                about = [one for one in self.nodes(node, HFM.about) if "#" not in one.value]
                of = f" of {self.link(about[0]).label}" if about else ""
                return f"Note ({printed[0]}): {columns[0]}{of}"
            return f"{columns[0]}: {', '.join(self.values(node, HFM.reportedValue)) or 'nothing'}"
        if kinds := self.values(node, HFM.noteKind):
            about = self.nodes(node, HFM.about)
            return f"Note ({kinds[0]})" + (f" on {self.link(about[0]).label}" if about else "")
        if numbers := self.values(node, HFM.number):
            units = [self.link(unit).label for unit in self.nodes(node, HFM.unit)]
            return " ".join([f"{float(numbers[0]):,.10g}", *units])
        return self._row(node)

    def _row(self, node: NamedNode) -> str:
        """A row of a source: where it stands, and what it describes."""
        places = [self.link(place).label for place in self.nodes(node, PROV.wasDerivedFrom)]
        things = [self.link(thing).label for thing in self.nodes(node, HFM.describes) if thing != node]
        if places and things:
            rows = [f"row {number}" for number in self.values(node, HFM.sourceRow)]
            last = node.value.rpartition("/")[2]
            is_entry = last.isdigit() and node.value.endswith(f"/reference/{last}")
            what = f", {last}" if last.isalpha() and "/line/" in node.value else ""
            return f"{f'Reference {last}' if is_entry else ', '.join([*places, *rows])}: {things[0]}{what}"
        return ""


def _short(iri: str) -> str:
    return sparql.name(iri).strip("<>").removeprefix(BASE)

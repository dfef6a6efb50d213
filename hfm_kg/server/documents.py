"""What takes the whole graph to make: made when it is first asked for, and kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from pyoxigraph import DefaultGraph, Literal, NamedNode, Triple

from hfm_kg import sparql
from hfm_kg.catalog import Catalog
from hfm_kg.export import describe, graphs, ontology, prefixes, reference, sssom
from hfm_kg.mappings import MappingSet
from hfm_kg.statement import Graph, Quads
from hfm_kg.terms import ONTOLOGY, OWL, VOID

TURTLE, NTRIPLES, RDFXML, JSONLD, TRIG, NQUADS = sparql.GRAPH_FORMATS
PAGE: Final = sparql.Format("html", ("text/html",), None)
OFFERED: Final = (*sparql.GRAPH_FORMATS, PAGE)
"""The representations of a thing; the first is what a client gets that names none."""
ENDINGS: Final[Mapping[str, sparql.Format]] = {
    "ttl": TURTLE,
    "nt": NTRIPLES,
    "rdf": RDFXML,
    "jsonld": JSONLD,
    "trig": TRIG,
    "nq": NQUADS,
    "html": PAGE,
}
"""The representation that an ending of a path asks for, whatever the client accepts."""
WRITTEN: Final = {form.name: ending for ending, form in ENDINGS.items()}

ONTOLOGIES: Final = {"hfm": ontology.merged, "hfm-facts": ontology.with_facts}
"""The ontology files, and what makes each of a graph."""

Made = TypeVar("Made")


class Documents:
    """Documents over a store, a catalogue, and the mapping sets that the store holds."""

    def __init__(self, store: Quads, queries: Catalog, sets: Sequence[MappingSet]) -> None:
        self.store, self.queries, self.sets = store, queries, sets
        versions = store.quads_for_pattern(ONTOLOGY, OWL.versionInfo, None, DefaultGraph())
        self.version = next((quad.object.value for quad in versions if isinstance(quad.object, Literal)), "")
        self.release = describe.Release(self.version)
        self.lock = threading.Lock()
        self.made: dict[str, Any] = {}

    def sections(self) -> list[reference.Section]:
        """The reference documentation of the ontology."""
        return self._once("sections", lambda graph: reference.sections(reference.terms(graph, self.queries)))

    def ontology(self, stem: str, form: sparql.Format) -> bytes:
        """``hfm.owl`` or ``hfm-facts.owl`` in a serialisation."""
        ending = WRITTEN[form.name]
        return self._once(f"{stem}.{ending}", lambda graph: graphs.write(ONTOLOGIES[stem](graph), ending))

    def service(self, endpoint: NamedNode) -> set[Triple]:
        """The description of the endpoint at an address."""
        relative = self._once("service", lambda graph: describe.endpoint(self.release, graph, describe.ENDPOINT))
        return {
            Triple(triple.subject, triple.predicate, endpoint) if triple.object == describe.ENDPOINT else triple
            for triple in relative
        }

    def dataset(self, endpoint: NamedNode) -> set[Triple]:
        """The graph in figures, with the endpoint at which it is queried."""
        sets = sssom.accepted(self.sets)
        figures = self._once(
            "dataset",
            lambda graph: describe.dataset(self.release, graph, sets, prefixes.prefixes(self.sets), ()),
        )
        return {*figures, Triple(self.release.dataset, VOID.sparqlEndpoint, endpoint)}

    def _once(self, name: str, make: Callable[[Graph], Made]) -> Made:
        with self.lock:
            if name not in self.made:
                self.made[name] = make(Graph.of(self.store))
            made: Made = self.made[name]
            return made

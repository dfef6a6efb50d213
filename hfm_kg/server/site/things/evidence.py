"""Where statements stand: the rows of sources that state them, what these rest on, and what curators remark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from pyoxigraph import DefaultGraph, Literal, NamedNode, Store, Triple

from hfm_kg.export.manchester import Link
from hfm_kg.server.site.things.labels import Labels
from hfm_kg.terms import BIBO, DCTERMS, HFM, ONTOLOGY, PROV, RDF, RDFS, iri

INFERRED: Final = iri("source", "inferred")
MAPPINGS: Final = iri("mappings").value + "/"

BACKBONE: Final = (HFM.backbone, HFM.initializedFrom, HFM.builtOn, HFM.component, HFM.componentBackbone,
                   HFM.componentWeights, HFM.asReported)  # fmt: skip
COLUMNS: Final[Mapping[str, tuple[NamedNode, ...]]] = {
    "adaptation": (HFM.adaptationParadigm,),
    "arxiv": (HFM.arxivId,),
    "authors": (HFM.authors,),
    "backbone": BACKBONE,
    "challenge": (HFM.addresses, HFM.addressedBy),
    "code": (HFM.codeTicked,),
    "datasets": (HFM.composedOf, HFM.trainedOn, HFM.evaluatedOn),
    "issue": (BIBO.issue,),
    "label": (RDFS.label,),
    "link": (HFM.linkTicked,),
    "modalities": (HFM.modality, HFM.mentionedModality),
    "pages": (BIBO.pages,),
    "pretraining": (HFM.pretrainingParadigm,),
    "references": (HFM.reference,),
    "scale": (HFM.size, HFM.quantity, HFM.number, HFM.unit, HFM.asReported, HFM.countedModality),
    "subfield": (HFM.subfield,),
    "tasks": (HFM.task, HFM.mentionedTask),
    "technique": (HFM.technique,),
    "techniques": (HFM.technique,),
    "title": (RDFS.label, DCTERMS.title),
    "topic": (HFM.topic,),
    "venue": (HFM.venue,),
    "volume": (BIBO.volume,),
    "year": (HFM.publicationYear,),
}
"""The properties that say what stands in a column that a note is about."""


@dataclass(frozen=True)
class Note:
    """What a curator remarks."""

    link: Link
    word: str
    """``disputed``, ``corrected`` or ``remark``."""
    kind: str
    column: str
    reported: str
    corrected: str
    errs: str
    reason: str
    about: frozenset[NamedNode]
    disputes: frozenset[NamedNode]

    def bears_on(self, triple: Triple, graph: NamedNode, is_one_fact: bool) -> bool:
        """Whether it remarks on what a graph states."""
        if graph in self.disputes and is_one_fact:
            return True
        if graph not in self.about and graph not in self.disputes:
            rows = [one for one in self.about if one != triple.subject and "#" not in one.value]
            if triple.subject not in self.about or rows:
                return False
        return triple.predicate in COLUMNS.get(self.column, ())


@dataclass(frozen=True)
class Source:
    """A row of a source that states something shown on a page."""

    number: int
    """Its number on the page."""
    row: Link
    places: tuple[Link, ...]
    of: tuple[Link, ...]
    """What the places are parts of."""
    references: tuple[Link, ...]
    """The works that it rests on, labelled by their numbers."""
    sentence: str

    @property
    def title(self) -> str:
        """What its mark says."""
        return self.row.label if self.row.label != self.sentence else ", ".join(one.label for one in self.places)


@dataclass(frozen=True)
class Said:
    """What backs a statement."""

    sources: tuple[Source, ...] = ()
    notes: tuple[Note, ...] = ()
    mappings: tuple[Link, ...] = ()
    """The mapping sets that state it."""
    follows: bool = False
    """No source states it: it was inferred."""


UNSAID: Final = Said()


@dataclass
class Evidence:
    """What backs the statements of one page; sources are numbered as they come."""

    store: Store
    labels: Labels
    node: NamedNode
    sources: dict[NamedNode, Source] = field(default_factory=dict)

    def of(self, triple: Triple) -> Said:
        """What backs a statement."""
        quads = self.store.quads_for_pattern(triple.subject, triple.predicate, triple.object, None)
        graphs = sorted((quad.graph_name for quad in quads if isinstance(quad.graph_name, NamedNode)), key=str)
        rows, notes, sets = [], {}, []
        for graph in graphs:
            if graph.value.startswith(MAPPINGS):
                sets.append(self.labels.link(graph))
            elif graph in (INFERRED, ONTOLOGY) or not (source := self.source(graph)):
                continue
            else:
                rows.append(source)
                for note in {**self.about(self.node), **self.about(graph)}.values():
                    if note.bears_on(triple, graph, bool(source.sentence)):
                        notes[note.link.iri] = note
        return Said(tuple(rows), tuple(notes.values()), tuple(sets), graphs == [INFERRED])

    def source(self, graph: NamedNode) -> Source | None:
        """A named graph as a source, None if it is no row, or what the page is about."""
        if graph == self.node:
            return None
        if graph not in self.sources:
            places = self.labels.nodes(graph, PROV.wasDerivedFrom)
            if not places or HFM.Row not in self.labels.nodes(graph, RDF.type):
                return None
            references = self.labels.nodes(graph, HFM.reference)
            self.sources[graph] = Source(
                len(self.sources) + 1,
                self.labels.link(graph),
                tuple(map(self.labels.link, places)),
                tuple(
                    dict.fromkeys(self.labels.link(o) for p in places for o in self.labels.nodes(p, DCTERMS.isPartOf))
                ),
                tuple(Link(one.value.rpartition("/")[2], one.value) for one in references),
                " ".join(self.labels.values(graph, HFM.sentence)),
            )
        return self.sources[graph]

    @cached_property
    def _notes(self) -> dict[NamedNode, dict[str, Note]]:
        return {}

    def about(self, node: NamedNode) -> dict[str, Note]:
        """The notes on a thing or a named graph, by IRI."""
        if node not in self._notes:
            nodes = {
                quad.subject
                for predicate in (HFM.about, HFM.disputes)
                for quad in self.store.quads_for_pattern(None, predicate, node, DefaultGraph())
                if isinstance(quad.subject, NamedNode)
            }
            self._notes[node] = {one.value: self.note(one) for one in sorted(nodes, key=str)}
        return self._notes[node]

    def note(self, node: NamedNode) -> Note:
        """A note."""
        told: dict[NamedNode, str] = {}
        nodes: dict[NamedNode, set[NamedNode]] = {}
        for quad in self.store.quads_for_pattern(node, None, None, DefaultGraph()):
            if isinstance(quad.object, Literal):
                told[quad.predicate] = quad.object.value
            elif isinstance(quad.object, NamedNode):
                nodes.setdefault(quad.predicate, set()).add(quad.object)
        kind, corrected = told.get(HFM.noteKind, ""), told.get(HFM.correctedValue, "")
        return Note(
            self.labels.link(node),
            "disputed" if kind == "conflict" else "corrected" if corrected else "remark",
            kind,
            told.get(HFM.column, ""),
            told.get(HFM.reportedValue, ""),
            corrected,
            told.get(HFM.errs, ""),
            told.get(HFM.reason, ""),
            frozenset(nodes.get(HFM.about, ())),
            frozenset(nodes.get(HFM.disputes, ())),
        )

    def notes(self) -> list[Note]:
        """The notes on the thing and on the rows that state what is shown of it."""
        found: dict[str, Note] = dict(self.about(self.node))
        for graph, source in self.sources.items():
            for name, note in self.about(graph).items():
                if self.node in note.about or graph in note.disputes or not source.sentence:
                    found[name] = note
        return list(found.values())

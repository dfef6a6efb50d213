"""A description as a page shows it: what matters first, each value with what backs it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from pyoxigraph import Literal, NamedNode, Triple

from hfm_kg.export import reference
from hfm_kg.export.manchester import Expression, Link, Manchester, Statements
from hfm_kg.server.resources import Description
from hfm_kg.server.site.things.evidence import INFERRED, UNSAID, Evidence, Note, Said, Source
from hfm_kg.terms import BIBO, DCTERMS, FAIR4ML, HFM, IAO, OWL, PROV, RDF, RDFS, SCHEMA, SKOS, iri

ORDER: Final = {
    predicate: place
    for place, predicate in enumerate(
        (
            HFM.sentence, HFM.reason, HFM.noteKind, HFM.column, HFM.reportedValue, HFM.correctedValue, HFM.errs,
            HFM.about, HFM.disputes, HFM.describes,
            HFM.subfield, HFM.pretrainingParadigm, HFM.adaptationParadigm, HFM.technique, HFM.backbone,
            HFM.initializedFrom, HFM.builtOn, HFM.modality, HFM.task, HFM.application, HFM.mentionedModality,
            HFM.mentionedTask, HFM.topic, HFM.trainedOn, HFM.evaluatedOn, HFM.composedOf, HFM.size, HFM.quantity,
            DCTERMS.title, HFM.authors, HFM.publicationYear, HFM.venue, BIBO.volume, BIBO.issue, BIBO.pages,
            HFM.publicationKind, HFM.referenceNumber, HFM.doi, HFM.arxivId, HFM.pubmedId,
            SKOS.notation, SKOS.altLabel, SKOS.broader, SKOS.related, HFM.affects, HFM.addresses, HFM.addressedBy,
            HFM.proposes, HFM.example, SKOS.inScheme,
            RDFS.subClassOf, RDFS.subPropertyOf, RDFS.domain, RDFS.range,
            HFM.reference, HFM.surveyedAs, PROV.wasDerivedFrom, DCTERMS.isPartOf, DCTERMS.source,
            HFM.component, HFM.codeTicked, HFM.linkTicked,
        )
    )
}  # fmt: skip
"""Properties by importance; others follow by name."""

OUTWARD: Final = (HFM.paperPage, HFM.codeRepository, HFM.landingPage, SCHEMA.sameAs, SCHEMA.url, SKOS.exactMatch,
                  SKOS.closeMatch, SKOS.broadMatch, SKOS.narrowMatch, SKOS.relatedMatch)  # fmt: skip
"""Properties that lead out of the graph: papers, code, data, mapped vocabularies."""
ASIDE: Final = (RDFS.label, SKOS.prefLabel, SKOS.altLabel, SKOS.notation, RDF.type, SKOS.topConceptOf,
                RDFS.isDefinedBy, HFM.dataFile, FAIR4ML.mlTask)  # fmt: skip
"""Properties whose values the page tells otherwise, or that few ask for."""
RECORDS: Final = (iri("source").value + "/", iri("note").value + "/", iri("claim").value + "/")
FEW: Final = 12
"""Values of a property that are shown before one asks for all."""


@dataclass(frozen=True)
class Value:
    """A value of a property."""

    parts: Expression
    said: Said


@dataclass(frozen=True)
class Row:
    """One property with its values."""

    predicate: Link
    values: tuple[Value, ...]
    number: int
    """How many values there are; some may be left out."""


Group = tuple[Link, tuple[Row, ...]]
"""A thing and what is said of it."""


@dataclass(frozen=True)
class Printed:
    """A cell of a table as it is printed."""

    link: Link
    column: str
    text: str
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class View:
    """What a page shows."""

    title: Link
    kind: str
    definition: str
    defined: Said
    """What backs the definition."""
    also: tuple[str, ...]
    """Other names and abbreviations."""
    documented: tuple[str, str] | None
    """The section of the reference that tells of the term, and the fragment there; None for what is no term."""
    facts: tuple[Row, ...]
    outward: tuple[Row, ...]
    aside: tuple[Row, ...]
    """Names, classes and what follows from the rest."""
    printed: tuple[Printed, ...]
    parts: tuple[Group, ...]
    stated: tuple[Group, ...]
    not_stated: int
    incoming: tuple[Row, ...]
    sources: tuple[Source, ...]
    notes: tuple[Note, ...]

    def links(self, *predicates: NamedNode) -> list[Link]:
        """The things that properties of the thing lead to."""
        wanted = {predicate.value for predicate in predicates}
        rows = (row for row in (*self.facts, *self.outward, *self.aside) if row.predicate.iri in wanted)
        return [part for row in rows for value in row.values for part in value.parts if isinstance(part, Link)]

    def texts(self, predicate: NamedNode) -> list[str]:
        """The literals that the thing has for a property."""
        rows = (row for row in (*self.facts, *self.outward, *self.aside) if row.predicate.iri == predicate.value)
        return [part for row in rows for value in row.values for part in value.parts if isinstance(part, str)]


class Viewer:
    """Makes the view of one description."""

    def __init__(self, evidence: Evidence, description: Description) -> None:
        self.evidence, self.description = evidence, description
        self.labels = evidence.labels
        self.manchester = Manchester(Statements(description.about), self.labels.link)

    def view(self) -> View:
        """What the page shows."""
        node = self.description.node
        own = [triple for triple in self.description.about if triple.subject == node]
        cells = {triple.object for triple in own if triple.predicate == HFM.cell}
        said = {triple: self.evidence.of(triple) for triple in own}
        rest = [triple for triple in own if triple.predicate not in (IAO.IAO_0000115, HFM.cell)]
        aside = [one for one in rest if one.predicate in ASIDE or (said[one].follows and one.predicate not in OUTWARD)]
        facts = [triple for triple in rest if triple not in aside and triple.predicate not in OUTWARD]
        definitions = [triple for triple in own if triple.predicate == IAO.IAO_0000115]
        parts = [one for one in self.description.about if one.subject != node and one.subject not in cells]
        shown = {one: self.evidence.of(one) for one in parts if isinstance(one.subject, NamedNode)}
        names = [name for one in (SKOS.notation, SKOS.altLabel) for name in self.labels.values(node, one)]
        return View(
            title=self.labels.link(node),
            kind=self.labels.kind(node),
            definition=" ".join(triple.object.value for triple in definitions if isinstance(triple.object, Literal)),
            defined=said[definitions[0]] if definitions else UNSAID,
            also=tuple(dict.fromkeys(names)),
            documented=self.documented(own),
            facts=self.rows(facts, said),
            outward=self.rows((one for one in rest if one.predicate in OUTWARD and one not in aside), said),
            aside=self.rows(aside, said),
            printed=self.cells(own),
            parts=self.groups(shown, shown),
            stated=self.groups(self.description.stated, {}),
            not_stated=self.description.not_stated,
            incoming=self.incoming(),
            sources=tuple(self.evidence.sources.values()),
            notes=tuple(self.evidence.notes()),
        )

    def documented(self, own: list[Triple]) -> tuple[str, str] | None:
        """Where the reference tells of a term."""
        marks = {one.object for one in own if one.predicate == RDF.type}
        marks |= {one.predicate for one in own if one.predicate == OWL.deprecated}
        schemes = [one.object for one in own if one.predicate == SKOS.inScheme and isinstance(one.object, NamedNode)]
        if not (kind := reference.kind_of(marks)):
            return None
        section, _ = reference.section_of(kind, sorted(map(self.labels.link, schemes), key=reference.by_label))
        return section, reference.anchor(self.description.node.value)

    def written(self, node: Any) -> Expression:
        """A value, with links to the things in it."""
        return (node.value,) if isinstance(node, Literal) else self.manchester.expression(node)

    def rows(self, triples: Iterable[Triple], said: dict[Triple, Said]) -> tuple[Row, ...]:
        """Statements about one thing, by property."""
        values: dict[NamedNode, list[Value]] = {}
        for triple in triples:
            values.setdefault(triple.predicate, []).append(Value(self.written(triple.object), said.get(triple, UNSAID)))
        ordered = sorted(values, key=lambda one: (ORDER.get(one, len(ORDER)), self.labels.link(one).label))
        return tuple(
            Row(self.labels.link(one), tuple(sorted(values[one], key=_text)), len(values[one])) for one in ordered
        )

    def groups(self, triples: Iterable[Triple], said: dict[Triple, Said]) -> tuple[Group, ...]:
        """Statements, by what they are about."""
        groups: dict[NamedNode, list[Triple]] = {}
        for triple in triples:
            if isinstance(triple.subject, NamedNode):
                groups.setdefault(triple.subject, []).append(triple)
        return tuple((self.labels.link(subject), self.rows(some, said)) for subject, some in groups.items())

    def cells(self, own: list[Triple]) -> tuple[Printed, ...]:
        """The cells of a row of a table."""
        cells = [one.object for one in own if one.predicate == HFM.cell and isinstance(one.object, NamedNode)]
        return tuple(
            Printed(
                self.labels.link(cell),
                ", ".join(self.labels.values(cell, HFM.column)),
                ", ".join(self.labels.values(cell, HFM.reportedValue)),
                tuple(self.evidence.about(cell).values()),
            )
            for cell in cells
        )

    def incoming(self) -> tuple[Row, ...]:
        """What points at the thing, by property, without what only follows from other statements."""
        groups: dict[NamedNode, list[Triple]] = {}
        for triple in self.description.incoming:
            groups.setdefault(triple.predicate, []).append(triple)
        told = {
            predicate: triples
            for predicate, triples in groups.items()
            if predicate == RDF.type or not all(map(self._follows, triples))
        }
        ordered = sorted(told, key=lambda one: (ORDER.get(one, len(ORDER)), self.labels.link(one).label))
        return tuple(
            Row(
                self.labels.link(one),
                tuple(sorted((Value(self.written(triple.subject), UNSAID) for triple in told[one]), key=_things_first)),
                len(told[one]) + self.description.left_out.get(one, 0),
            )
            for one in ordered
        )

    def _follows(self, triple: Triple) -> bool:
        quads = self.evidence.store.quads_for_pattern(triple.subject, triple.predicate, triple.object, None)
        return {quad.graph_name for quad in quads if isinstance(quad.graph_name, NamedNode)} == {INFERRED}


def _things_first(value: Value) -> tuple[bool, tuple[bool, str]]:
    """Things before records of what is said of them."""
    return any(isinstance(part, Link) and part.iri.startswith(RECORDS) for part in value.parts), _text(value)


def _text(value: Value) -> tuple[bool, str]:
    text = "".join(part if isinstance(part, str) else part.label for part in value.parts)
    return not text[:1].isalpha(), text.casefold()

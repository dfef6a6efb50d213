"""What the source's text says: ``things.tsv``, ``statements.tsv`` and ``claims.tsv``.

A statement relates two things by a property, or gives a quantity of one, and says the fact in a sentence of ours. Its
subject and object may be of any kind, so they are written as paths (``model/BioBERT``, ``reference/38``) or as the
identifier of a concept; :func:`check` holds them against the tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pyoxigraph import Literal, NamedNode

from hfm_kg.errors import Finding
from hfm_kg.statement import Graph, Rows, Statement
from hfm_kg.tables import Row, Tables, nearest
from hfm_kg.terms import DCTERMS, HFM, IAO, RDF, RDFS, SKOS, concept, iri

PROPERTIES: Final[Mapping[str, NamedNode | None]] = {
    "technique": HFM.technique,
    "builtOn": HFM.builtOn,
    "initializedFrom": HFM.initializedFrom,
    "trainedOn": HFM.trainedOn,
    "evaluatedOn": HFM.evaluatedOn,
    "application": HFM.application,
    "task": HFM.mentionedTask,
    "modality": HFM.mentionedModality,
    "composedOf": HFM.composedOf,
    "topic": HFM.topic,
    "quantity": HFM.quantity,
    "affects": HFM.affects,
    "proposes": HFM.proposes,
    "example": HFM.example,
    "relatedTo": SKOS.related,
    "cites": None,
}
"""The property of the ontology that each word of the column ``property`` stands for; ``cites`` states nothing but that
the references of the row support its sentence."""

THING_CLASSES: Final[Mapping[str, NamedNode]] = {
    "model": HFM.MentionedModel,
    "dataset": HFM.MentionedDataset,
    "work": HFM.MentionedWork,
}


def entities(tables: Tables, concept_tables: Mapping[str, object]) -> dict[str, NamedNode]:
    """Every name that a statement may use, and the IRI it stands for."""
    known = {
        f"{kind}/{row.text('id')}": iri(kind, row.text("id"))
        for table, kind in (("models", "model"), ("datasets", "dataset"), ("references", "reference"))
        for row in tables[table]
    }
    known |= {f"{row.text('kind')}/{row.text('id')}": thing(row) for row in tables["things"]}
    known |= {row.text("id"): concept(row.text("id")) for table in concept_tables for row in tables[table]}
    return known


def thing(row: Row) -> NamedNode:
    """The IRI of a thing that only the text names."""
    return iri(row.text("kind"), row.text("id"))


def check(tables: Tables, concept_tables: Mapping[str, object]) -> Iterator[Finding]:
    """Findings for names that nothing is known of, and for statements that lack what they need."""
    known = entities(tables, concept_tables)
    named = {f"{row.text('kind')}/{row.text('id')}" for row in tables["things"]}
    for row in tables["thing_links"]:
        if row.text("thing") not in named:
            message = f"thing: {row.text('thing')!r} is not in things.tsv{nearest(row.text('thing'), list(named))}"
            yield row.finding("thing", "entity", message)
    for row in tables["statements"]:
        for column in ("subject", "object"):
            name = row.optional(column)
            if name is not None and name not in known:
                message = f"{column}: {name!r} is in no table{nearest(name, list(known))}"
                yield row.finding(column, "entity", message)
        wants_object = row.text("property") not in ("quantity", "cites")
        if wants_object and row.optional("object") is None:
            yield row.finding("object", "statement", f"object: is empty, but {row.text('property')} relates two things")
        if (row.values["number"] is None) != (row.optional("unit") is None):
            yield row.finding("number", "statement", "number: an amount has a number and a unit")
        if row.text("property") == "quantity" and row.values["number"] is None:
            yield row.finding("number", "statement", "number: a quantity has a number")


def things(graph: Graph, tables: Tables) -> Rows:
    """``things.tsv``: models, datasets and works that only the text names."""
    for row in tables["things"]:
        subject, kind = thing(row), row.text("kind")
        name = iri("source", row.text("source"), kind, row.text("id"))
        say = Statement(graph, row, name)
        say.say("kind", subject, RDF.type, THING_CLASSES[kind])
        say.text("label", subject, RDFS.label)
        say.text("domain", subject, HFM.domain)
        say.say("definition", subject, IAO.IAO_0000115, Literal(row.text("definition"), language="en"))
        for reference in row.items("references"):
            say.say("references", subject, HFM.reference, iri("reference", reference))
        say.describe(subject, "id")
        yield row, name


def statements(graph: Graph, tables: Tables, known: Mapping[str, NamedNode]) -> Rows:
    """``statements.tsv``: each row a fact, with its sentence, its place and its references."""
    for row in tables["statements"]:
        subject = known[row.text("subject")]
        name = iri("source", row.text("source"), "statement", row.text("id"))
        say = Statement(graph, row, name)
        predicate = PROPERTIES[row.text("property")]
        if row.values["number"] is not None:
            quantity = NamedNode(f"{name.value}#quantity")
            say.say("property", subject, HFM.quantity, quantity)
            say.say("number", quantity, RDF.type, HFM.Quantity)
            say.number("number", quantity, HFM.number)
            say.concepts("unit", quantity, HFM.unit)
            say.say("qualifier", quantity, HFM.qualifier, Literal(row.optional("qualifier") or "exact"))
        if predicate is not None and row.optional("object") is not None:
            among_concepts = "/" not in row.text("subject") + row.text("object")
            related = DCTERMS.relation if predicate == SKOS.related and not among_concepts else predicate
            say.say("object", subject, related, known[row.text("object")])
        say.say("statement", name, HFM.sentence, Literal(row.text("statement"), language="en"))
        say.describe(subject, "subject")
        yield row, name


def claims(graph: Graph, tables: Tables) -> Rows:
    """``claims.tsv``: what the source claims of its field."""
    for row in tables["claims"]:
        claim = iri("claim", row.text("id"))
        name = iri("source", row.text("source"), "claim", row.text("id"))
        say = Statement(graph, row, name)
        say.say("id", claim, RDF.type, HFM.Claim)
        say.say("statement", claim, HFM.sentence, Literal(row.text("statement"), language="en"))
        say.text("reported", claim, HFM.reportedValue)
        say.describe(claim, "id")
        yield row, name

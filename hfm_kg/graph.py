"""Rows and ontology files → quads, a function a table.

Each row becomes one named graph in the manner of a nanopublication: the graph's IRI names the place in the source, and
the graph holds both what the row says of the world and, about itself, table, row, cells and references. The provenance
graph tells what each of these graphs was derived from. Every triple also stands in the default graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, parse

from hfm_kg import facts
from hfm_kg.errors import Finding, FindingsError
from hfm_kg.statement import Graph, Rows, Statement, describe_place
from hfm_kg.tables import Row, Tables, nearest
from hfm_kg.terms import (
    BASE,
    BIBO,
    DCTERMS,
    FAIR4ML,
    HFM,
    IAO,
    INFERRED,
    ONTOLOGY,
    OWL,
    PROJECT,
    PROV,
    PROVENANCE,
    RDF,
    RDFS,
    SCHEMA,
    SKOS,
    XSD,
    concept,
    iri,
)

ONTOLOGY_FILES = ("hfm.ttl", "rules.ttl", "alignment.ttl")
SHAPES_FILE = "shapes.ttl"

CONCEPT_CLASSES: Mapping[str, Mapping[str | None, NamedNode]] = {
    "subfields": {None: HFM.Subfield},
    "paradigms": {"pretraining": HFM.PretrainingParadigm, "adaptation": HFM.AdaptationParadigm},
    "techniques": {None: HFM.Technique},
    "topics": {None: HFM.Topic},
    "modalities": {None: HFM.Modality},
    "tasks": {None: HFM.Task},
    "backbones": {"architecture": HFM.Architecture, "pretrained-model": HFM.PretrainedModel},
    "units": {None: HFM.Unit},
    "applications": {None: HFM.Application},
    "challenges": {"pillar": HFM.ChallengePillar, "challenge": HFM.Challenge, "aspect": HFM.ChallengeAspect},
    "directions": {"theme": HFM.FutureDirectionTheme, "direction": HFM.FutureDirection},
}
"""The tables of concepts, and the class that each value of their column ``kind`` stands for."""


def build(tables: Tables, ontology: Path) -> Graph:
    """The graph that the tables and the ontology files state.

    Raises FindingsError if two rows claim one graph, or if a note disputes a graph that no row claims.
    """
    graph = Graph()
    for file in ONTOLOGY_FILES:
        load_ontology(graph, ontology / file)
    claimed: dict[NamedNode, Row] = {}
    findings = []
    for function in TABLES:
        for row, name in function(graph, tables):
            if name in claimed:
                message = f"the row of line {claimed[name].line} has the same place {name.value}"
                findings.append(row.finding(row.schema.primary_key[0], "place", message))
            claimed[name] = row
    findings += _disputes(tables, claimed)
    if findings:
        raise FindingsError(findings)
    graph.add(PROVENANCE, INFERRED, PROV.wasDerivedFrom, ONTOLOGY)
    return graph


def _disputes(tables: Tables, rows: Mapping[NamedNode, Row]) -> Iterator[Finding]:
    """Findings for what ``notes.tsv`` disputes and no row says."""
    for note in tables["notes"]:
        for path in note.items("disputes"):
            if iri("source", path) not in rows:
                known = [name.value.removeprefix(f"{BASE}source/") for name in rows]
                message = f"disputes: {path!r} is the graph of no row{nearest(path, known)}"
                yield note.finding("disputes", "place", message)


def load_ontology(graph: Graph, path: Path) -> None:
    """Add a Turtle file to the ontology's graph; blank nodes are named by file and order, so that dumps are stable."""
    names: dict[BlankNode, BlankNode] = {}

    def stable(node: BlankNode) -> BlankNode:
        return names.setdefault(node, BlankNode(f"{path.stem}{len(names) + 1}"))

    for quad in read_turtle(path):
        subject = stable(quad.subject) if isinstance(quad.subject, BlankNode) else quad.subject
        value = stable(quad.object) if isinstance(quad.object, BlankNode) else quad.object
        graph.quads.add(Quad(subject, quad.predicate, value, ONTOLOGY))
        if quad.predicate == DCTERMS.source and isinstance(value, NamedNode):
            source, _, place = value.value.removeprefix(f"{BASE}source/").partition("/")
            if place:
                describe_place(graph, source, place)


def read_turtle(path: Path) -> list[Quad]:
    """The triples of a Turtle file. Raises FindingsError with line and column if it does not parse."""
    try:
        return list(parse(path=str(path), format=RdfFormat.TURTLE))
    except FileNotFoundError:
        raise FindingsError([Finding(f"ontology/{path.name}", 0, 0, "missing", f"expected at {path}")]) from None
    except SyntaxError as error:
        finding = Finding(f"ontology/{path.name}", error.lineno or 0, error.offset or 0, "turtle", str(error.msg))
        raise FindingsError([finding]) from None


def sources(graph: Graph, tables: Tables) -> Rows:
    """``sources.tsv``: the documents and lists that statements rest on."""
    for row in tables["sources"]:
        source = iri("source", row.text("id"))
        name = iri("source", PROJECT, "source", row.text("id"))
        say = Statement(graph, row, name)
        say.say("id", source, RDF.type, HFM.Source)
        say.text("label", source, RDFS.label)
        if row.items("creators"):
            say.say("creators", source, HFM.authors, Literal(", ".join(row.items("creators"))))
        say.number("year", source, HFM.publicationYear)
        say.address("url", source, SCHEMA.url)
        say.text("version", source, SCHEMA.version)
        say.describe(source, "id")
        yield row, name


def references(graph: Graph, tables: Tables) -> Rows:
    """``references.tsv``: the reference list, with corrections from ``notes.tsv`` applied."""
    corrected = {
        (note.text("place").removeprefix("reference/"), note.text("column")): (note, note.text("corrected"))
        for note in tables["notes"]
        if note.text("place").startswith("reference/") and note.optional("column") and note.optional("corrected")
    }
    for row in tables["references"]:
        number = row.text("id")
        reference = iri("reference", number)
        name = iri("source", row.text("source"), "reference", row.text("number"))
        say = Statement(graph, row, name)
        say.say("id", reference, RDF.type, HFM.Publication)
        say.number("number", reference, HFM.referenceNumber)
        say.text("kind", reference, HFM.publicationKind)
        for column, predicate in (
            ("authors", HFM.authors),
            ("title", DCTERMS.title),
            ("venue", HFM.venue),
            ("volume", BIBO.volume),
            ("issue", BIBO.issue),
            ("pages", BIBO.pages),
            ("year", HFM.publicationYear),
            ("doi", HFM.doi),
            ("arxiv", HFM.arxivId),
            ("pubmed", HFM.pubmedId),
        ):
            printed = row.optional(column)
            served = corrected[number, column][1] if (number, column) in corrected else printed
            if served is None:
                continue
            value = Literal(served, datatype=XSD.integer) if column == "year" else Literal(served)
            say.say(column, reference, predicate, value)
            if column in IDENTIFIERS:
                say.say(column, reference, SCHEMA.sameAs, NamedNode(IDENTIFIERS[column](served)))
            if served != printed and printed is not None:
                cell = NamedNode(f"{name.value}#{column}")
                say.say(column, name, HFM.cell, cell)
                say.say(column, cell, RDF.type, HFM.Cell)
                say.say(column, cell, HFM.column, Literal(column))
                say.say(column, cell, HFM.reportedValue, Literal(printed))
        title = corrected[number, "title"][1] if (number, "title") in corrected else row.text("title")
        say.say("title", reference, RDFS.label, Literal(title))
        say.address("url", reference, SCHEMA.url)
        say.describe(reference, "id")
        yield row, name


def _pubmed(identifier: str) -> str:
    host = "pmc.ncbi.nlm.nih.gov/articles" if identifier.startswith("PMC") else "pubmed.ncbi.nlm.nih.gov"
    return f"https://{host}/{identifier}"


IDENTIFIERS: Mapping[str, Callable[[str], str]] = {
    "doi": lambda doi: f"https://doi.org/{doi}",
    "arxiv": lambda arxiv: f"https://arxiv.org/abs/{arxiv}",
    "pubmed": _pubmed,
}
"""The one IRI form of each kind of identifier."""


def reference_ids(graph: Graph, tables: Tables) -> Rows:
    """``reference_ids.tsv``: identifiers that the survey does not print, each with the list that gives it."""
    properties = {"doi": HFM.doi, "arxiv": HFM.arxivId, "pubmed": HFM.pubmedId}
    for row in tables["reference_ids"]:
        reference, kind, identifier = row.text("reference"), row.text("kind"), row.text("identifier")
        name = iri("source", row.text("source"), "reference", reference, kind)
        say = Statement(graph, row, name)
        say.say("identifier", iri("reference", reference), properties[kind], Literal(identifier))
        say.say("identifier", iri("reference", reference), SCHEMA.sameAs, NamedNode(IDENTIFIERS[kind](identifier)))
        say.describe(iri("reference", reference), "reference")
        yield row, name


def related_surveys(graph: Graph, tables: Tables) -> Rows:
    """``related_surveys.tsv``: the surveys that the source compares itself with."""
    for row in tables["related_surveys"]:
        reference = iri("reference", row.text("reference"))
        name = iri("source", row.text("source"), "related-survey", row.text("reference"))
        say = Statement(graph, row, name)
        say.say("reference", reference, RDF.type, HFM.Survey)
        say.address("url", reference, HFM.paperPage)
        say.describe(reference, "reference")
        if (found_in := row.optional("url_source")) is not None:
            line = row.optional("url_line")
            place = describe_place(graph, found_in, f"line/{line}") if line else iri("source", found_in)
            graph.add(PROVENANCE, name, PROV.wasDerivedFrom, place)
        yield row, name


def concepts(graph: Graph, tables: Tables) -> Rows:
    """The tables of concepts: SKOS concepts, typed by our classes, each table a concept scheme."""
    for table, classes in CONCEPT_CLASSES.items():
        scheme = iri("scheme", table)
        graph.add(ONTOLOGY, scheme, RDF.type, SKOS.ConceptScheme)
        graph.add(ONTOLOGY, scheme, RDFS.label, Literal(f"{table} of healthcare foundation models", language="en"))
        for row in tables[table]:
            subject = concept(row.text("id"))
            name = iri("source", row.text("source"), "concept", row.text("id"))
            say = Statement(graph, row, name)
            kind = row.optional("kind") if "kind" in row.values else None
            say.say("id", subject, RDF.type, SKOS.Concept)
            say.say("kind" if kind else "id", subject, RDF.type, classes[kind])
            for predicate in (RDFS.label, SKOS.prefLabel):
                say.say("label", subject, predicate, Literal(row.text("label"), language="en"))
            for notation in row.items("notation"):
                say.say("notation", subject, SKOS.notation, Literal(notation))
            for synonym in row.items("synonyms"):
                say.say("synonyms", subject, SKOS.altLabel, Literal(synonym, language="en"))
            say.say("definition", subject, IAO.IAO_0000115, Literal(row.text("definition"), language="en"))
            say.say("id", subject, SKOS.inScheme, scheme)
            if row.optional("broader"):
                say.concepts("broader", subject, SKOS.broader)
            else:
                say.say("broader", subject, SKOS.topConceptOf, scheme)
            if "subfield" in row.values:
                say.concepts("subfield", subject, HFM.subfield)
            if "model" in row.values and row.optional("model"):
                say.say("model", subject, HFM.surveyedAs, iri("model", row.text("model")))
            for reference in row.items("references"):
                say.say("references", subject, HFM.reference, iri("reference", reference))
            say.describe(subject, "id")
            yield row, name


def direction_challenges(graph: Graph, tables: Tables) -> Rows:
    """``direction_challenges.tsv``: which future direction addresses which challenge, and on what evidence."""
    for row in tables["direction_challenges"]:
        direction = row.text("direction")
        name = iri("source", row.text("source"), "direction", direction, "addresses", row.text("challenge"))
        say = Statement(graph, row, name)
        say.concepts("challenge", concept(direction), HFM.addresses)
        say.text("evidence", name, HFM.evidence)
        say.describe(concept(direction), "direction")
        yield row, name


def _table_row(row: Row, kind: str) -> NamedNode:
    """The named graph of a model's or dataset's row."""
    if row.integer("table") is None:
        return iri("source", row.text("source"), kind, row.text("id"))
    return iri("source", row.text("source"), "table", row.text("table"), "row", row.text("row"))


def models(graph: Graph, tables: Tables) -> Rows:
    """``models.tsv`` and, within the same named graphs, ``model_backbones.tsv``."""
    parts: dict[str, list[Row]] = {}
    for part in tables["model_backbones"]:
        parts.setdefault(part.text("model"), []).append(part)
    for row in tables["models"]:
        model = iri("model", row.text("id"))
        name = _table_row(row, "model")
        say = Statement(graph, row, name)
        say.say("id", model, RDF.type, HFM.FoundationModel)
        if row.optional("pretraining") is None:
            say.say("pretraining", model, RDF.type, HFM.AdaptedFoundationModel)
        say.text("label", model, RDFS.label)
        say.concepts("subfield", model, HFM.subfield)
        say.concepts("pretraining", model, HFM.pretrainingParadigm)
        say.concepts("adaptation", model, HFM.adaptationParadigm)
        say.concepts("modalities", model, HFM.modality)
        say.concepts("tasks", model, HFM.task)
        say.concepts("tasks", model, FAIR4ML.mlTask)
        say.number("year", model, HFM.publicationYear)
        if row.integer("table") is not None:
            ticked = "true" if row.optional("code_printed") else "false"
            say.say("code_printed", model, HFM.codeTicked, Literal(ticked, datatype=XSD.boolean))
        for reference in row.items("references"):
            say.say("references", model, HFM.reference, iri("reference", reference))
        for part in parts.get(row.text("id"), ()):
            _backbone(Statement(graph, part, name), model)
        say.cells()
        say.describe(model, "id")
        yield row, name


def _backbone(say: Statement, model: NamedNode) -> None:
    component, alternative = say.row.text("component"), say.row.text("alternative")
    node = NamedNode(f"{model.value}/backbone/{component}.{alternative}")
    say.say("model", model, HFM.component, node)
    say.say("model", node, RDF.type, HFM.BackboneComponent)
    say.number("component", node, HFM.position)
    say.number("alternative", node, HFM.alternative)
    say.text("printed", node, HFM.asReported)
    for column, of_model, of_component in (
        ("backbone", HFM.backbone, HFM.componentBackbone),
        ("initial_weights", HFM.initializedFrom, HFM.componentWeights),
        ("techniques", HFM.technique, HFM.componentTechnique),
    ):
        say.concepts(column, model, of_model)
        say.concepts(column, node, of_component)


def datasets(graph: Graph, tables: Tables) -> Rows:
    """``datasets.tsv`` and, within the same named graphs, ``dataset_sizes.tsv``."""
    sizes: dict[str, list[Row]] = {}
    for size in tables["dataset_sizes"]:
        sizes.setdefault(size.text("dataset"), []).append(size)
    for row in tables["datasets"]:
        dataset = iri("dataset", row.text("id"))
        name = _table_row(row, "dataset")
        say = Statement(graph, row, name)
        say.say("id", dataset, RDF.type, HFM.Dataset)
        if row.text("kind") == "database":
            say.say("kind", dataset, RDF.type, HFM.Database)
        say.text("label", dataset, RDFS.label)
        say.concepts("subfield", dataset, HFM.subfield)
        say.concepts("modalities", dataset, HFM.modality)
        say.concepts("tasks", dataset, HFM.task)
        if row.integer("table") is not None:
            ticked = "true" if row.optional("link_printed") else "false"
            say.say("link_printed", dataset, HFM.linkTicked, Literal(ticked, datatype=XSD.boolean))
        for reference in row.items("references"):
            say.say("references", dataset, HFM.reference, iri("reference", reference))
        for size in sizes.get(row.text("id"), ()):
            _size(Statement(graph, size, name), dataset)
        say.cells()
        say.describe(dataset, "id")
        yield row, name


def _size(say: Statement, dataset: NamedNode) -> None:
    quantity = NamedNode(f"{dataset.value}/size/{say.row.text('position')}")
    say.say("dataset", dataset, HFM.size, quantity)
    say.say("dataset", quantity, RDF.type, HFM.Quantity)
    say.number("position", quantity, HFM.position)
    say.number("number", quantity, HFM.number)
    say.concepts("unit", quantity, HFM.unit)
    say.text("qualifier", quantity, HFM.qualifier)
    say.concepts("modality", quantity, HFM.countedModality)
    say.text("printed", quantity, HFM.asReported)
    if (whole := say.row.optional("within")) is not None:
        say.say("within", quantity, HFM.within, NamedNode(f"{dataset.value}/size/{whole}"))


LINK_PROPERTIES: Mapping[str, NamedNode] = {
    "code": HFM.codeRepository,
    "paper": HFM.paperPage,
    "page": HFM.landingPage,
    "data": HFM.landingPage,
}


def links(graph: Graph, tables: Tables) -> Rows:
    """``model_links.tsv``, ``dataset_links.tsv``, ``thing_links.tsv``: accepted addresses, each as one place has it."""
    for column in ("model", "dataset", "thing"):
        for row in tables[f"{column}_links"]:
            if row.text("status") != "accepted":
                continue
            path = row.text(column) if column == "thing" else f"{column}/{row.text(column)}"
            name = iri("source", row.text("source"), path, row.text("place"), row.text("kind"))
            say = Statement(graph, row, name)
            say.address("url", iri(path), LINK_PROPERTIES[row.text("kind")])
            say.describe(iri(path), column)
            yield row, name


def notes(graph: Graph, tables: Tables) -> Rows:
    """``notes.tsv``: curation notes, about a place, and where there are any its cell and its thing."""
    things: dict[tuple[str, str], NamedNode] = {}
    for table, kind in (("models", "model"), ("datasets", "dataset")):
        for row in tables[table]:
            if row.integer("table") is not None:
                place = f"table/{row.text('table')}/row/{row.text('row')}"
                things[row.text("source"), place] = iri(kind, row.text("id"))
    for row in tables["references"]:
        things[row.text("source"), f"reference/{row.text('number')}"] = iri("reference", row.text("id"))
    for row in tables["notes"]:
        note = iri("note", row.text("id"))
        source, place = row.text("source"), row.text("place")
        name = iri("source", PROJECT, "note", row.text("id"))
        say = Statement(graph, row, name)
        say.say("id", note, RDF.type, HFM.CurationNote)
        where = describe_place(graph, source, place)
        say.say("place", note, HFM.about, where)
        if (source, place) in things:
            say.say("place", note, HFM.about, things[source, place])
            if (column := row.optional("column")) is not None:
                cell = NamedNode(f"{where.value}#{_cell_column(column)}")
                if Quad(cell, RDF.type, HFM.Cell, where) in graph.quads:
                    say.say("column", note, HFM.about, cell)
        say.text("column", note, HFM.column)
        say.text("kind", note, HFM.noteKind)
        say.text("errs", note, HFM.errs)
        say.text("reported", note, HFM.reportedValue)
        say.text("corrected", note, HFM.correctedValue)
        say.text("reason", note, HFM.reason)
        for path in row.items("disputes"):
            say.say("disputes", note, HFM.disputes, iri("source", path))
        say.describe(note, "id")
        yield row, name


def _cell_column(column: str) -> str:
    """The printed column in which the value of one of our columns stands."""
    return {"label": "name", "references": "name", "scale": "scale"}.get(column, column)


DECLARATIONS: Mapping[str, NamedNode] = {
    "class": OWL.Class,
    "object-property": OWL.ObjectProperty,
    "data-property": OWL.DatatypeProperty,
    "individual": OWL.NamedIndividual,
}


def deprecated(graph: Graph, tables: Tables) -> Rows:
    """``deprecated.tsv``: terms that were released and are in use no more, as the OBO Foundry asks."""
    for row in tables["deprecated"]:
        term = iri(row.text("id"))
        name = iri("source", PROJECT, "deprecated", row.text("id"))
        say = Statement(graph, row, name)
        say.say("kind", term, RDF.type, DECLARATIONS[row.text("kind")])
        say.say("label", term, RDFS.label, Literal(f"obsolete {row.text('label')}", language="en"))
        say.say("id", term, OWL.deprecated, Literal("true", datatype=XSD.boolean))
        say.say("replaced_by", term, IAO.IAO_0100001, iri(row.text("replaced_by")))
        reason = f"Deprecated since {row.text('version')}: {row.text('reason')}"
        say.say("reason", term, IAO.IAO_0000116, Literal(reason, language="en"))
        say.describe(term, "id")
        yield row, name


def statements(graph: Graph, tables: Tables) -> Rows:
    """``statements.tsv``: what the source's text says."""
    return facts.statements(graph, tables, facts.entities(tables, CONCEPT_CLASSES))


TABLES: tuple[Callable[[Graph, Tables], Rows], ...] = (
    sources,
    references,
    reference_ids,
    related_surveys,
    concepts,
    direction_challenges,
    models,
    datasets,
    links,
    facts.things,
    statements,
    facts.claims,
    deprecated,
    notes,
)
"""What is built, in order; notes come last, since they point at what the others made."""

"""Every constraint of ontology/shapes.ttl fires on its planted defect, and nothing else does.

The defects are planted as triples into a small part of the real graph, which validates in a fraction of a second; a few
are planted into the tables, to see that their findings lead back to the cell.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pyshacl
import pytest
import rdflib
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Triple

from hfm_kg import pipeline, validate
from hfm_kg.errors import Finding
from hfm_kg.pipeline import Settings
from hfm_kg.statement import Graph
from hfm_kg.terms import (
    BASE,
    DCTERMS,
    HFM,
    IAO,
    ONTOLOGY,
    OWL,
    PROV,
    PROVENANCE,
    RDF,
    RDFS,
    SKOS,
    XSD,
    concept,
    iri,
)
from tests.conftest import ROOT
from tests.test_transcription import Folder

SH = validate.SH
SHAPES = rdflib.Graph().parse(ROOT / "ontology" / "shapes.ttl")
SHAPE = "https://w3id.org/hfm/shape/"

Term = NamedNode | Literal
Triples = set[Triple]
Change = Callable[[Triples], Triples]

MODEL, DATASET, DATABASE = iri("model", "BioBART"), iri("dataset", "SUN"), iri("dataset", "TCIA")
SIZE, FRAMES = iri("dataset", "SUN", "size", "1"), iri("dataset", "SUN", "size", "2")
COMPONENT = iri("model", "BioBART", "backbone", "1.1")
PUBLICATION = iri("reference", "83")
APPLICATION, ASPECT, CHALLENGE = concept("HealthcareEducation"), concept("DataAcquisitionEthics"), concept("DataEthics")
DIRECTION, THEME = concept("MeetingHealthcareRequirements"), concept("BeyondAIVersusHuman")
PRETRAINED, TASK, SUBFIELD, MODALITY = concept("PubMedBERT"), concept("Detection"), concept("Vision"), concept("Text")
ROW = iri("source", "he2024", "table", "1", "row", "4")
CELL = NamedNode(f"{ROW.value}#year")
PLACE, SOURCE = iri("source", "he2024", "table", "1"), iri("source", "he2024")
NOTE, CONFLICT = iri("note", "table-1-row-4-year"), iri("note", "table-6-row-2-scale")
DISPUTED = iri("source", "he2024", "table", "6", "row", "4")
THING, CLAIM = iri("model", "ProteinBERT"), iri("claim", "related-surveys")
OTHER_THINGS = (iri("dataset", "CASP14"), iri("work", "NewChoiceHealth-CT-Scan-Cost"), iri("dataset", "EndoSLAM"))
CLASS, PROPERTY, NUMBER = HFM.FoundationModel, HFM.task, HFM.publicationYear
NOWHERE = iri("nowhere")

SEEDS = (
    NOTE,
    CONFLICT,
    PUBLICATION,
    DATASET,
    DATABASE,
    APPLICATION,
    ASPECT,
    DIRECTION,
    PRETRAINED,
    MODALITY,
    THING,
    CLAIM,
    *OTHER_THINGS,
)

TARGETED = {
    MODEL: {"FoundationModel"},
    DATASET: {"Dataset", "DatasetOfSubfield"},
    SIZE: {"Quantity"},
    FRAMES: {"Quantity"},
    COMPONENT: {"BackboneComponent"},
    PUBLICATION: {"Publication"},
    TASK: {"Concept"},
    APPLICATION: {"Concept", "Application"},
    CHALLENGE: {"Concept", "Challenge", "Addressing"},
    ASPECT: {"Concept", "ChallengeAspect"},
    DIRECTION: {"Concept", "FutureDirection", "Addressing"},
    PRETRAINED: {"Concept", "PretrainedModel"},
    ROW: {"Row"},
    PLACE: {"Place"},
    SOURCE: {"Source"},
    CELL: {"Cell"},
    NOTE: {"CurationNote", "Conflict"},
    CONFLICT: {"CurationNote", "Conflict"},
    THING: {"MentionedThing"},
    CLAIM: {"Claim"},
    CLASS: {"Term"},
    PROPERTY: {"Term"},
    NUMBER: {"Term"},
}
"""The node shapes that look at each of the things into which a defect is planted."""

FILES = {
    MODEL: "data/models.tsv",
    DATASET: "data/datasets.tsv",
    SIZE: "data/dataset_sizes.tsv",
    FRAMES: "data/dataset_sizes.tsv",
    COMPONENT: "data/model_backbones.tsv",
    PUBLICATION: "data/references.tsv",
    TASK: "data/tasks.tsv",
    APPLICATION: "data/applications.tsv",
    CHALLENGE: "data/challenges.tsv",
    ASPECT: "data/challenges.tsv",
    DIRECTION: "data/directions.tsv",
    PRETRAINED: "data/backbones.tsv",
    ROW: "data/models.tsv",
    SOURCE: "data/sources.tsv",
    CELL: "data/models.tsv",
    NOTE: "data/notes.tsv",
    CONFLICT: "data/notes.tsv",
    THING: "data/things.tsv",
    CLAIM: "data/claims.tsv",
    CLASS: "ontology/hfm.ttl",
    PROPERTY: "ontology/hfm.ttl",
    NUMBER: "ontology/hfm.ttl",
}
"""The file to which a finding about each of them leads."""


# --- changes --------------------------------------------------------------------------------------------------


def matching(triples: Triples, subject: Term | None, predicate: NamedNode | None, value: Term | None) -> Triples:
    pattern = (subject, predicate, value)
    found = {
        triple
        for triple in triples
        if all(want is None or want == is_ for want, is_ in zip(pattern, triple, strict=True))
    }
    assert found, f"nothing matches {pattern}"
    return found


def without(subject: NamedNode | None, predicate: NamedNode, value: Term | None = None) -> Change:
    return lambda triples: triples - matching(triples, subject, predicate, value)


def add(subject: NamedNode, predicate: NamedNode, *values: Term) -> Change:
    return lambda triples: triples | {Triple(subject, predicate, value) for value in values}


def put(subject: NamedNode, predicate: NamedNode, *values: Term) -> Change:
    """Replace what the subject has by these values."""
    return lambda triples: add(subject, predicate, *values)(without(subject, predicate)(triples))


def both(*changes: Change) -> Change:
    def change(triples: Triples) -> Triples:
        for each in changes:
            triples = each(triples)
        return triples

    return change


def rename(old: NamedNode, new: NamedNode) -> Change:
    """Give a thing another IRI wherever it stands."""

    def change(triples: Triples) -> Triples:
        matching(triples, old, None, None)
        return {
            Triple(
                new if triple.subject == old else triple.subject,
                triple.predicate,
                new if triple.object == old else triple.object,
            )
            for triple in triples
        }

    return change


def blank(subject: NamedNode) -> Change:
    """A copy of the thing that is a blank node."""
    node = BlankNode("copy")
    return lambda triples: (
        triples | {Triple(node, triple.predicate, triple.object) for triple in matching(triples, subject, None, None)}
    )


def undescribed(subject: NamedNode) -> Change:
    """Have all rows about a thing be about another."""
    return lambda triples: (
        (triples - matching(triples, None, HFM.describes, subject))
        | {
            Triple(triple.subject, triple.predicate, DATABASE)
            for triple in matching(triples, None, HFM.describes, subject)
        }
    )


def plain(text: str) -> Literal:
    return Literal(text)


def english(text: str) -> Literal:
    return Literal(text, language="en")


def german(text: str) -> Literal:
    return Literal(text, language="de")


def integer(number: int) -> Literal:
    return Literal(str(number), datatype=XSD.integer)


def decimal(number: str) -> Literal:
    return Literal(number, datatype=XSD.decimal)


# --- the defects ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Defect:
    """A change that violates one constraint of a shape; ``also`` names those that cannot but be violated with it."""

    constraint: str
    focus: NamedNode
    change: Change
    also: str = ""
    file: str = ""
    """The table to which the finding leads, where it is not the thing's own."""

    @property
    def shape(self) -> str:
        return self.constraint.partition(" ")[0]

    @property
    def violated(self) -> set[str]:
        return {self.constraint, *filter(None, self.also.split(", "))}

    @property
    def renames(self) -> bool:
        """Whether the change gives the thing an IRI that no row made; the shape of IRIs has no other defect."""
        return self.shape[0].isupper() and self.constraint.endswith(" pattern")

    def __str__(self) -> str:
        return f"{self.constraint} of {self.focus.value.removeprefix(BASE)}"


def strings(constraint: str, focus: NamedNode, predicate: NamedNode) -> Iterator[Defect]:
    """The defects of a property that has one string that is not empty."""
    yield Defect(f"{constraint} minCount", focus, without(focus, predicate))
    yield Defect(f"{constraint} maxCount", focus, add(focus, predicate, plain("Another")))
    yield Defect(f"{constraint} datatype", focus, put(focus, predicate, english("In English")))
    yield Defect(f"{constraint} minLength", focus, put(focus, predicate, plain("")))


def counts(constraint: str, focus: NamedNode, predicate: NamedNode, other: Term) -> Iterator[Defect]:
    """The defects of a property that has exactly one value."""
    yield Defect(f"{constraint} minCount", focus, without(focus, predicate))
    yield Defect(f"{constraint} maxCount", focus, add(focus, predicate, other))


def reported(focus: NamedNode) -> Iterator[Defect]:
    """The defects of the source's wording, which need not be there."""
    return (
        defect for defect in strings("asReported", focus, HFM.asReported) if not defect.constraint.endswith("minCount")
    )


DEFECTS = [
    # models
    Defect("FoundationModel pattern", MODEL, rename(MODEL, iri("model", "-BioBART"))),
    Defect("FoundationModel nodeKind", MODEL, blank(MODEL),
           "FoundationModel pattern, described minCount, component-owner maxCount"),
    *strings("name", MODEL, RDFS.label),
    *counts("oneSubfield", MODEL, HFM.subfield, SUBFIELD),
    Defect("oneSubfield class", MODEL, put(MODEL, HFM.subfield, TASK)),
    Defect("model-pretraining maxCount", MODEL, add(MODEL, HFM.pretrainingParadigm, concept("SelfSupervisedLearning"))),
    Defect("model-pretraining class", MODEL, put(MODEL, HFM.pretrainingParadigm, concept("FineTuning"))),
    Defect("model-adaptation minCount", MODEL, without(MODEL, HFM.adaptationParadigm)),
    Defect("model-adaptation class", MODEL, add(MODEL, HFM.adaptationParadigm, concept("GenerativeLearning"))),
    Defect("model-modality class", MODEL, add(MODEL, HFM.modality, TASK)),
    Defect("model-task minCount", MODEL, without(MODEL, HFM.task)),
    Defect("model-task class", MODEL, add(MODEL, HFM.task, SUBFIELD)),
    *counts("model-year", MODEL, HFM.publicationYear, integer(2023)),
    Defect("model-year datatype", MODEL, put(MODEL, HFM.publicationYear, decimal("2022"))),
    Defect("model-year minInclusive", MODEL, put(MODEL, HFM.publicationYear, integer(2017))),
    Defect("model-year maxInclusive", MODEL, put(MODEL, HFM.publicationYear, integer(2027))),
    Defect("model-backbone class", MODEL, add(MODEL, HFM.backbone, TASK), file="model_backbones"),
    Defect("model-weights class", MODEL, add(MODEL, HFM.initializedFrom, concept("BART"))),
    Defect("model-technique class", MODEL, add(MODEL, HFM.technique, TASK)),
    Defect("model-code nodeKind", MODEL, add(MODEL, HFM.codeRepository, plain("https://example.org/code")),
           file="model_links"),
    Defect("model-code pattern", MODEL, add(MODEL, HFM.codeRepository, NamedNode("ftp://example.org/code")),
           file="model_links"),
    Defect("thing-reference class", MODEL, add(MODEL, HFM.reference, iri("reference", "444"))),
    Defect("described minCount", MODEL, undescribed(MODEL)),
    # datasets
    Defect("Dataset pattern", DATASET, rename(DATASET, iri("dataset", "SUN_"))),
    Defect("Dataset nodeKind", DATASET, blank(DATASET), "Dataset pattern, described minCount, quantity-owner maxCount"),
    *strings("name", DATASET, RDFS.label),
    Defect("dataset-subfield maxCount", DATASET, add(DATASET, HFM.subfield, concept("Language"))),
    Defect("dataset-subfield class", DATASET, put(DATASET, HFM.subfield, TASK)),
    Defect("dataset-modality class", DATASET, add(DATASET, HFM.modality, TASK)),
    Defect("dataset-task class", DATASET, add(DATASET, HFM.task, SUBFIELD)),
    Defect("dataset-size class", DATASET, add(DATASET, HFM.size, NOWHERE), file="dataset_sizes"),
    Defect("dataset-page nodeKind", DATASET, add(DATASET, HFM.landingPage, plain("https://example.org/data")),
           file="dataset_links"),
    Defect("dataset-page pattern", DATASET, add(DATASET, HFM.landingPage, NamedNode("ftp://example.org/data")),
           file="dataset_links"),
    Defect("DatasetOfSubfield or", DATASET, without(DATASET, HFM.subfield)),
    Defect("thing-reference class", DATASET, add(DATASET, HFM.reference, TASK)),
    Defect("described minCount", DATASET, undescribed(DATASET)),
    # sizes
    *counts("quantity-number", SIZE, HFM.number, decimal("1019")),
    Defect("quantity-number datatype", SIZE, put(SIZE, HFM.number, integer(1018))),
    Defect("quantity-number minExclusive", SIZE, put(SIZE, HFM.number, decimal("0"))),
    *counts("quantity-unit", SIZE, HFM.unit, concept("FrameUnit")),
    Defect("quantity-unit class", SIZE, put(SIZE, HFM.unit, TASK)),
    *counts("quantity-qualifier", SIZE, HFM.qualifier, plain("over")),
    Defect("quantity-qualifier in", SIZE, put(SIZE, HFM.qualifier, plain("about"))),
    Defect("quantity-owner minCount", SIZE, without(DATASET, HFM.size, SIZE)),
    Defect("quantity-owner maxCount", SIZE, add(DATABASE, HFM.size, SIZE)),
    Defect("quantity-within maxCount", FRAMES, add(FRAMES, HFM.within, FRAMES)),
    Defect("quantity-within class", FRAMES, put(FRAMES, HFM.within, DATASET)),
    *reported(SIZE),
    # backbones of models
    *counts("component-backbone", COMPONENT, HFM.componentBackbone, PRETRAINED),
    Defect("component-backbone class", COMPONENT, put(COMPONENT, HFM.componentBackbone, TASK)),
    Defect("component-owner minCount", COMPONENT, without(MODEL, HFM.component, COMPONENT)),
    Defect("component-owner maxCount", COMPONENT, add(iri("model", "PubMedBERT"), HFM.component, COMPONENT)),
    Defect("component-owner class", COMPONENT,
           both(without(MODEL, HFM.component, COMPONENT), add(DATASET, HFM.component, COMPONENT))),
    *reported(COMPONENT),
    # publications
    Defect("Publication pattern", PUBLICATION, rename(PUBLICATION, iri("reference", "He_2024"))),
    *strings("publication-title", PUBLICATION, DCTERMS.title),
    *strings("publication-authors", PUBLICATION, HFM.authors),
    *counts("publication-number", PUBLICATION, HFM.referenceNumber, integer(84)),
    Defect("publication-number datatype", PUBLICATION, put(PUBLICATION, HFM.referenceNumber, plain("83"))),
    Defect("publication-year maxCount", PUBLICATION, add(PUBLICATION, HFM.publicationYear, integer(1999))),
    Defect("publication-year datatype", PUBLICATION, put(PUBLICATION, HFM.publicationYear, decimal("2022"))),
    Defect("publication-year minInclusive", PUBLICATION, put(PUBLICATION, HFM.publicationYear, integer(1949))),
    Defect("publication-year maxInclusive", PUBLICATION, put(PUBLICATION, HFM.publicationYear, integer(2027))),
    Defect("publication-doi maxCount", PUBLICATION, add(PUBLICATION, HFM.doi, plain("10.1000/1"), plain("10.1000/2"))),
    Defect("publication-doi pattern", PUBLICATION, add(PUBLICATION, HFM.doi, plain("https://doi.org/10.1000/1"))),
    Defect("publication-arxiv maxCount", PUBLICATION,
           add(PUBLICATION, HFM.arxivId, plain("2204.1234"), plain("2204.12345"))),
    Defect("publication-arxiv pattern", PUBLICATION, add(PUBLICATION, HFM.arxivId, plain("2204.03905v2"))),
    Defect("publication-pubmed maxCount", PUBLICATION, add(PUBLICATION, HFM.pubmedId, plain("1"), plain("PMC2"))),
    Defect("publication-pubmed pattern", PUBLICATION, add(PUBLICATION, HFM.pubmedId, plain("PMID 1"))),
    Defect("described minCount", PUBLICATION, undescribed(PUBLICATION)),
    # concepts
    Defect("Concept pattern", TASK, rename(TASK, concept("detection"))),
    Defect("Concept nodeKind", TASK, blank(TASK), "Concept pattern, described minCount"),
    Defect("concept-label minCount", TASK, without(TASK, RDFS.label), "concept-prefLabel equals"),
    Defect("concept-label maxCount", TASK, add(TASK, RDFS.label, english("finding")), "concept-prefLabel equals"),
    Defect("concept-label languageIn", TASK,
           both(put(TASK, RDFS.label, german("Detektion")), put(TASK, SKOS.prefLabel, german("Detektion")))),
    Defect("concept-prefLabel minCount", TASK, without(TASK, SKOS.prefLabel), "concept-prefLabel equals"),
    Defect("concept-prefLabel maxCount", TASK, add(TASK, SKOS.prefLabel, english("finding")),
           "concept-prefLabel equals"),
    Defect("concept-prefLabel equals", TASK, put(TASK, SKOS.prefLabel, english("Detection"))),
    Defect("concept-altLabel languageIn", TASK, add(TASK, SKOS.altLabel, plain("finding"))),
    Defect("concept-altLabel disjoint", TASK, add(TASK, SKOS.altLabel, english("detection"))),
    Defect("concept-definition minCount", TASK, without(TASK, IAO.IAO_0000115)),
    Defect("concept-definition maxCount", TASK, add(TASK, IAO.IAO_0000115, english("A task."))),
    Defect("concept-definition languageIn", TASK, put(TASK, IAO.IAO_0000115, plain("A task."))),
    Defect("concept-definition pattern", TASK, put(TASK, IAO.IAO_0000115, english("A task"))),
    *counts("concept-scheme", TASK, SKOS.inScheme, iri("scheme", "units")),
    Defect("concept-scheme class", TASK, put(TASK, SKOS.inScheme, SUBFIELD)),
    Defect("concept-broader maxCount", TASK, add(TASK, SKOS.broader, SUBFIELD)),
    Defect("concept-broader class", TASK, put(TASK, SKOS.broader, CLASS)),
    Defect("thing-reference class", TASK, add(TASK, HFM.reference, SUBFIELD)),
    Defect("described minCount", TASK, undescribed(TASK)),
    *counts("oneSubfield", APPLICATION, HFM.subfield, SUBFIELD),
    Defect("oneSubfield class", APPLICATION, put(APPLICATION, HFM.subfield, TASK)),
    Defect("challenge-pillar minCount", CHALLENGE, without(CHALLENGE, SKOS.broader)),
    Defect("challenge-pillar class", CHALLENGE, put(CHALLENGE, SKOS.broader, THEME)),
    Defect("aspect-challenge minCount", ASPECT, without(ASPECT, SKOS.broader)),
    Defect("aspect-challenge class", ASPECT, put(ASPECT, SKOS.broader, concept("DataPillar"))),
    Defect("direction-theme minCount", DIRECTION, without(DIRECTION, SKOS.broader)),
    Defect("direction-theme class", DIRECTION, put(DIRECTION, SKOS.broader, CHALLENGE)),
    Defect("Addressing or", CHALLENGE, add(CHALLENGE, HFM.addresses, ASPECT)),
    Defect("direction-addresses or", DIRECTION, add(DIRECTION, HFM.addresses, TASK), file="direction_challenges"),
    Defect("surveyed-as maxCount", PRETRAINED, add(PRETRAINED, HFM.surveyedAs, MODEL)),
    Defect("surveyed-as class", PRETRAINED, put(PRETRAINED, HFM.surveyedAs, DATASET)),
    # what the text says
    Defect("MentionedThing pattern", THING, rename(THING, iri("model", "-ProteinBERT"))),
    *strings("name", THING, RDFS.label),
    Defect("thing-definition minCount", THING, without(THING, IAO.IAO_0000115)),
    Defect("thing-definition maxCount", THING, add(THING, IAO.IAO_0000115, english("A model."))),
    Defect("thing-definition languageIn", THING, put(THING, IAO.IAO_0000115, plain("A model."))),
    Defect("thing-definition pattern", THING, put(THING, IAO.IAO_0000115, english("A model"))),
    *counts("thing-domain", THING, HFM.domain, plain("general")),
    Defect("thing-domain in", THING, put(THING, HFM.domain, plain("medicine"))),
    Defect("thing-reference class", THING, add(THING, HFM.reference, TASK)),
    Defect("model-code pattern", THING, add(THING, HFM.codeRepository, NamedNode("ftp://example.org/code"))),
    Defect("dataset-page pattern", THING, add(THING, HFM.landingPage, NamedNode("ftp://example.org/data"))),
    Defect("described minCount", THING, undescribed(THING)),
    Defect("claim-sentence minCount", CLAIM, without(CLAIM, HFM.sentence)),
    Defect("claim-sentence maxCount", CLAIM, add(CLAIM, HFM.sentence, english("Another."))),
    Defect("claim-sentence languageIn", CLAIM, put(CLAIM, HFM.sentence, plain("Another."))),
    *counts("claim-reported", CLAIM, HFM.reportedValue, plain("200")),
    Defect("described minCount", CLAIM, undescribed(CLAIM)),
    Defect("row-sentence maxCount", ROW, add(ROW, HFM.sentence, english("One."), english("Two."))),
    Defect("row-sentence languageIn", ROW, add(ROW, HFM.sentence, plain("One."))),
    Defect("row-sentence pattern", ROW, add(ROW, HFM.sentence, english("One"))),
    # provenance
    Defect("row-describes minCount", ROW, without(ROW, HFM.describes)),
    Defect("row-describes maxCount", ROW, add(ROW, HFM.describes, DATASET)),
    Defect("row-describes nodeKind", ROW, put(ROW, HFM.describes, plain("BioBART"))),
    *counts("row-file", ROW, HFM.dataFile, plain("datasets.tsv")),
    Defect("row-table maxCount", ROW, add(ROW, HFM.sourceTable, integer(2))),
    Defect("row-table minInclusive", ROW, put(ROW, HFM.sourceTable, integer(0))),
    Defect("row-source minCount", ROW, without(ROW, PROV.wasDerivedFrom)),
    Defect("row-source nodeKind", ROW, put(ROW, PROV.wasDerivedFrom, plain("Table I")), "row-source or"),
    Defect("row-source or", ROW, put(ROW, PROV.wasDerivedFrom, PUBLICATION)),
    Defect("row-cell class", ROW, add(ROW, HFM.cell, PLACE)),
    Defect("thing-reference class", ROW, add(ROW, HFM.reference, SOURCE)),
    *counts("place-source", PLACE, DCTERMS.isPartOf, iri("source", "hfm")),
    Defect("place-source class", PLACE, put(PLACE, DCTERMS.isPartOf, iri("source", "he2025"))),
    *strings("name", SOURCE, RDFS.label),
    *counts("cell-column", CELL, HFM.column, plain("label")),
    *counts("cell-value", CELL, HFM.reportedValue, plain("2021")),
    Defect("note-about minCount", NOTE, without(NOTE, HFM.about)),
    Defect("note-about nodeKind", NOTE, add(NOTE, HFM.about, plain("table/1/row/4"))),
    *counts("note-reason", NOTE, HFM.reason, plain("Another reason.")),
    Defect("note-reason minLength", NOTE, put(NOTE, HFM.reason, plain(""))),
    *counts("note-errs", NOTE, HFM.errs, plain("print")),
    Defect("note-errs in", NOTE, put(NOTE, HFM.errs, plain("nobody"))),
    Defect("note-corrected maxCount", NOTE, add(NOTE, HFM.correctedValue, plain("2021"))),
    Defect("note-corrected disjoint", NOTE, put(NOTE, HFM.correctedValue, plain("2020"))),
    Defect("note-disputes class", CONFLICT, add(CONFLICT, HFM.disputes, CELL)),
    Defect("Conflict or", CONFLICT, without(CONFLICT, HFM.disputes, DISPUTED)),
    Defect("Conflict or", NOTE, put(NOTE, HFM.noteKind, plain("conflict"))),
    # the ontology
    Defect("Term or", CLASS, without(CLASS, RDFS.label)),
    Defect("Term or", PROPERTY, without(PROPERTY, RDFS.label)),
    Defect("Term or", NUMBER, without(NUMBER, RDFS.label)),
]  # fmt: skip

TERM_DEFECTS = {
    "label minCount": without(CLASS, RDFS.label),
    "label maxCount": add(CLASS, RDFS.label, english("model of healthcare")),
    "label languageIn": put(CLASS, RDFS.label, plain("healthcare foundation model")),
    "IAO_0000115 minCount": without(CLASS, IAO.IAO_0000115),
    "IAO_0000115 maxCount": add(CLASS, IAO.IAO_0000115, english("A model.")),
    "IAO_0000115 languageIn": put(CLASS, IAO.IAO_0000115, plain("A model.")),
    "IAO_0000115 pattern": put(CLASS, IAO.IAO_0000115, english("a model")),
    "source minCount": without(CLASS, DCTERMS.source),
    "source nodeKind": put(CLASS, DCTERMS.source, plain("Section I.A")),
}
"""What shape:OwnTerm asks of a term of ours; shape:Term reports it, since it asks it of ours only."""


# --- the part of the graph ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def part(stated: Graph) -> Graph:
    """What the seeds need: the rows about them and about what these name, the class tree, and three terms of ours."""
    rows_about: dict[object, set[object]] = defaultdict(set)
    about_row: dict[object, set[Quad]] = defaultdict(set)
    about_place: dict[object, set[Quad]] = defaultdict(set)
    quads = set()
    for quad in stated.quads:
        if quad.graph_name == ONTOLOGY:
            quads |= {quad} if _is_needed(quad) else set()
            continue
        # what the text says of a thing would draw in half of the graph
        if quad.predicate == HFM.describes and "/statement/" not in str(quad.subject):
            rows_about[quad.object].add(quad.subject)
        of_place = quad.object == HFM.Place or quad.predicate in (DCTERMS.isPartOf, RDFS.label)
        if quad.graph_name == PROVENANCE and of_place:
            about_place[quad.subject].add(quad)
        elif not _is_superfluous(quad):
            about_row[quad.subject if quad.graph_name == PROVENANCE else quad.graph_name].add(quad)
    waiting: list[object] = list(SEEDS)
    seen: set[object] = set()
    while waiting:
        thing = waiting.pop()
        if thing not in seen:
            seen.add(thing)
            new = about_place[thing].union(*(about_row[row] for row in rows_about[thing]))
            waiting += [quad.object for quad in new]
            quads |= new
    triples = {quad.triple for quad in quads}
    return Graph(quads, {triple: origin for triple, origin in stated.origins.items() if triple in triples})


def _is_needed(quad: Quad) -> bool:
    if quad.predicate == RDFS.subClassOf:
        return isinstance(quad.object, NamedNode)
    return quad.object == SKOS.ConceptScheme or quad.subject in (CLASS, PROPERTY, NUMBER)


def _is_superfluous(quad: Quad) -> bool:
    """All references and cells but one are left out, which halves the time that validation takes."""
    cell = quad.object if quad.predicate == HFM.cell else quad.subject
    return (quad.predicate == HFM.reference and quad.object != PUBLICATION) or ("#" in str(cell) and cell != CELL)


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> list[rdflib.Graph]:
    """The reports that pySHACL gives, which say more than the findings made of them."""
    kept: list[rdflib.Graph] = []
    run = pyshacl.validate

    def keep(data: rdflib.Graph, **options: Any) -> Any:
        result = run(data, **options)
        assert isinstance(result[1], rdflib.Graph)
        kept.append(result[1])
        return result

    monkeypatch.setattr(pyshacl, "validate", keep)
    return kept


def check(part: Graph, change: Change, settings: Settings) -> list[Finding]:
    triples = change({quad.triple for quad in part.quads})
    quads = {Quad(triple.subject, triple.predicate, triple.object, PROVENANCE) for triple in triples}
    graph = Graph(quads, part.origins)
    return validate.check_shapes(graph, settings.ontology, validate.Tracer(graph, settings.ontology))


def violated(report: rdflib.Graph) -> set[str]:
    """Shape and constraint of each result, as a defect names them."""
    results = report.subjects(rdflib.RDF.type, SH.ValidationResult)
    return {
        f"{_name(report.value(each, SH.sourceShape))} {_parameter(report.value(each, SH.sourceConstraintComponent))}"
        for each in results
    }


def _name(node: object) -> str:
    return str(node).removeprefix(SHAPE)


def _parameter(component: object) -> str:
    name = str(component).removeprefix(str(SH)).removesuffix("ConstraintComponent")
    return name[0].lower() + name[1:]


def message_of(shape: str) -> str:
    return str(SHAPES.value(rdflib.URIRef(SHAPE + shape), SH.message))


def told(shape: str) -> str:
    """What a finding says after the thing it is about: the property, if the shape is of one, and the message."""
    path = SHAPES.value(rdflib.URIRef(SHAPE + shape), SH.path)
    return f" {spelt(path)}: {message_of(shape)}" if path else f": {message_of(shape)}"


def spelt(path: rdflib.term.Node) -> str:
    """A path as SPARQL writes it."""
    if alternatives := SHAPES.value(path, SH.alternativePath):
        return "|".join(spelt(each) for each in SHAPES.items(alternatives))
    inverse = SHAPES.value(path, SH.inversePath)
    return f"^{local(inverse)}" if inverse else local(path)


def local(predicate: object) -> str:
    name = str(predicate).replace("#", "/").rpartition("/")[2]
    return f"hfm:{name}" if str(predicate) == BASE + name else name


# --- every constraint fires -----------------------------------------------------------------------------------


def test_the_real_graph_conforms(stated: Graph, settings: Settings) -> None:
    assert validate.check_shapes(stated, settings.ontology, validate.Tracer(stated, settings.ontology)) == []


def test_the_part_conforms_as_it_is(part: Graph, settings: Settings) -> None:
    assert check(part, lambda triples: triples, settings) == []


def test_the_part_has_each_thing_that_a_shape_looks_at(part: Graph) -> None:
    triples = {quad.triple for quad in part.quads}
    for focus in TARGETED:
        assert matching(triples, focus, RDF.type, None)
    for target in SHAPES.objects(None, SH.targetClass):
        assert matching(triples, None, RDF.type, NamedNode(str(target)))
    assert matching(triples, None, HFM.addresses, None)


@pytest.mark.parametrize("defect", DEFECTS, ids=str)
def test_a_constraint_fires_on_its_planted_defect_and_nothing_else_does(
    defect: Defect, part: Graph, settings: Settings, reports: list[rdflib.Graph]
) -> None:
    findings = check(part, defect.change, settings)
    (report,) = reports
    assert violated(report) == defect.violated
    assert any(told(defect.shape) in finding.message for finding in findings), findings
    if not defect.also and not defect.renames:
        place = f"hfm:{defect.focus.value.removeprefix(BASE)}"
        assert all(finding.message.startswith(f"{place}{told(defect.shape)}") for finding in findings), findings
        expected = f"data/{defect.file}.tsv" if defect.file else FILES.get(defect.focus, "ontology/hfm.ttl")
        assert {finding.file for finding in findings} == {expected}


@pytest.mark.parametrize("change", TERM_DEFECTS.values(), ids=TERM_DEFECTS)
def test_a_term_of_ours_has_one_label_one_definition_and_a_source(
    change: Change, part: Graph, settings: Settings
) -> None:
    (finding,) = check(part, change, settings)
    lines = (settings.ontology / "hfm.ttl").read_text(encoding="utf-8").splitlines()
    line = lines.index(":FoundationModel a owl:Class ;") + 1
    assert str(finding) == f"ontology/hfm.ttl:{line}:1: shacl: hfm:FoundationModel: {message_of('Term')}"


def test_a_term_of_another_vocabulary_may_lack_them(part: Graph, settings: Settings) -> None:
    assert check(part, add(NamedNode("http://schema.org/Thing"), RDF.type, OWL.Class), settings) == []


# --- no constraint is forgotten -------------------------------------------------------------------------------

NO_CONSTRAINT: set[rdflib.term.Node] = {
    SH.path,
    SH.message,
    SH.property,
    SH.targetClass,
    SH.targetSubjectsOf,
    rdflib.RDF.type,
}


def parameters(shape: rdflib.term.Node) -> Iterator[str]:
    for predicate in set(SHAPES.predicates(shape)) - NO_CONSTRAINT:
        yield str(predicate).removeprefix(str(SH))


def constraints() -> Iterator[str]:
    for shape in set(SHAPES.subjects()):
        if isinstance(shape, rdflib.URIRef):
            for parameter in parameters(shape):
                yield f"{_name(shape)} {parameter}"


def links() -> Iterator[tuple[str, str]]:
    """Node shape and property shape, where both have names."""
    for shape, of_property in SHAPES.subject_objects(SH.property):
        if isinstance(shape, rdflib.URIRef) and isinstance(of_property, rdflib.URIRef):
            yield _name(shape), _name(of_property)


def missing(wanted: Iterable[object], there: Iterable[object]) -> list[object]:
    return sorted(set(wanted) - set(there), key=str)


def test_each_constraint_has_a_planted_defect() -> None:
    assert missing(constraints(), (defect.constraint for defect in DEFECTS)) == []


def test_each_shape_has_a_planted_defect() -> None:
    names = {_name(shape) for shape in SHAPES.subjects() if isinstance(shape, rdflib.URIRef)}
    planted = {defect.shape for defect in DEFECTS}
    held_by_property = {shape for shape, of_property in links() if of_property in planted}
    assert missing(names, planted | held_by_property) == ["OwnTerm"]  # see TERM_DEFECTS


def test_each_property_shape_has_a_planted_defect_in_every_node_shape_that_holds_it() -> None:
    planted = {(owner, defect.shape) for defect in DEFECTS for owner in TARGETED[defect.focus]}
    assert missing(links(), planted) == []


def test_each_demand_on_a_term_of_ours_has_a_planted_defect() -> None:
    demands = set()
    for shape in SHAPES.objects(rdflib.URIRef(SHAPE + "OwnTerm"), SH.property):
        demands |= {f"{local(SHAPES.value(shape, SH.path))} {parameter}" for parameter in parameters(shape)}
    assert missing(demands, TERM_DEFECTS) == []


def test_no_defect_is_planted_for_a_constraint_that_is_gone() -> None:
    assert missing((name for defect in DEFECTS for name in defect.violated), constraints()) == []


def test_each_shape_that_constrains_says_why() -> None:
    names = {constraint.partition(" ")[0] for constraint in constraints()}
    assert [name for name in sorted(names) if message_of(name) == "None"] == []


# --- from the tables ------------------------------------------------------------------------------------------


FROM_TABLES = [
    # a cell that is empty makes no triple, so that the finding stands at the model
    ("models", "MedCPT", "adaptation", "", "id", "hfm:model/MedCPT", "model-adaptation", ""),
    ("models", "BEHRT", "adaptation", "GenerativeLearning", "adaptation",
     "hfm:model/BEHRT", "model-adaptation", " (hfm:GenerativeLearning)"),
    ("datasets", "TCIA", "kind", "dataset", "id", "hfm:dataset/TCIA", "DatasetOfSubfield", ""),
    ("dataset_sizes", "SUN 1", "number", "0", "number", "hfm:dataset/SUN/size/1", "quantity-number", " (0)"),
    ("model_backbones", "MoleculeSTM 1 2", "initial_weights", "GIN", "initial_weights",
     "hfm:model/MoleculeSTM", "model-weights", " (hfm:GIN)"),
    ("units", "TokenUnit", "definition", "A unit of text", "definition",
     "hfm:TokenUnit", "concept-definition", " (A unit of text)"),
    ("units", "ImageUnit", "synonyms", "images|image", "synonyms", "hfm:ImageUnit", "concept-altLabel", " (image)"),
    ("challenges", "DataEthics", "broader", "", "id", "hfm:DataEthics", "challenge-pillar", ""),
    ("notes", "section-ii-c-table", "corrected", "Tab.II-C", "corrected",
     "hfm:note/section-ii-c-table", "note-corrected", " (Tab.II-C)"),
    ("notes", "table-6-row-2-scale", "disputes", "he2024/table/6/row/2", "id",
     "hfm:note/table-6-row-2-scale", "Conflict", ""),
]  # fmt: skip
"""Table, key, column and its new text; the column of the finding, its subject, its shape, and the value it shows."""


def test_findings_lead_back_to_the_cells_of_the_tables(sandbox: Settings) -> None:
    data = Folder(sandbox.data)
    # the printed cells agree, lest the double entry tells the same
    data.put("models", "MedCPT", "adaptation_printed", "-")
    data.put("models", "BEHRT", "adaptation_printed", "GL")
    expected = set()
    for table, key, column, text, at, subject, shape, value in FROM_TABLES:
        data.put(table, key, column, text)
        expected.add(f"{data.place(table, key, at)}: shacl: {subject}{told(shape)}{value}")
    findings = pipeline.check(replace(sandbox, reasoning=False))
    # a synonym that is the label is told by a check of the ontology too
    assert {str(finding) for finding in findings if finding.rule != "duplicate-label-synonym"} == expected


def test_a_note_about_an_unknown_source_is_told_before_any_graph_is_built(sandbox: Settings) -> None:
    data = Folder(sandbox.data)
    data.put("notes", "table-1-row-4-year", "source", "he2042")
    assert [str(finding) for finding in pipeline.check(sandbox)] == [
        f"{data.place('notes', 'table-1-row-4-year', 'source')}: foreign-key: source: 'he2042' is not in sources.tsv; "
        "did you mean he2024?"
    ]

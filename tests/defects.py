"""The planted defect of every check below ``queries/checks``: what the check's header tells under ``defect``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Store, Triple

from hfm_kg.terms import BIBO, DCTERMS, HFM, IAO, ONTOLOGY, OWL, PROV, RDF, RDFS, SKOS, XSD, concept, iri

OBO: Final = "http://purl.obolibrary.org/obo/"
OBOINOWL: Final = "http://www.geneontology.org/formats/oboInOwl#"
CHAT: Final = Literal("chat", language="en")
DIALOGUE: Final = concept("Dialogue")
TRUE: Final = Literal("true", datatype=XSD.boolean)


@dataclass(frozen=True)
class Defect:
    """Statements that are taken out of the default graph, by subject and predicate, and statements that are put in."""

    add: tuple[Triple, ...] = ()
    remove: tuple[tuple[NamedNode, NamedNode], ...] = ()

    @contextmanager
    def planted(self, store: Store) -> Iterator[None]:
        """The store with the defect; without it again afterwards."""
        removed = [quad for pair in self.remove for quad in store.quads_for_pattern(*pair, None)]
        assert len(removed) >= len(self.remove), "a defect takes out what is there"
        added = [quad for quad in map(_quad, self.add) if quad not in store]
        for quad in removed:
            store.remove(quad)
        store.extend(added)
        try:
            yield
        finally:
            for quad in added:
                store.remove(quad)
            store.extend(removed)


def _quad(triple: Triple) -> Quad:
    return Quad(triple.subject, triple.predicate, triple.object)


def add(*triples: tuple[NamedNode | BlankNode, NamedNode, NamedNode | BlankNode | Literal]) -> Defect:
    return Defect(add=tuple(Triple(*triple) for triple in triples))


def remove(subject: NamedNode, predicate: NamedNode) -> Defect:
    return Defect(remove=((subject, predicate),))


def replace(subject: NamedNode, predicate: NamedNode, text: str) -> Defect:
    return both(remove(subject, predicate), add((subject, predicate, Literal(text, language="en"))))


def both(*defects: Defect) -> Defect:
    return Defect(
        tuple(triple for defect in defects for triple in defect.add),
        tuple(pair for defect in defects for pair in defect.remove),
    )


def obo(name: str) -> NamedNode:
    return NamedNode(OBO + name)


def in_owl(name: str) -> NamedNode:
    return NamedNode(OBOINOWL + name)


def owl(name: str) -> NamedNode:
    return NamedNode(OWL.base + name)


def definition(subject: NamedNode, text: str) -> Defect:
    return replace(subject, IAO.IAO_0000115, text)


def new_term(name: str, kind: NamedNode, label: str, *more: tuple[NamedNode, NamedNode | Literal]) -> Defect:
    term = iri(name)
    named = add((term, RDF.type, kind), (term, RDFS.label, Literal(label, language="en")))
    return both(named, *(add((term, predicate, value)) for predicate, value in more))


EXPRESSION: Final = BlankNode("expression")
AXIOM: Final = BlankNode("axiom")
LIST: Final = BlankNode("list")
ELSEWHERE: Final = NamedNode("https://example.org/declared-nowhere")
DEPRECATED: Final = (OWL.deprecated, TRUE)

DEFECTS: Final[Mapping[str, Defect]] = {
    # the graph
    "broader-in-other-scheme": both(remove(DIALOGUE, SKOS.broader), add((DIALOGUE, SKOS.broader, concept("Text")))),
    "dangling-iri": add((iri("model", "BioBERT"), HFM.task, concept("NoSuchTask"))),
    "model-without-reference": remove(iri("model", "BioBERT"), HFM.reference),
    "undeclared-term": add((iri("model", "BioBERT"), iri("noSuchProperty"), Literal("x"))),
    # the ontology: what ROBOT reports
    "annotation-whitespace": add((DIALOGUE, SKOS.altLabel, Literal("chat ", language="en"))),
    "deprecated-boolean-datatype": add((HFM.Place, OWL.deprecated, Literal("true"))),
    "deprecated-class-reference": new_term(
        "Old", OWL.Class, "obsolete thing", DEPRECATED, (RDFS.subClassOf, HFM.Dataset)
    ),
    "deprecated-property-reference": both(
        new_term("old", OWL.ObjectProperty, "obsolete relation", DEPRECATED),
        add((iri("model", "BioBERT"), iri("old"), concept("Text"))),
    ),
    "duplicate-definition": both(
        definition(DIALOGUE, "A language task that is like another."),
        definition(concept("InformationRetrieval"), "A language task that is like another."),
    ),
    "duplicate-exact-synonym": add(
        (DIALOGUE, SKOS.altLabel, CHAT), (concept("InformationRetrieval"), SKOS.altLabel, Literal("Chat"))
    ),
    "duplicate-label": replace(concept("OrganUnit"), RDFS.label, "Organ"),
    "duplicate-label-synonym": add((DIALOGUE, SKOS.altLabel, Literal("Information Retrieval", language="en"))),
    "duplicate-scoped-synonym": add((DIALOGUE, SKOS.altLabel, CHAT), (DIALOGUE, in_owl("hasBroadSynonym"), CHAT)),
    "equivalent-class-axiom-no-genus": add(
        (HFM.Place, owl("equivalentClass"), EXPRESSION),
        (EXPRESSION, RDF.type, owl("Restriction")),
        (EXPRESSION, owl("onProperty"), HFM.modality),
        (EXPRESSION, owl("someValuesFrom"), HFM.Modality),
    ),
    "equivalent-pair": add((HFM.Dataset, owl("equivalentClass"), NamedNode("http://www.w3.org/ns/dcat#Dataset"))),
    "illegal-use-of-built-in-vocabulary": add((RDF.type, RDFS.subPropertyOf, DCTERMS.relation)),
    "invalid-entity-uri": add(
        (concept("Disease"), SKOS.closeMatch, NamedNode("https://purl.obolibrary.org/obo/MONDO_0000001"))
    ),
    "invalid-xref": add((DIALOGUE, in_owl("hasDbXref"), Literal("https://example.org/dialogue"))),
    "label-formatting": replace(HFM.Place, RDFS.label, "place\tin a source"),
    "label-whitespace": replace(HFM.Place, RDFS.label, " place in a source"),
    "lowercase-definition": definition(DIALOGUE, "a language task that answers a person."),
    "missing-definition": remove(DIALOGUE, IAO.IAO_0000115),
    "missing-label": remove(HFM.Place, RDFS.label),
    "missing-obsolete-label": new_term("Old", OWL.Class, "old thing", DEPRECATED),
    "missing-ontology-description": remove(ONTOLOGY, NamedNode(DCTERMS.base + "description")),
    "missing-ontology-license": remove(ONTOLOGY, NamedNode(DCTERMS.base + "license")),
    "missing-ontology-title": remove(ONTOLOGY, DCTERMS.title),
    "missing-subset-declaration": add((HFM.Place, in_owl("inSubset"), ELSEWHERE)),
    "missing-superclass": remove(HFM.Quantity, RDFS.subClassOf),
    "missing-synonymtype-declaration": add(
        (DIALOGUE, SKOS.altLabel, CHAT),
        (AXIOM, owl("annotatedSource"), DIALOGUE),
        (AXIOM, owl("annotatedProperty"), SKOS.altLabel),
        (AXIOM, owl("annotatedTarget"), CHAT),
        (AXIOM, in_owl("hasSynonymType"), ELSEWHERE),
    ),
    "misused-obsolete-label": replace(HFM.Place, RDFS.label, "obsolete place"),
    "misused-replaced-by": add((HFM.Place, obo("IAO_0100001"), HFM.Row)),
    "multiple-definitions": add((HFM.Place, IAO.IAO_0000115, Literal("A spot that a reader can find.", language="en"))),
    "multiple-equivalent-class-definitions": add(
        (HFM.LanguageFoundationModel, owl("equivalentClass"), EXPRESSION),
        (EXPRESSION, RDF.type, OWL.Class),
        (EXPRESSION, owl("intersectionOf"), LIST),
        (LIST, NamedNode(RDF.base + "first"), HFM.FoundationModel),
        (LIST, NamedNode(RDF.base + "rest"), NamedNode(RDF.base + "nil")),
    ),
    "multiple-equivalent-classes": add(
        (HFM.LanguageFoundationModel, owl("equivalentClass"), EXPRESSION),
        (EXPRESSION, RDF.type, OWL.Class),
        (EXPRESSION, owl("complementOf"), HFM.Dataset),
    ),
    "multiple-labels": add((HFM.Place, RDFS.label, Literal("spot in a source", language="en"))),
    # the ontology: what we ask besides
    "circular-definition": definition(DIALOGUE, "A language task that is known as the dialogue task."),
    "class-and-individual": add(
        (DIALOGUE, RDF.type, OWL.Class),
        (DIALOGUE, RDFS.subClassOf, HFM.Task),
        (DIALOGUE, NamedNode(RDFS.base + "isDefinedBy"), ONTOLOGY),
        (concept("InformationRetrieval"), RDF.type, DIALOGUE),
    ),
    "definition-difference": definition(DIALOGUE, "A language task."),
    "definition-genus": definition(DIALOGUE, "Tasks that carry on a conversation with a person."),
    "duplicate-notation": add((DIALOGUE, SKOS.notation, Literal("NER"))),
    "missing-broader": remove(concept("LanguageTask"), SKOS.topConceptOf),
    "missing-domain": remove(HFM.task, NamedNode(RDFS.base + "domain")),
    "missing-is-defined-by": remove(HFM.Place, NamedNode(RDFS.base + "isDefinedBy")),
    "missing-ontology-metadata": remove(ONTOLOGY, NamedNode(DCTERMS.base + "creator")),
    "missing-range": remove(HFM.task, NamedNode(RDFS.base + "range")),
    "missing-superproperty": remove(HFM.technique, RDFS.subPropertyOf),
    "multiple-broader": add((DIALOGUE, SKOS.broader, concept("InformationRetrieval"))),
    "unused-term": new_term(
        "idle", OWL.DatatypeProperty, "idle",
        (IAO.IAO_0000115, Literal("Gives a value that nothing has.", language="en")),
        (NamedNode(RDFS.base + "isDefinedBy"), ONTOLOGY),
        (NamedNode(RDFS.base + "domain"), HFM.Dataset),
        (NamedNode(RDFS.base + "range"), XSD.integer),
        (RDFS.subPropertyOf, HFM.detailValue),
    ),
}  # fmt: skip

VARIANTS: Final[tuple[tuple[str, Defect], ...]] = (
    (
        "deprecated-class-reference",  # a member of a union
        both(
            new_term("Old", OWL.Class, "obsolete thing", DEPRECATED),
            add((LIST, NamedNode(RDF.base + "first"), iri("Old"))),
        ),
    ),
    (
        "deprecated-property-reference",  # a subproperty
        both(
            new_term("old", OWL.ObjectProperty, "obsolete relation", DEPRECATED),
            remove(HFM.technique, RDFS.subPropertyOf),
            add((HFM.technique, RDFS.subPropertyOf, iri("old"))),
        ),
    ),
    (
        "duplicate-exact-synonym",
        add(
            (DIALOGUE, in_owl("hasExactSynonym"), CHAT),
            (concept("InformationRetrieval"), obo("IAO_0000118"), CHAT),
        ),
    ),
    ("duplicate-label", replace(PROV.wasDerivedFrom, RDFS.label, "has task")),
    ("duplicate-label-synonym", add((DIALOGUE, in_owl("hasExactSynonym"), Literal("dialogue task")))),
    ("equivalent-pair", add((HFM.doi, owl("equivalentProperty"), NamedNode(BIBO.base + "doi")))),
    ("invalid-entity-uri", add((NamedNode("http://purl.org/obo/X_1"), RDF.type, OWL.NamedIndividual))),
    ("invalid-xref", add((DIALOGUE, in_owl("hasDbXref"), Literal("EDAM topic_3474")))),
    ("circular-definition", both(
        definition(DIALOGUE, "A language task that is unlike information retrieval."),
        definition(concept("InformationRetrieval"), "A language task that is unlike a dialogue task."),
    )),
    ("definition-genus", definition(HFM.Database, "A store that gathers data of more than one sub-field.")),
    ("definition-genus", definition(HFM.task, "A relation of a model to a task.")),
    ("missing-broader", both(  # a loop
        remove(DIALOGUE, SKOS.broader),
        remove(concept("InformationRetrieval"), SKOS.broader),
        add((DIALOGUE, SKOS.broader, concept("InformationRetrieval"))),
        add((concept("InformationRetrieval"), SKOS.broader, DIALOGUE)),
    )),
    ("multiple-broader", add((DIALOGUE, SKOS.topConceptOf, iri("scheme", "tasks")))),
    ("missing-ontology-license", both(
        remove(ONTOLOGY, NamedNode(DCTERMS.base + "license")),
        add((ONTOLOGY, NamedNode(DCTERMS.base + "license"), Literal("CC BY 4.0"))),
    )),
    ("unused-term", new_term(
        "Idle", OWL.Class, "idle thing",
        (IAO.IAO_0000115, Literal("A healthcare dataset that nobody has.", language="en")),
        (NamedNode(RDFS.base + "isDefinedBy"), ONTOLOGY),
        (RDFS.subClassOf, HFM.Dataset),
    )),
)  # fmt: skip
"""Other ways in which a rule is broken."""

SOUND: Final[Mapping[str, Defect]] = {
    "two terms with the same acronym": add(
        (DIALOGUE, SKOS.altLabel, CHAT),
        (concept("InformationRetrieval"), in_owl("hasExactSynonym"), CHAT),
        (AXIOM, owl("annotatedSource"), DIALOGUE),
        (AXIOM, owl("annotatedProperty"), SKOS.altLabel),
        (AXIOM, owl("annotatedTarget"), CHAT),
        (AXIOM, in_owl("hasSynonymType"), obo("OMO_0003012")),
        (obo("OMO_0003012"), RDFS.subPropertyOf, in_owl("SynonymTypeProperty")),
    ),
    "a deprecated class as it should be": new_term(
        "Old", OWL.Class, "obsolete thing", DEPRECATED, (obo("IAO_0100001"), HFM.Dataset)
    ),
    "an unused term that says why": both(
        DEFECTS["unused-term"], add((iri("idle"), obo("IAO_0000116"), Literal("Kept for later.", language="en")))
    ),
    "a cross-reference": add((DIALOGUE, in_owl("hasDbXref"), Literal("EDAM:topic_3474"))),
    "a declared subset": add(
        (HFM.Place, in_owl("inSubset"), ELSEWHERE), (ELSEWHERE, RDFS.subPropertyOf, in_owl("SubsetProperty"))
    ),
}
"""What may look like a defect and is none."""

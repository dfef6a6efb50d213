"""The terms and IRIs that the program uses.

Each vocabulary is a closed namespace: an attribute that is not declared here fails, under mypy and at run time. A test
holds the declarations of :class:`HFM` against ``ontology/``.
"""

from __future__ import annotations

import inspect
import re
from typing import Final
from urllib.parse import quote

from pyoxigraph import NamedNode

BASE: Final = "https://w3id.org/hfm/"
ONTOLOGY: Final = NamedNode(BASE + "hfm.owl")
PROVENANCE: Final = NamedNode(BASE + "source/provenance")
INFERRED: Final = NamedNode(BASE + "source/inferred")
PLAIN: Final = re.compile(r"[\w./~-]*(?:#[\w./~-]*)?", re.ASCII)
"""Paths of an IRI in which nothing has to be escaped."""
PROJECT: Final = "hfm"
"""Identifier of the source that stands for the curators of this project."""


class Namespace:
    """A vocabulary whose terms are the annotated attributes of the subclass."""

    base: str

    def __init_subclass__(cls, base: str) -> None:
        cls.base = base
        for name in inspect.get_annotations(cls):
            setattr(cls, name, NamedNode(base + name.rstrip("_")))


class RDF(Namespace, base="http://www.w3.org/1999/02/22-rdf-syntax-ns#"):
    first: NamedNode
    nil: NamedNode
    rest: NamedNode
    type: NamedNode


class RDFS(Namespace, base="http://www.w3.org/2000/01/rdf-schema#"):
    comment: NamedNode
    domain: NamedNode
    isDefinedBy: NamedNode
    label: NamedNode
    range: NamedNode
    seeAlso: NamedNode
    subClassOf: NamedNode
    subPropertyOf: NamedNode


class OWL(Namespace, base="http://www.w3.org/2002/07/owl#"):
    AllDisjointClasses: NamedNode
    AnnotationProperty: NamedNode
    AsymmetricProperty: NamedNode
    Class: NamedNode
    DatatypeProperty: NamedNode
    FunctionalProperty: NamedNode
    InverseFunctionalProperty: NamedNode
    IrreflexiveProperty: NamedNode
    NamedIndividual: NamedNode
    Nothing: NamedNode
    ObjectProperty: NamedNode
    Ontology: NamedNode
    ReflexiveProperty: NamedNode
    SymmetricProperty: NamedNode
    Thing: NamedNode
    TransitiveProperty: NamedNode
    allValuesFrom: NamedNode
    complementOf: NamedNode
    deprecated: NamedNode
    disjointWith: NamedNode
    equivalentClass: NamedNode
    equivalentProperty: NamedNode
    hasValue: NamedNode
    intersectionOf: NamedNode
    inverseOf: NamedNode
    maxQualifiedCardinality: NamedNode
    members: NamedNode
    minQualifiedCardinality: NamedNode
    onClass: NamedNode
    onProperty: NamedNode
    oneOf: NamedNode
    propertyChainAxiom: NamedNode
    qualifiedCardinality: NamedNode
    someValuesFrom: NamedNode
    unionOf: NamedNode
    versionIRI: NamedNode
    versionInfo: NamedNode


class XSD(Namespace, base="http://www.w3.org/2001/XMLSchema#"):
    anyURI: NamedNode
    boolean: NamedNode
    date: NamedNode
    dateTime: NamedNode
    decimal: NamedNode
    hexBinary: NamedNode
    integer: NamedNode
    nonNegativeInteger: NamedNode
    string: NamedNode


class SKOS(Namespace, base="http://www.w3.org/2004/02/skos/core#"):
    Concept: NamedNode
    ConceptScheme: NamedNode
    altLabel: NamedNode
    broadMatch: NamedNode
    broader: NamedNode
    broaderTransitive: NamedNode
    closeMatch: NamedNode
    definition: NamedNode
    exactMatch: NamedNode
    inScheme: NamedNode
    narrowMatch: NamedNode
    notation: NamedNode
    prefLabel: NamedNode
    related: NamedNode
    relatedMatch: NamedNode
    topConceptOf: NamedNode


class DCTERMS(Namespace, base="http://purl.org/dc/terms/"):
    conformsTo: NamedNode
    description: NamedNode
    isPartOf: NamedNode
    isVersionOf: NamedNode
    issued: NamedNode
    language: NamedNode
    license: NamedNode
    publisher: NamedNode
    relation: NamedNode
    source: NamedNode
    title: NamedNode


class PROV(Namespace, base="http://www.w3.org/ns/prov#"):
    wasDerivedFrom: NamedNode


class BIBO(Namespace, base="http://purl.org/ontology/bibo/"):
    issue: NamedNode
    pages: NamedNode
    volume: NamedNode


class SCHEMA(Namespace, base="http://schema.org/"):
    sameAs: NamedNode
    url: NamedNode
    version: NamedNode


class SDO(Namespace, base="https://schema.org/"):
    """The same vocabulary as :class:`SCHEMA` under the other spelling, for tools that know only that."""

    target: NamedNode


class SH(Namespace, base="http://www.w3.org/ns/shacl#"):
    SPARQLAskExecutable: NamedNode
    SPARQLConstructExecutable: NamedNode
    SPARQLExecutable: NamedNode
    SPARQLSelectExecutable: NamedNode
    ask: NamedNode
    construct: NamedNode
    declare: NamedNode
    namespace: NamedNode
    prefix: NamedNode
    prefixes: NamedNode
    select: NamedNode


class VOIDExt(Namespace, base="http://ldf.fi/void-ext#"):
    datatype: NamedNode
    datatypePartition: NamedNode


class DCAT(Namespace, base="http://www.w3.org/ns/dcat#"):
    Catalog: NamedNode
    Dataset: NamedNode
    Distribution: NamedNode
    byteSize: NamedNode
    compressFormat: NamedNode
    dataset: NamedNode
    distribution: NamedNode
    downloadURL: NamedNode
    keyword: NamedNode
    mediaType: NamedNode
    version: NamedNode


class FOAF(Namespace, base="http://xmlns.com/foaf/0.1/"):
    Agent: NamedNode
    name: NamedNode
    primaryTopic: NamedNode


class SD(Namespace, base="http://www.w3.org/ns/sparql-service-description#"):
    Dataset: NamedNode
    Graph: NamedNode
    NamedGraph: NamedNode
    SPARQL11Query: NamedNode
    Service: NamedNode
    BasicFederatedQuery: NamedNode
    UnionDefaultGraph: NamedNode
    defaultDataset: NamedNode
    defaultEntailmentRegime: NamedNode
    defaultGraph: NamedNode
    endpoint: NamedNode
    feature: NamedNode
    graph: NamedNode
    name: NamedNode
    namedGraph: NamedNode
    resultFormat: NamedNode
    supportedLanguage: NamedNode


class SPDX(Namespace, base="http://spdx.org/rdf/terms#"):
    Checksum: NamedNode
    algorithm: NamedNode
    checksum: NamedNode
    checksumAlgorithm_sha256: NamedNode
    checksumValue: NamedNode


class VOID(Namespace, base="http://rdfs.org/ns/void#"):
    Dataset: NamedNode
    DatasetDescription: NamedNode
    Linkset: NamedNode
    classPartition: NamedNode
    class_: NamedNode
    classes: NamedNode
    dataDump: NamedNode
    distinctObjects: NamedNode
    distinctSubjects: NamedNode
    entities: NamedNode
    exampleResource: NamedNode
    linkPredicate: NamedNode
    objectsTarget: NamedNode
    properties: NamedNode
    property: NamedNode
    propertyPartition: NamedNode
    sparqlEndpoint: NamedNode
    subjectsTarget: NamedNode
    subset: NamedNode
    triples: NamedNode
    uriSpace: NamedNode
    vocabulary: NamedNode


class FAIR4ML(Namespace, base="https://w3id.org/fair4ml#"):
    mlTask: NamedNode


class IAO(Namespace, base="http://purl.obolibrary.org/obo/"):
    IAO_0000115: NamedNode
    """definition"""
    IAO_0000116: NamedNode
    """editor note"""
    IAO_0100001: NamedNode
    """term replaced by"""


class HFM(Namespace, base=BASE):
    # classes
    AdaptationParadigm: NamedNode
    AdaptedFoundationModel: NamedNode
    Application: NamedNode
    Architecture: NamedNode
    Backbone: NamedNode
    BackboneComponent: NamedNode
    BioinformaticsFoundationModel: NamedNode
    Cell: NamedNode
    Challenge: NamedNode
    ChallengeAspect: NamedNode
    ChallengePillar: NamedNode
    Claim: NamedNode
    CurationNote: NamedNode
    Database: NamedNode
    Dataset: NamedNode
    FoundationModel: NamedNode
    FutureDirection: NamedNode
    FutureDirectionTheme: NamedNode
    LanguageFoundationModel: NamedNode
    MentionedDataset: NamedNode
    MentionedModel: NamedNode
    MentionedWork: NamedNode
    Modality: NamedNode
    MultimodalFoundationModel: NamedNode
    Paradigm: NamedNode
    Place: NamedNode
    PretrainedModel: NamedNode
    PretrainingParadigm: NamedNode
    Publication: NamedNode
    Quantity: NamedNode
    Row: NamedNode
    SAMBasedFoundationModel: NamedNode
    SelfSupervisedFoundationModel: NamedNode
    Source: NamedNode
    Subfield: NamedNode
    Survey: NamedNode
    Task: NamedNode
    Technique: NamedNode
    Topic: NamedNode
    Unit: NamedNode
    VisionFoundationModel: NamedNode
    VisionLanguageFoundationModel: NamedNode
    # properties
    about: NamedNode
    adaptationParadigm: NamedNode
    addressedBy: NamedNode
    addresses: NamedNode
    affects: NamedNode
    alternative: NamedNode
    application: NamedNode
    arxivId: NamedNode
    asReported: NamedNode
    authors: NamedNode
    backbone: NamedNode
    backboneTransitive: NamedNode
    bibliographicValue: NamedNode
    builtOn: NamedNode
    cell: NamedNode
    characteristic: NamedNode
    codeRepository: NamedNode
    codeTicked: NamedNode
    column: NamedNode
    component: NamedNode
    componentBackbone: NamedNode
    componentTechnique: NamedNode
    componentWeights: NamedNode
    composedOf: NamedNode
    connection: NamedNode
    correctedValue: NamedNode
    countedModality: NamedNode
    curatedValue: NamedNode
    dataFile: NamedNode
    describes: NamedNode
    detail: NamedNode
    detailValue: NamedNode
    disputes: NamedNode
    doi: NamedNode
    domain: NamedNode
    errs: NamedNode
    evaluatedOn: NamedNode
    evidence: NamedNode
    evidenceLink: NamedNode
    example: NamedNode
    initializedFrom: NamedNode
    landingPage: NamedNode
    linkTicked: NamedNode
    making: NamedNode
    mentionedModality: NamedNode
    mentionedTask: NamedNode
    modality: NamedNode
    modalityTransitive: NamedNode
    noteKind: NamedNode
    number: NamedNode
    paperPage: NamedNode
    position: NamedNode
    pretrainingParadigm: NamedNode
    pretrainingParadigmTransitive: NamedNode
    proposes: NamedNode
    publicationKind: NamedNode
    publicationYear: NamedNode
    pubmedId: NamedNode
    qualifier: NamedNode
    quantity: NamedNode
    reason: NamedNode
    reference: NamedNode
    referenceNumber: NamedNode
    reportedValue: NamedNode
    sentence: NamedNode
    size: NamedNode
    sourceRow: NamedNode
    sourceTable: NamedNode
    subfield: NamedNode
    surveyedAs: NamedNode
    task: NamedNode
    taskTransitive: NamedNode
    technique: NamedNode
    topic: NamedNode
    trainedOn: NamedNode
    transcribedValue: NamedNode
    unit: NamedNode
    venue: NamedNode
    webAddress: NamedNode
    within: NamedNode
    # mark of properties
    PropertyGroup: NamedNode


def iri(*path: str) -> NamedNode:
    """The IRI below our namespace whose path has these parts.

    >>> iri("model", "BioBERT").value
    'https://w3id.org/hfm/model/BioBERT'
    """
    local = "/".join(path)
    if not PLAIN.fullmatch(local):
        before, mark, fragment = (quote(part, safe="/.-_~#") for part in local.partition("#"))
        local = before + mark + fragment.replace("#", "%23")  # an IRI has one fragment at the most
    return NamedNode(BASE + local)


def concept(identifier: str) -> NamedNode:
    """The IRI of a concept: it hangs directly below the namespace.

    >>> concept("NamedEntityRecognition").value
    'https://w3id.org/hfm/NamedEntityRecognition'
    """
    return iri(identifier)

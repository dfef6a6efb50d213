"""What a release says of itself in RDF: ``void.ttl``, ``dcat.ttl`` and ``service.ttl``.

The addresses of files are those that the release has below our namespace. The endpoint has no public address; its
description names it relative to where the description is read, as ``sparql``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from hfm_kg.export import graphs
from hfm_kg.export.files import ReleaseFile
from hfm_kg.export.prefixes import DESCRIPTIONS, Prefixes
from hfm_kg.mappings import MappingSet
from hfm_kg.sparql import GRAPH_FORMATS, PREFIXES, SOLUTION_FORMATS
from hfm_kg.statement import Graph
from hfm_kg.terms import (
    BASE,
    DCAT,
    DCTERMS,
    FOAF,
    HFM,
    INFERRED,
    ONTOLOGY,
    PROJECT,
    PROVENANCE,
    RDF,
    RDFS,
    SD,
    SPDX,
    VOID,
    XSD,
    VOIDExt,
    iri,
)

Node = NamedNode | BlankNode | Literal | Triple

TITLE: Final = "HFM-KG: the knowledge graph of healthcare foundation models"
DESCRIPTION: Final = (
    "What a survey of healthcare foundation models says of models, datasets, tasks, modalities, learning paradigms, "
    "challenges and future directions, as an OWL ontology and RDF. Each statement stands in a named graph that leads "
    "back to its place in the source."
)
PUBLISHER: Final = "HFM-KG maintainers"
LICENCE: Final = "https://creativecommons.org/licenses/by/4.0/"
KEYWORDS: Final = ("RDF", "SPARQL", "foundation models", "healthcare", "knowledge graph", "ontology")

EXAMPLES: Final = (iri("model", "BioBERT"), iri("dataset", "PubMed"), iri("reference", "38"), iri("Pathology"))
"""Things to begin with, one of each kind."""

DUMPS: Final = "hfm-graph."
"""How the names of the files begin that hold the whole graph."""

USED: Final[Mapping[str, str]] = {
    **{prefix: PREFIXES[prefix] for prefix in ("dcat", "dcterms", "rdf", "rdfs", "skos", "xsd")},
    **{prefix: DESCRIPTIONS[prefix] for prefix in ("foaf", "sd", "spdx", "void")},
}
"""The prefixes that the files declare."""

ENDPOINT: Final = NamedNode("urn:relative:sparql")
"""Stands for the relative IRI ``<sparql>`` until the description is written."""

RESULT_FORMATS: Final[Mapping[str, str]] = {
    "json": "SPARQL_Results_JSON",
    "xml": "SPARQL_Results_XML",
    "csv": "SPARQL_Results_CSV",
    "tsv": "SPARQL_Results_TSV",
    "turtle": "Turtle",
    "ntriples": "N-Triples",
    "rdfxml": "RDF_XML",
    "jsonld": "JSON-LD",
    "trig": "TriG",
    "nquads": "N-Quads",
}
"""The name below ``http://www.w3.org/ns/formats/`` of each format that the endpoint writes."""

SHARED_GRAPHS: Final[Mapping[NamedNode, str]] = {
    ONTOLOGY: "the ontology: classes, properties and what a reasoner works with",
    PROVENANCE: "what each named graph was derived from",
    INFERRED: "what follows from all other graphs",
}
"""The named graphs that are neither a row of a source nor a set of mappings."""


@dataclass(frozen=True)
class Release:
    """A release that is described."""

    version: str
    """A date."""

    @property
    def dataset(self) -> NamedNode:
        """The IRI of the release, below which its files lie."""
        return iri("releases", self.version)

    def file(self, name: str) -> NamedNode:
        """The address of a file."""
        return iri("releases", self.version, name)

    def part(self, document: str, fragment: str) -> NamedNode:
        """The IRI of something that a description of ours speaks of."""
        return NamedNode(f"{self.file(document).value}#{fragment}")

    def metadata(self) -> Iterator[Triple]:
        """What all descriptions say of the release."""
        publisher = self.part("dcat.ttl", "publisher")
        for subject, predicate, value in (
            (self.dataset, DCTERMS.title, Literal(TITLE, language="en")),
            (self.dataset, DCTERMS.description, Literal(DESCRIPTION, language="en")),
            (self.dataset, DCTERMS.license, NamedNode(LICENCE)),
            (self.dataset, DCTERMS.issued, Literal(self.version, datatype=XSD.date)),
            (self.dataset, DCTERMS.publisher, publisher),
            (self.dataset, DCTERMS.isVersionOf, NamedNode(BASE)),
            (publisher, RDF.type, FOAF.Agent),
            (publisher, FOAF.name, Literal(PUBLISHER, language="en")),
        ):
            yield Triple(subject, predicate, value)


def _count(number: int) -> Literal:
    return Literal(str(number), datatype=XSD.integer)


def void(
    release: Release, graph: Graph, sets: Sequence[MappingSet], prefixes: Prefixes, files: Iterable[ReleaseFile]
) -> bytes:
    """``void.ttl``."""
    return graphs.write(dataset(release, graph, sets, prefixes, files), "ttl", USED)


def dataset(
    release: Release, graph: Graph, sets: Sequence[MappingSet], prefixes: Prefixes, files: Iterable[ReleaseFile]
) -> set[Triple]:
    """What is in the default graph, in figures, and the links to other vocabularies (VoID).

    ``sets`` are those of the accepted mappings.
    """
    triples = graph.triples()
    types = [triple.object for triple in triples if triple.predicate == RDF.type]
    uses = Counter(triple.predicate for triple in triples)
    members = Counter(one for one in types if isinstance(one, NamedNode))
    ours = {triple.subject for triple in triples if str(triple.subject).startswith(f"<{BASE}")}
    document = release.file("void.ttl")
    statements = {
        *release.metadata(),
        Triple(document, RDF.type, VOID.DatasetDescription),
        Triple(document, FOAF.primaryTopic, release.dataset),
        Triple(release.dataset, RDF.type, VOID.Dataset),
        Triple(release.dataset, VOID.triples, _count(len(triples))),
        Triple(release.dataset, VOID.entities, _count(len(ours))),
        Triple(release.dataset, VOID.distinctSubjects, _count(len({triple.subject for triple in triples}))),
        Triple(release.dataset, VOID.distinctObjects, _count(len({triple.object for triple in triples}))),
        Triple(release.dataset, VOID.classes, _count(len(set(types)))),
        Triple(release.dataset, VOID.properties, _count(len(uses))),
        Triple(release.dataset, VOID.uriSpace, Literal(BASE)),
        *(Triple(release.dataset, VOID.exampleResource, example) for example in EXAMPLES),
        *(
            Triple(release.dataset, VOID.dataDump, release.file(file.name))
            for file in files
            if file.name.startswith(DUMPS)
        ),
        *(
            Triple(release.dataset, VOID.vocabulary, NamedNode(base))
            for base in PREFIXES.values()
            if any(one.value.startswith(base) for one in {*uses, *members})
        ),
    }
    for one, number in members.items():
        partition = release.part("void.ttl", f"class-{_fragment(one, prefixes)}")
        statements |= {
            Triple(release.dataset, VOID.classPartition, partition),
            Triple(partition, VOID.class_, one),
            Triple(partition, VOID.entities, _count(number)),
        }
    for one, number in uses.items():
        partition = release.part("void.ttl", f"property-{_fragment(one, prefixes)}")
        statements |= {
            Triple(release.dataset, VOID.propertyPartition, partition),
            Triple(partition, VOID.property, one),
            Triple(partition, VOID.triples, _count(number)),
        }
    statements |= set(_uses_of_classes(release, triples, prefixes))
    for mapping_set in sets:
        statements |= set(_linkset(release, graph, mapping_set))
    return statements


def _uses_of_classes(release: Release, triples: Collection[Triple], prefixes: Prefixes) -> Iterator[Triple]:
    """The properties of each class of ours, and the classes and datatypes of their values.

    That is how editors that complete queries learn what a graph is made of.
    """
    classes: defaultdict[Node, list[NamedNode]] = defaultdict(list)
    for triple in triples:
        kind = triple.object
        if triple.predicate == RDF.type and isinstance(kind, NamedNode) and kind.value.startswith(BASE):
            classes[triple.subject].append(kind)
    uses: Counter[tuple[NamedNode, NamedNode]] = Counter()
    values: defaultdict[tuple[NamedNode, NamedNode], set[NamedNode]] = defaultdict(set)
    for triple in triples:
        value = triple.object
        kinds = [value.datatype] if isinstance(value, Literal) else classes.get(value, [])
        for one in classes.get(triple.subject, ()):
            uses[one, triple.predicate] += 1
            values[one, triple.predicate].update(kinds)
    for (one, predicate), number in uses.items():
        name = f"class-{_fragment(one, prefixes)}"
        partition = f"{name}-property-{_fragment(predicate, prefixes)}"
        node = release.part("void.ttl", partition)
        yield Triple(release.part("void.ttl", name), VOID.propertyPartition, node)
        yield Triple(node, VOID.property, predicate)
        yield Triple(node, VOID.triples, _count(number))
        for kind in values[one, predicate]:
            part = release.part("void.ttl", f"{partition}-{_fragment(kind, prefixes)}")
            is_class = kind.value.startswith(BASE)
            yield Triple(node, VOID.classPartition if is_class else VOIDExt.datatypePartition, part)
            yield Triple(part, VOID.class_ if is_class else VOIDExt.datatype, kind)


def _fragment(one: NamedNode, prefixes: Prefixes) -> str:
    return prefixes.contract(one.value) or quote(one.value, safe="")


def _linkset(release: Release, graph: Graph, mapping_set: MappingSet) -> Iterator[Triple]:
    """The links of a mapping set, whose named graph they are, with what they link to."""
    name = mapping_set.path.name.removesuffix(".sssom.tsv")
    links, target = iri("mappings", name), release.part("void.ttl", f"target-{name}")
    made = [quad for quad in graph.quads if quad.graph_name == links]
    yield Triple(release.dataset, VOID.subset, links)
    yield Triple(links, RDF.type, VOID.Linkset)
    yield Triple(links, DCTERMS.title, Literal(str(mapping_set.metadata["mapping_set_title"]), language="en"))
    yield Triple(links, DCTERMS.license, NamedNode(str(mapping_set.metadata["license"])))
    yield Triple(links, VOID.subjectsTarget, release.dataset)
    yield Triple(links, VOID.objectsTarget, target)
    yield Triple(links, VOID.triples, _count(len(made)))
    for predicate, number in Counter(quad.predicate for quad in made).items():
        partition = release.part("void.ttl", f"links-{name}-{predicate.value.rpartition('#')[2]}")
        yield Triple(links, VOID.linkPredicate, predicate)
        yield Triple(links, VOID.propertyPartition, partition)
        yield Triple(partition, VOID.property, predicate)
        yield Triple(partition, VOID.triples, _count(number))
    yield Triple(target, RDF.type, VOID.Dataset)
    for prefix in {row["object_id"].partition(":")[0] for row in mapping_set.rows}:
        yield Triple(target, VOID.uriSpace, Literal(mapping_set.prefixes[prefix]))


def dcat(release: Release, graph: Graph, files: Iterable[ReleaseFile]) -> bytes:
    """``dcat.ttl``: a catalogue with the release, and a distribution for every file."""
    catalog = release.part("dcat.ttl", "catalog")
    sources = {quad.subject for quad in graph.quads if quad.predicate == RDF.type and quad.object == HFM.Source}
    statements = {
        *release.metadata(),
        Triple(catalog, RDF.type, DCAT.Catalog),
        Triple(catalog, DCTERMS.title, Literal("Releases of HFM-KG", language="en")),
        Triple(catalog, DCTERMS.publisher, release.part("dcat.ttl", "publisher")),
        Triple(catalog, DCAT.dataset, release.dataset),
        Triple(release.dataset, RDF.type, DCAT.Dataset),
        Triple(release.dataset, DCAT.version, Literal(release.version)),
        Triple(
            release.dataset,
            DCTERMS.language,
            NamedNode("http://publications.europa.eu/resource/authority/language/ENG"),
        ),
        *(Triple(release.dataset, DCAT.keyword, Literal(word, language="en")) for word in KEYWORDS),
        *(Triple(release.dataset, DCTERMS.source, one) for one in sources - {iri("source", PROJECT)}),
    }
    for file in files:
        statements |= set(_distribution(release, file))
    return graphs.write(statements, "ttl", USED)


def _distribution(release: Release, file: ReleaseFile) -> Iterator[Triple]:
    one, checksum = release.part("dcat.ttl", file.name), release.part("dcat.ttl", f"{file.name}-sha256")
    media_types = "https://www.iana.org/assignments/media-types/"
    yield Triple(release.dataset, DCAT.distribution, one)
    yield Triple(one, RDF.type, DCAT.Distribution)
    yield Triple(one, DCTERMS.title, Literal(file.title, language="en"))
    yield Triple(one, DCTERMS.license, NamedNode(LICENCE))
    yield Triple(one, DCAT.downloadURL, release.file(file.name))
    yield Triple(one, DCAT.mediaType, NamedNode(media_types + file.media_type))
    yield Triple(one, DCAT.byteSize, Literal(str(len(file.content)), datatype=XSD.nonNegativeInteger))
    if file.is_compressed:
        yield Triple(one, DCAT.compressFormat, NamedNode(media_types + "application/gzip"))
    if file.conforms_to:
        yield Triple(one, DCTERMS.conformsTo, NamedNode(file.conforms_to))
    yield Triple(one, SPDX.checksum, checksum)
    yield Triple(checksum, RDF.type, SPDX.Checksum)
    yield Triple(checksum, SPDX.algorithm, SPDX.checksumAlgorithm_sha256)
    yield Triple(checksum, SPDX.checksumValue, Literal(file.sha256, datatype=XSD.hexBinary))


def service(release: Release, graph: Graph) -> bytes:
    """``service.ttl``, in which the address of the endpoint is relative."""
    written = graphs.write(endpoint(release, graph, ENDPOINT), "ttl", USED)
    return written.replace(str(ENDPOINT).encode(), b"<sparql>")


def endpoint(release: Release, graph: Graph, address: NamedNode, *, federates: bool = False) -> set[Triple]:
    """The endpoint at an address (SPARQL 1.1 Service Description); it ``federates`` if some SERVICE is allowed.

    Of the named graphs, those of rows are not listed; the graph of provenance tells their names.
    """
    one, dataset, default = (release.part("service.ttl", name) for name in ("service", "dataset", "default-graph"))
    sizes = Counter(quad.graph_name for quad in graph.quads)
    statements = {
        Triple(one, RDF.type, SD.Service),
        Triple(one, SD.endpoint, address),
        Triple(one, SD.supportedLanguage, SD.SPARQL11Query),
        Triple(one, SD.defaultEntailmentRegime, NamedNode("http://www.w3.org/ns/entailment/Simple")),
        # true of this graph, each triple of which is in the default graph too, rather than of the engine
        Triple(one, SD.feature, SD.UnionDefaultGraph),
        *([Triple(one, SD.feature, SD.BasicFederatedQuery)] if federates else []),
        *(
            Triple(one, SD.resultFormat, NamedNode(f"http://www.w3.org/ns/formats/{RESULT_FORMATS[form.name]}"))
            for form in (*SOLUTION_FORMATS, *GRAPH_FORMATS)
        ),
        Triple(one, SD.defaultDataset, dataset),
        Triple(dataset, RDF.type, SD.Dataset),
        Triple(dataset, SD.defaultGraph, default),
        Triple(default, RDF.type, SD.Graph),
        Triple(default, RDFS.label, Literal("all triples of all named graphs", language="en")),
        Triple(default, VOID.triples, _count(len(graph.triples()))),
    }
    for name, number in sizes.items():
        if isinstance(name, NamedNode) and (name in SHARED_GRAPHS or name.value.startswith(f"{BASE}mappings/")):
            label = SHARED_GRAPHS.get(name) or f"mappings onto {name.value.rpartition('/')[2]}"
            statements |= set(_named_graph(release, dataset, name, label, number))
    return statements


def _named_graph(release: Release, dataset: NamedNode, name: NamedNode, label: str, number: int) -> Iterator[Triple]:
    path = name.value.removeprefix(BASE).replace("/", "-")
    one, content = release.part("service.ttl", f"named-{path}"), release.part("service.ttl", f"graph-{path}")
    yield Triple(dataset, SD.namedGraph, one)
    yield Triple(one, RDF.type, SD.NamedGraph)
    yield Triple(one, SD.name, name)
    yield Triple(one, SD.graph, content)
    yield Triple(content, RDF.type, SD.Graph)
    yield Triple(content, RDFS.label, Literal(label, language="en"))
    yield Triple(content, VOID.triples, _count(number))

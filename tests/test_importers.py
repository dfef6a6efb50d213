"""``hfm.owl`` as others load it: the OWL API (what Protégé runs on), owlready2, rdflib, py-horned-owl and pronto.

All must see what the graph states: our classes and how they hang below one another, the labels and definitions of all
our terms, and each annotation.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import owlready2
import pyhornedowl
import pyhornedowl.model as horned
import pytest
import rdflib
from pronto.ontology import Ontology
from pronto.utils.warnings import NotImplementedWarning
from pronto.utils.warnings import SyntaxWarning as ElementWarning
from pyoxigraph import Literal, NamedNode, Triple

from hfm_kg import owlapi, pipeline, statement
from hfm_kg.export import ontology
from hfm_kg.owlapi import java
from hfm_kg.pipeline import Settings
from hfm_kg.terms import BASE, IAO, ONTOLOGY, OWL, RDF, RDFS

ANNOTATION = NamedNode(f"{OWL.base}AnnotationProperty")
BUILT_IN = ("label", "comment", "seeAlso", "isDefinedBy")
"""The annotation properties that OWL 2 has and nobody declares, as far as RDF Schema has them (section 5.5)."""
LABEL, DEFINITION = RDFS.label.value, IAO.IAO_0000115.value

Pairs = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Contents:
    """What a program finds in the file."""

    classes: frozenset[str]
    """Ours."""
    individuals: frozenset[str]
    superclasses: Pairs
    """Stated between named classes, from one of ours."""
    labels: Pairs
    """Terms of ours with their English or plain label."""
    definitions: Pairs
    annotations: int
    """Annotation assertions; the ontology's own annotations are none."""


def contents(
    classes: Iterator[str] | list[str],
    individuals: Iterator[str] | list[str],
    superclasses: Iterator[tuple[str, str]] | list[tuple[str, str]],
    annotations: list[tuple[str, str, str]],
) -> Contents:
    """Contents from plain strings; an annotation is a subject, a property and a text or an IRI."""

    def values(of: str) -> Pairs:
        return frozenset((one, text) for one, name, text in annotations if name == of and one.startswith(BASE))

    return Contents(
        classes=frozenset(name for name in classes if name.startswith(BASE)),
        individuals=frozenset(individuals),
        superclasses=frozenset(pair for pair in superclasses if pair[0].startswith(BASE)),
        labels=values(LABEL),
        definitions=values(DEFINITION),
        annotations=len(annotations),
    )


def by_graph(triples: set[Triple]) -> Contents:
    """What the graph states, the measure of the others."""
    kinds = {(triple.subject, triple.object) for triple in triples if triple.predicate == RDF.type}
    properties = {one for one, kind in kinds if kind == ANNOTATION} | {NamedNode(RDFS.base + name) for name in BUILT_IN}

    def named(kind: NamedNode) -> list[str]:
        return [one.value for one, other in kinds if other == kind and isinstance(one, NamedNode)]

    return contents(
        named(OWL.Class),
        named(OWL.NamedIndividual),
        [
            (triple.subject.value, triple.object.value)
            for triple in triples
            if triple.predicate == RDFS.subClassOf
            and isinstance(triple.subject, NamedNode)
            and isinstance(triple.object, NamedNode)
        ],
        [
            (triple.subject.value, triple.predicate.value, triple.object.value)
            for triple in triples
            if triple.predicate in properties
            and triple.subject != ONTOLOGY
            and isinstance(triple.subject, NamedNode)
            and isinstance(triple.object, (NamedNode, Literal))
        ],
    )


def in_the_owl_api(path: Path) -> tuple[Contents, Counter[str]]:
    """Contents, and how many axioms there are of each type; in the process with Java."""
    loaded = owlapi.load(path)
    types = java("org.semanticweb.owlapi.model.AxiomType")
    annotations = [
        (
            str(axiom.getSubject()),
            str(axiom.getProperty().getIRI()),
            str(axiom.getValue().asLiteral().map(lambda literal: literal.getLiteral()).orElse(str(axiom.getValue()))),
        )
        for axiom in loaded.getAxioms(types.ANNOTATION_ASSERTION)
    ]
    found = contents(
        [str(one.getIRI()) for one in loaded.classesInSignature().toList()],
        [str(one.getIRI()) for one in loaded.individualsInSignature().toList()],
        [
            (str(axiom.getSubClass().asOWLClass().getIRI()), str(axiom.getSuperClass().asOWLClass().getIRI()))
            for axiom in loaded.getAxioms(types.SUBCLASS_OF)
            if not axiom.getSubClass().isAnonymous() and not axiom.getSuperClass().isAnonymous()
        ],
        annotations,
    )
    return found, Counter(str(axiom.getAxiomType()) for axiom in loaded.getAxioms())


def by_owlready2(path: Path) -> Contents:
    world = owlready2.World()
    try:
        loaded = world.get_ontology(path.as_uri()).load()
        annotating = [*loaded.annotation_properties(), *(getattr(owlready2, name) for name in BUILT_IN)]
        entities = [*loaded.classes(), *loaded.properties(), *loaded.individuals()]
        return contents(
            [one.iri for one in loaded.classes()],
            [one.iri for one in loaded.individuals()],
            [
                (one.iri, other.iri)
                for one in loaded.classes()
                for other in one.is_a
                if isinstance(other, owlready2.ThingClass) and other is not owlready2.Thing
            ],
            [
                (one.iri, name.iri, str(getattr(value, "iri", value)))
                for name in annotating
                for one in entities
                for value in name[one]
            ],
        )
    finally:
        world.close()


def by_rdflib(path: Path) -> Contents:
    graph = rdflib.Graph().parse(path, format="xml")
    properties = {*graph.subjects(rdflib.RDF.type, rdflib.OWL.AnnotationProperty)}
    properties |= {rdflib.RDFS[name] for name in BUILT_IN}
    return contents(
        [str(one) for one in graph.subjects(rdflib.RDF.type, rdflib.OWL.Class) if isinstance(one, rdflib.URIRef)],
        [str(one) for one in graph.subjects(rdflib.RDF.type, rdflib.OWL.NamedIndividual)],
        [
            (str(one), str(other))
            for one, other in graph.subject_objects(rdflib.RDFS.subClassOf)
            if isinstance(other, rdflib.URIRef)
        ],
        [
            (str(one), str(name), str(value))
            for one, name, value in graph
            if name in properties and str(one) != ONTOLOGY.value
        ],
    )


def horned_components(path: Path) -> list[object]:
    return [one.component for one in pyhornedowl.open_ontology(str(path)).get_components()]


def by_horned_owl(path: Path) -> Contents:
    components = horned_components(path)
    return contents(
        [str(one.first) for one in components if isinstance(one, horned.DeclareClass)],
        [str(one.first) for one in components if isinstance(one, horned.DeclareNamedIndividual)],
        [
            (str(one.sub.first), str(one.sup.first))
            for one in components
            if isinstance(one, horned.SubClassOf)
            and isinstance(one.sub, horned.Class)
            and isinstance(one.sup, horned.Class)
        ],
        [
            (str(one.subject), str(one.ann.ap.first), str(getattr(one.ann.av, "literal", one.ann.av)))
            for one in components
            if isinstance(one, horned.AnnotationAssertion)
        ],
    )


@pytest.fixture(scope="module")
def file(settings: Settings) -> Iterator[Path]:
    with pipeline.owl_files(settings) as (merged, _):
        yield merged


@pytest.fixture(scope="module")
def expected(stated: statement.Graph) -> Contents:
    return by_graph(ontology.merged(stated))


@pytest.fixture(scope="module")
def in_owl_api(file: Path) -> tuple[Contents, Counter[str]]:
    return owlapi.run(in_the_owl_api, file)


def assert_same(found: Contents, expected: Contents) -> None:
    assert found.classes == expected.classes
    assert found.individuals == expected.individuals
    assert found.superclasses == expected.superclasses
    assert found.labels == expected.labels
    assert found.definitions == expected.definitions
    assert found.annotations == expected.annotations


def test_the_measure_is_not_empty(expected: Contents) -> None:
    assert f"{BASE}FoundationModel" in expected.classes
    assert (f"{BASE}Database", f"{BASE}Dataset") in expected.superclasses
    assert (f"{BASE}CT", "computed tomography") in expected.labels
    assert expected.classes <= {name for name, _ in expected.labels}
    assert expected.classes <= {name for name, _ in expected.definitions}
    assert expected.annotations > len(expected.labels) + len(expected.definitions)
    assert not expected.classes & expected.individuals  # no term is both


def test_the_owl_api_sees_what_the_graph_states(in_owl_api: tuple[Contents, Counter[str]], expected: Contents) -> None:
    assert_same(in_owl_api[0], expected)


@pytest.mark.parametrize("load", [by_owlready2, by_rdflib, by_horned_owl])
def test_so_does(load: Callable[[Path], Contents], file: Path, expected: Contents) -> None:
    assert_same(load(file), expected)


def test_horned_owl_and_the_owl_api_read_the_same_axioms(file: Path, in_owl_api: tuple[Contents, Counter[str]]) -> None:
    """But for owl:AllDisjointClasses, which horned-owl does not read yet (phillord/horned-owl, pull request 289)."""
    _, java_axioms = in_owl_api
    found = Counter(type(one).__name__ for one in horned_components(file))
    declared = sum(number for name, number in found.items() if name.startswith("Declare"))
    same = {"SubClassOf", "EquivalentClasses", "ClassAssertion", "ObjectPropertyAssertion", "DataPropertyAssertion"}
    same |= {"ObjectPropertyDomain", "ObjectPropertyRange", "DataPropertyDomain", "DataPropertyRange"}
    assert declared == java_axioms["Declaration"]
    assert {name: found[name] for name in same} == {name: java_axioms[name] for name in same}
    assert found["DisjointClasses"] == 0
    assert java_axioms["DisjointClasses"] > 0


def test_pronto_reads_the_class_tree(file: Path, expected: Contents) -> None:
    """Pronto knows OBO's view of OWL: terms and relationships, no individuals, no axiom beyond the class tree.

    It warns of each element that it leaves out, and guesses the encoding.
    """
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        loaded = Ontology(str(file))
    kinds = {warning.category for warning in warned}
    assert kinds <= {UnicodeWarning, ElementWarning, NotImplementedWarning}
    terms = [term for term in loaded.terms() if term.id.startswith(BASE)]
    assert {term.id for term in terms} == expected.classes
    assert {
        (term.id, other.id) for term in terms for other in term.superclasses(distance=1, with_self=False)
    } == expected.superclasses
    assert {(term.id, term.name) for term in terms} == {pair for pair in expected.labels if pair[0] in expected.classes}
    assert {(term.id, str(term.definition)) for term in terms} == {
        pair for pair in expected.definitions if pair[0] in expected.classes
    }

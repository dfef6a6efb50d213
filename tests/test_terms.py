"""The closed namespace and the ontology declare the same terms."""

from __future__ import annotations

import inspect

import pytest
from pyoxigraph import NamedNode

from hfm_kg import statement
from hfm_kg.terms import BASE, HFM, ONTOLOGY, OWL, RDF


def test_the_namespace_is_the_ontology(stated: statement.Graph) -> None:
    kinds = {OWL.Class, OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty}
    declared = {
        quad.subject.value.removeprefix(BASE)
        for quad in stated.quads
        if quad.graph_name == ONTOLOGY and quad.predicate == RDF.type and quad.object in kinds
        if isinstance(quad.subject, NamedNode) and quad.subject.value.startswith(BASE)
    }
    assert set(inspect.get_annotations(HFM)) == declared


def test_a_mistyped_term_fails() -> None:
    with pytest.raises(AttributeError):
        HFM.Modallity  # type: ignore[attr-defined] # noqa: B018 - the mistake is what is tested

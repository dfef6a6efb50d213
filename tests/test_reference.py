"""The reference documentation: complete, counted right, and a page that is valid and needs nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter

import html5lib
import pytest
from pyoxigraph import Literal, NamedNode, Quad, QuerySolutions, RdfFormat, Store, parse

from hfm_kg import mappings, sparql
from hfm_kg.catalog import Catalog
from hfm_kg.export import reference
from hfm_kg.export.reference import Term
from hfm_kg.pipeline import Settings
from hfm_kg.statement import Graph
from hfm_kg.store import Snapshot
from hfm_kg.terms import BASE, HFM, IAO, ONTOLOGY, OWL, RDF, RDFS, SKOS, concept, iri
from tests.conftest import ROOT

XHTML = "{http://www.w3.org/1999/xhtml}"
HOSTILE = "</title><script>alert(1)</script>\"'&amp;"


@pytest.fixture(scope="module")
def documented(store: Store, queries: Catalog) -> dict[str, Term]:
    """The terms by prefixed name, or IRI in brackets."""
    found = reference.terms(Graph.of(store), queries)
    by_name = {term.name: term for term in found}
    assert len(by_name) == len(found)
    return by_name


@pytest.fixture(scope="module")
def page(documented: dict[str, Term]) -> bytes:
    return reference.html(list(documented.values()), "2031-01-01")


def rows(store: Store, query: str) -> list[tuple[str, ...]]:
    result = sparql.evaluate(store, query)
    assert isinstance(result, QuerySolutions)
    return [tuple("" if value is None else value.value for value in solution) for solution in result]


# --- the data -------------------------------------------------------------------------------------------------


def test_every_class_property_and_concept_is_there(documented: dict[str, Term], store: Store) -> None:
    kinds = ["owl:Class", "owl:ObjectProperty", "owl:DatatypeProperty", "owl:AnnotationProperty"]
    declared = rows(store, f"SELECT DISTINCT ?t {{ VALUES ?k {{ {' '.join(kinds)} }} ?t a ?k FILTER isIRI(?t) }}")
    concepts = rows(store, "SELECT ?t { { ?t a skos:Concept } UNION { ?t a skos:ConceptScheme } }")
    deprecated = rows(store, "SELECT ?t { ?t owl:deprecated true }")
    in_file = {SKOS.definition.value}  # only hfm.owl repeats definitions so, not the graph
    expected = {iri for (iri,) in [*declared, *concepts, *deprecated]} | in_file
    assert {term.iri for term in documented.values()} == expected
    assert len(concepts) > 600


def test_each_term_of_ours_says_what_it_is(documented: dict[str, Term]) -> None:
    for term in documented.values():
        assert term.label
        if term.is_ours and term.kind != reference.SCHEME:
            assert term.definition, term.name
            assert term.sources, term.name
        assert all(link.label for link in (*term.parents, *term.children, *term.sources, *term.examples))


def test_members_and_statements_are_counted(documented: dict[str, Term], store: Store) -> None:
    members = rows(store, "SELECT ?of (COUNT(DISTINCT ?m) AS ?n) { ?m a ?of } GROUP BY ?of")
    statements = rows(store, "SELECT ?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p")
    counted = {iri: int(count) for iri, count in [*members, *statements]}
    checked = 0
    for term in documented.values():
        if term.kind in (reference.CONCEPT, reference.SCHEME, reference.DEPRECATED):
            continue
        assert sum(use.count for use in term.uses) == counted.get(term.iri, 0), term.name
        checked += bool(term.uses)
    assert checked > 100


def test_uses_of_concepts_are_counted(documented: dict[str, Term], store: Store) -> None:
    query = """
      SELECT ?concept ?by ?what (COUNT(DISTINCT ?user) AS ?n) WHERE {
        ?concept a skos:Concept .
        ?user ?by ?concept .
        FILTER STRSTARTS(STR(?by), STR(hfm:))
        FILTER NOT EXISTS {
          ?user a ?record
          FILTER (?record IN (hfm:Cell, hfm:Claim, hfm:CurationNote, hfm:Place, hfm:Row, hfm:Source))
        }
        BIND (IF(EXISTS { ?user a hfm:FoundationModel }, "models",
              IF(EXISTS { ?user a hfm:Dataset }, "datasets", "other things")) AS ?what)
      } GROUP BY ?concept ?by ?what"""
    expected = {tuple(row) for row in rows(store, query)}
    found = {
        (term.iri, use.by.iri, use.what, str(use.count))
        for term in documented.values()
        if term.kind == reference.CONCEPT
        for use in term.uses
        if use.by
    }
    assert found == expected
    assert len(found) > 700


def test_each_query_runs_and_gives_rows_for_a_term_in_use(documented: dict[str, Term], store: Store) -> None:
    for term in documented.values():
        found = rows(store, term.query)
        assert len(found) <= reference.ROWS
        if term.uses:
            assert found, term.name


def test_every_mapping_is_there_with_the_label_of_its_target(documented: dict[str, Term], settings: Settings) -> None:
    sets = [one for one in mappings.read(settings.ontology / "mappings")[0] if one.path.name != mappings.REJECTED]
    expected = {
        (row["subject_id"], row["predicate_id"], one.expand(row["object_id"]), one.path.name.partition(".")[0])
        for one in sets
        for row in one.rows
    }
    found = {
        (term.name, match.predicate.name, NamedNode(match.target.iri), match.mapping_set.iri.rpartition("/")[2])
        for term in documented.values()
        for match in term.matches
    }
    assert found == {row for row in expected if row[0] in documented}
    labels = {str(one.expand(row["object_id"])): row["object_label"] for one in sets for row in one.rows}
    for term in documented.values():
        for match in term.matches:
            assert match.target.label
            assert match.mapping_set.label.startswith("HFM-KG onto ")
    biology = next(match for match in documented["hfm:BiologicalScience"].matches if "edam" in match.target.iri)
    assert biology.target.label == labels[f"<{biology.target.iri}>"] == "Biology"


@pytest.mark.parametrize(
    ("name", "axioms"),
    [
        ("hfm:SAMBasedFoundationModel", ["EquivalentTo: hfm:FoundationModel and (hfm:builtOn value hfm:SAM)"]),
        ("hfm:AdaptedFoundationModel", ["SubClassOf: not (hfm:pretrainingParadigm some owl:Thing)"]),
        ("hfm:modalityTransitive", ["SubPropertyChain: hfm:modality o skos:broaderTransitive", "Range: hfm:Modality"]),
        ("hfm:addresses", ["Domain: hfm:FutureDirection or hfm:FutureDirectionTheme", "InverseOf: hfm:addressedBy"]),
        ("hfm:addressedBy", ["InverseOf: hfm:addresses"]),
        ("hfm:PretrainingParadigm", ["DisjointWith: hfm:AdaptationParadigm"]),
    ],
)
def test_axioms_are_told(name: str, axioms: list[str], documented: dict[str, Term]) -> None:
    assert set(axioms) <= {str(axiom) for axiom in documented[name].axioms}


def test_a_term_in_full(documented: dict[str, Term]) -> None:
    pathology = documented["hfm:Pathology"]
    assert (pathology.kind, pathology.label, pathology.anchor) == ("concept", "pathology", "Pathology")
    assert [link.name for link in pathology.classes] == ["hfm:Modality"]
    assert [link.iri for link in pathology.schemes] == [BASE + "scheme/modalities"]
    assert "hfm:MedicalImage" in {link.name for link in pathology.parents}
    assert "histopathology image" in pathology.synonyms
    assert "unlabelled-pathology-models-with-code" in pathology.questions
    subfield = documented["hfm:subfield"]
    assert (subfield.kind, subfield.characteristics) == ("object property", ("functional",))
    assert len(subfield.examples) == reference.EXAMPLES
    assert documented["skos:broaderTransitive"].characteristics == ("transitive",)
    assert documented["hfm:ReportGeneration"].notations == ("RG",)
    for link in documented["hfm:FoundationModel"].examples:
        assert link.iri.startswith(BASE + "model/")


# --- planted graphs -------------------------------------------------------------------------------------------


def planted(turtle: str, *quads: Quad) -> Graph:
    """A graph whose ontology is a piece of Turtle."""
    text = "".join(f"@prefix {name}: <{base}> .\n" for name, base in sparql.PREFIXES.items()) + turtle
    triples = [quad.triple for quad in parse(text, format=RdfFormat.TURTLE)]
    return Graph({*quads, *(Quad(one.subject, one.predicate, one.object, ONTOLOGY) for one in triples)})


def terms_of(graph: Graph) -> dict[str, Term]:
    return {term.name: term for term in reference.terms(graph, Catalog({}))}


@pytest.mark.parametrize(
    ("turtle", "expected"),
    [
        ("owl:someValuesFrom [ a owl:Class ; owl:complementOf hfm:B ]", "hfm:p some (not hfm:B)"),
        ("owl:allValuesFrom hfm:B", "hfm:p only hfm:B"),
        ('owl:hasValue "x"', 'hfm:p value "x"'),
        ("owl:minQualifiedCardinality 2 ; owl:onClass hfm:B", "hfm:p min 2 hfm:B"),
        ("owl:maxQualifiedCardinality 3 ; owl:onClass hfm:B", "hfm:p max 3 hfm:B"),
        ("owl:qualifiedCardinality 1 ; owl:onClass hfm:B", "hfm:p exactly 1 hfm:B"),
        ("owl:someValuesFrom [ owl:oneOf ( hfm:b hfm:c ) ]", "hfm:p some ({hfm:b, hfm:c})"),
        ("owl:hasSelf true", "…"),
    ],
)
def test_restrictions_in_the_manchester_syntax(turtle: str, expected: str) -> None:
    graph = planted(f"hfm:A a owl:Class ; rdfs:subClassOf [ a owl:Restriction ; owl:onProperty hfm:p ; {turtle} ] .")
    assert [str(axiom) for axiom in terms_of(graph)["hfm:A"].axioms] == [f"SubClassOf: {expected}"]


def test_a_deprecated_term_names_its_successor() -> None:
    old, row = concept("Old"), iri("source", "hfm", "deprecated", "Old")
    graph = planted(
        "hfm:New a owl:Class ; rdfs:label 'new'@en .",
        Quad(old, RDF.type, OWL.Class, row),
        Quad(old, RDFS.label, Literal("obsolete old", language="en"), row),
        Quad(old, OWL.deprecated, Literal(True), row),
        Quad(old, IAO.IAO_0100001, concept("New"), row),
        Quad(old, IAO.IAO_0000116, Literal("Deprecated since 2031-01-01: planted.", language="en"), row),
    )
    term = terms_of(graph)["hfm:Old"]
    assert (term.kind, term.is_deprecated, term.query) == (reference.DEPRECATED, True, "")
    assert [link.name for link in term.replaced_by] == ["hfm:New"]
    html = reference.html(list(terms_of(graph).values()), "1").decode()
    assert "Deprecated since 2031-01-01: planted." in html
    assert "Deprecated terms" in html


def test_counts_follow_the_graph() -> None:
    ontology = "hfm:FoundationModel a owl:Class . hfm:task a owl:ObjectProperty . hfm:T a skos:Concept ."
    facts = [
        quad
        for number in range(3)
        for model in [iri("model", str(number))]
        for quad in (
            Quad(model, RDF.type, HFM.FoundationModel, iri("source", "a")),
            Quad(model, HFM.task, concept("T"), iri("source", "a")),
            Quad(model, HFM.task, concept("T"), iri("source", "b")),  # said twice, counted once
        )
    ]
    found = terms_of(planted(ontology, *facts))
    uses = {name: [(use.count, use.what) for use in term.uses] for name, term in found.items()}
    assert uses == {
        "hfm:FoundationModel": [(3, "members")],
        "hfm:task": [(3, "statements")],
        "hfm:T": [(3, "models")],
        "skos:definition": [],
    }


# --- the page -------------------------------------------------------------------------------------------------


def elements(html: bytes) -> list[tuple[str, dict[str, str]]]:
    """All elements of a page and their attributes. Raises ParseError if the page is no valid HTML."""
    tree = html5lib.HTMLParser(strict=True).parse(html.decode())
    return [(str(element.tag).removeprefix(XHTML), element.attrib) for element in tree.iter()]


def test_the_page_is_valid_and_small(page: bytes) -> None:
    found = elements(page)
    ids = Counter(attributes["id"] for _, attributes in found if "id" in attributes)
    assert [one for one, count in ids.items() if count > 1] == []
    assert len(page) < 2_000_000


def test_a_page_that_is_not_valid_is_seen() -> None:
    with pytest.raises(html5lib.html5parser.ParseError):
        elements(b"<!DOCTYPE html><html><head><title>x</title></head><body><p>x</div></body></html>")


def test_every_term_has_its_anchor_and_every_anchor_is_there(page: bytes, documented: dict[str, Term]) -> None:
    found = elements(page)
    ids = {attributes["id"] for _, attributes in found if "id" in attributes}
    assert {term.anchor for term in documented.values()} <= ids
    assert "FoundationModel" in ids
    fragments = {attributes["href"][1:] for _, attributes in found if attributes.get("href", "").startswith("#")}
    assert fragments <= ids
    assert {term.anchor for term in documented.values()} <= fragments  # the contents name each


def test_the_page_loads_nothing_and_runs_nothing(page: bytes) -> None:
    for name, attributes in elements(page):
        assert name not in ("script", "link", "img", "iframe", "object", "embed", "audio", "video", "form")
        assert not {"src", "srcset", "style", "background", "action"} & set(attributes)
        assert not any(attribute.startswith("on") for attribute in attributes)
    style = page.partition(b"<style>")[2].partition(b"</style>")[0]
    assert b"url(" not in style
    assert b"@import" not in style
    assert b"prefers-color-scheme: dark" in style
    assert b"@media print" in style


def test_the_page_tells_version_counts_and_tree(page: bytes, documented: dict[str, Term]) -> None:
    text = page.decode()
    assert "Version 2031-01-01 of" in text
    models = next(use.count for use in documented["hfm:FoundationModel"].uses)
    article = text.partition('<article id="FoundationModel">')[2].partition("</article>")[0]
    assert f"{models:,} members" in article
    tree = html5lib.parse(page.decode(), treebuilder="etree")
    nested = [
        link.get("href")
        for item in tree.iter(f"{XHTML}li")
        if (first := item.find(f"{XHTML}a")) is not None and first.get("href") == "#Paradigm"
        for link in item.iterfind(f"{XHTML}ul/{XHTML}li/{XHTML}a")
    ]
    assert nested == ["#AdaptationParadigm", "#PretrainingParadigm"]


def test_links_to_things_lead_to_their_iris(documented: dict[str, Term]) -> None:
    found = elements(reference.html([documented["hfm:FoundationModel"]], "1"))
    addresses = {attributes["href"] for _, attributes in found if "href" in attributes}
    assert documented["hfm:FoundationModel"].examples[0].iri in addresses


def test_a_hostile_graph_stays_text() -> None:
    evil, script = concept("Evil"), NamedNode("javascript:alert(1)")
    row = iri("source", "hfm", "concept", "Evil")
    graph = planted(
        "skos:Concept a owl:Class .",
        Quad(evil, RDF.type, SKOS.Concept, row),
        *(
            Quad(evil, predicate, Literal(HOSTILE, language="en"), row)
            for predicate in (RDFS.label, IAO.IAO_0000115, SKOS.altLabel, SKOS.notation, IAO.IAO_0000116)
        ),
        Quad(evil, SKOS.exactMatch, script, iri("mappings", "evil")),
        Quad(script, RDFS.label, Literal(HOSTILE), row),
    )
    term = terms_of(graph)["hfm:Evil"]
    assert term.label == HOSTILE
    assert term.matches[0].target.iri == script.value
    html = reference.html([term], HOSTILE)
    for name, attributes in elements(html):
        assert name != "script"
        assert not attributes.get("href", "").startswith("javascript:")
    assert html.count(b"&lt;script&gt;") >= 7


def test_the_same_graph_gives_the_same_page(snapshot: Snapshot) -> None:
    code = (
        "import sys, hashlib\n"
        "from pathlib import Path\n"
        "from hfm_kg import catalog, store\n"
        "from hfm_kg.export import reference\n"
        "from hfm_kg.statement import Graph\n"
        "graph = Graph.of(store.current(Path(sys.argv[1])).open())\n"
        "page = reference.html(reference.terms(graph, catalog.read(Path(sys.argv[2]))), '1')\n"
        "print(hashlib.sha256(page).hexdigest())\n"
    )
    command = [sys.executable, "-c", code, str(snapshot.path.parent.parent), str(ROOT / "queries")]
    digests = {
        subprocess.run(
            command, env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True, text=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
    assert re.fullmatch(r"[0-9a-f]{64}\n", digests.pop())

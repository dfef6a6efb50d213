"""Finding things by names that are nearly right."""

from __future__ import annotations

from functools import partial

import pytest
from pyoxigraph import Literal, NamedNode, Quad, Store

from hfm_kg import remote, sparql
from hfm_kg.errors import UnknownNameError
from hfm_kg.search import KINDS, Search
from hfm_kg.terms import BASE, RDFS, iri


@pytest.fixture(scope="module")
def names(store: Store) -> Search:
    return Search(partial(sparql.select, store))


@pytest.mark.parametrize(
    ("text", "path", "how", "what"),
    [
        ("BioBERT", "model/BioBERT", "exact", "label"),
        ("biobert", "model/BioBERT", "exact", "label"),
        ("bio bert", "model/BioBERT", "exact", "label"),
        ("Bio-BERT", "model/BioBERT", "exact", "label"),
        ("biobret", "model/BioBERT", "typo", "label"),
        ("BRET", "BERT", "typo", "label"),
        ("Vision Transformr", "ViT", "typo", "label"),
        ("NER", "NamedEntityRecognition", "exact", "abbreviation"),
        ("histopathology image", "Pathology", "exact", "synonym"),
        ("çhéxpert", "dataset/CheXpert", "exact", "label"),
        ("patology", "Pathology", "typo", "label"),
        ("10.1145/3611651", "reference/49", "exact", "identifier"),
        ("segment anything in medical imges", "reference/42", "typo", "label"),
        ("images medical segment anything", "reference/42", "words", "label"),
        ("computational patho", "reference/140", "words", "label"),
        ("pre-training paradigm", "PretrainingParadigm", "exact", "label"),
        ("biobert and something unheard of", "model/BioBERT", "words", "label"),
    ],
)
def test_a_thing_is_found_with_the_reason(text: str, path: str, how: str, what: str, names: Search) -> None:
    hit = next(hit for hit in names.search(text, 8) if hit.thing.path == path)
    assert (hit.how, hit.what) == (how, what)
    assert what.split()[0] in hit.reason
    assert 0 < hit.score <= 1


@pytest.mark.parametrize("text", ["biobret", "bio bert", "Vision Transformr", "patology", "NER", "BRET", "gpt"])
def test_the_best_comes_first(text: str, names: Search) -> None:
    hits = names.search(text)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    expected = {"biobret": "model/BioBERT", "bio bert": "model/BioBERT", "Vision Transformr": "ViT",
                "patology": "Pathology", "NER": "NamedEntityRecognition", "BRET": "BERT", "gpt": "GPT"}  # fmt: skip
    assert hits[0].thing.path == expected[text]
    assert len({hit.thing.node for hit in hits}) == len(hits)


def test_every_label_is_found_first_or_beside_things_that_are_called_so_too(names: Search) -> None:
    for thing in list(names.things.values())[::7]:
        hits = names.search(thing.label, 60)
        assert hits[0].score == 1
        assert thing.node in {hit.thing.node for hit in hits if hit.score == 1}, thing


def test_of_words_that_no_name_holds_together_the_rare_ones_tell_most(names: Search) -> None:
    assert names.search("data for ECG")[0].thing.path == "Electrocardiogram"


def test_authors_are_found(names: Search) -> None:
    hits = names.search("J. Ma", 5)
    assert {hit.what for hit in hits if hit.how == "prefix"} == {"authors"}
    assert "reference/42" in {hit.thing.path for hit in hits}


@pytest.mark.parametrize("text", ["", " ", '"', "'", "-", "\0", "AND", 'x" OR "y', "NEAR(", "*", "x" * 10_000, "é€𝄞"])
def test_odd_texts_do_no_harm(text: str, names: Search) -> None:
    assert isinstance(names.search(text), list)


def test_kinds_narrow_a_search(names: Search) -> None:
    assert {hit.thing.kind for hit in names.search("transformer", kinds=["backbone"])} == {"backbone"}
    assert len({hit.thing.kind for hit in names.search("transformer")}) > 1
    assert {thing.kind for thing in names.things.values()} <= {*KINDS.values(), "thing"}


@pytest.mark.parametrize(
    ("text", "scheme", "path"),
    [
        ("Pathology", "", "Pathology"),
        ("hfm:Pathology", "", "Pathology"),
        (BASE + "Pathology", "modalities", "Pathology"),
        ("model/UNI", "", "model/UNI"),
        ("uni", "", "model/UNI"),
        ("QA", "tasks", "QuestionAnswering"),
        ("QA", "modalities", "QuestionAnswerText"),
        ("histopathology image", "", "Pathology"),
        (BASE + "source/he2024/table/2/row/7", "", "source/he2024/table/2/row/7"),
    ],
)
def test_a_name_stands_for_a_thing(text: str, scheme: str, path: str, names: Search) -> None:
    assert names.resolve(text, scheme) == iri(path)


@pytest.mark.parametrize(
    ("text", "scheme", "message"),
    [
        ("Patology", "modalities", "'Patology' among the modalities; did you mean pathology (Pathology)"),
        ("biobret", "", "did you mean BioBERT (model/BioBERT)"),
        ("QA", "", "'QA' is the name of QuestionAnswerText and QuestionAnswering; say which"),
        ("Pathology", "tasks", "nothing is called 'Pathology' among the tasks"),
        ("J. Ma et al.", "", "nothing is called 'J. Ma et al.'"),
        ("zzzzzzzzzz", "", "nothing is called 'zzzzzzzzzz'"),
    ],
)
def test_a_name_that_stands_for_no_one_thing_is_told(text: str, scheme: str, message: str, names: Search) -> None:
    with pytest.raises(UnknownNameError) as caught:
        names.resolve(text, scheme)
    assert message in str(caught.value)


def test_another_endpoint_gives_the_same_index(endpoint: str, names: Search) -> None:
    far = Search(partial(remote.select, f"{endpoint}/sparql"))
    assert far.things == names.things
    assert far.names == names.names


def test_hostile_names_stay_names() -> None:
    store, evil = Store(), "<script>\" OR '); DROP TABLE words; --"
    store.add(Quad(iri("Evil"), RDFS.label, Literal(evil)))
    store.add(Quad(NamedNode("https://example.org/x"), RDFS.label, Literal("elsewhere")))
    names = Search(partial(sparql.select, store))
    assert [hit.text for hit in names.search("script or drop table words")] == [evil]
    assert names.search("elsewhere") == []

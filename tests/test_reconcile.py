"""The Reconciliation Service API, field by field as its versions have it, with real clients, and when it is abused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pandas as pd
import pytest
import reconciler
from html5lib import HTMLParser

from hfm_kg.terms import BASE
from tests.test_server import problem

DRAFT = "/reconcile/1.0-draft"
Json = dict[str, Any]


@pytest.fixture(scope="module")
def web(endpoint: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=endpoint) as client:
        yield client


def match(web: httpx.Client, **queries: Json) -> dict[str, list[Json]]:
    """The candidates of a batch, 0.2."""
    answer = web.post("/reconcile", data={"queries": json.dumps(queries)})
    assert answer.status_code == 200, answer.text
    return {key: result["result"] for key, result in answer.json().items()}


def drafted(web: httpx.Client, *queries: Json) -> list[list[Json]]:
    """The candidates of a batch, 1.0-draft."""
    body = json.dumps({"queries": queries})  # which escapes what UTF-8 has no bytes for
    answer = web.post(f"{DRAFT}/match", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200, answer.text
    return [result["candidates"] for result in answer.json()["results"]]


def named(text: str, **more: Any) -> Json:
    return {"conditions": [{"matchType": "name", "propertyValue": text}], **more}


# --- what the specification says ------------------------------------------------------------------------------------


def test_the_manifest_of_02(web: httpx.Client, endpoint: str) -> None:
    answer = web.get("/reconcile")
    told = answer.json()
    assert answer.headers["access-control-allow-origin"] == "*"
    assert {"0.1", "0.2"} == set(told["versions"])
    assert told["identifierSpace"] == BASE
    assert all(isinstance(told[name], str) for name in ("name", "schemaSpace", "documentation", "serviceVersion"))
    assert told["defaultTypes"][0] == {"id": f"{BASE}FoundationModel", "name": "healthcare foundation model"}
    for template in (told["view"]["url"], told["preview"]["url"]):
        assert template.startswith(endpoint)
        assert template.count("{{id}}") == 1
    assert {type(told["preview"][side]) for side in ("width", "height")} == {int}
    for what in ("entity", "property", "type"):
        service = told["suggest"][what]
        assert "${id}" in service["flyout_service_path"]
        assert httpx.get(service["service_url"] + service["service_path"], params={"prefix": "mod"}).json()["result"]
    proposing = told["extend"]["propose_properties"]
    assert httpx.get(proposing["service_url"] + proposing["service_path"], params={"type": f"{BASE}Task"}).json()


def test_the_manifest_of_the_draft(web: httpx.Client) -> None:
    told = web.get(DRAFT).json()
    assert told["versions"] == ["1.0-draft"]
    assert told["standardizedScore"] is True
    assert told["suggest"] == {"entity": True, "property": True, "type": True}
    assert told["extend"] == {"proposeProperties": True}
    assert re.fullmatch(r"[^{}]+\{id\}", told["view"]["url"])
    assert not {"identifierSpace", "schemaSpace"} & told.keys()


@pytest.mark.parametrize("path", ["/reconcile", f"{DRAFT}/match", f"{DRAFT}/extend", "/reconcile/suggest/entity"])
def test_browsers_of_other_origins_may_ask(path: str, web: httpx.Client) -> None:
    asked = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
    answer = web.options(path, headers={**asked, "Access-Control-Request-Headers": "content-type"})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "content-type" in answer.headers["access-control-allow-headers"].lower()


def test_a_batch_is_answered_under_its_keys(web: httpx.Client) -> None:
    found = match(web, q0={"query": "computed tomography"}, other={"query": "named-entity recognition", "limit": 1})
    assert list(found) == ["q0", "other"]
    assert len(found["other"]) == 1
    for candidates in found.values():
        scores = [candidate["score"] for candidate in candidates]
        assert scores == sorted(scores, reverse=True)
        for candidate in candidates:
            assert {"id", "name", "description", "type", "score", "match", "features"} == candidate.keys()
            assert 0 <= candidate["score"] <= 100
            assert all({"id", "name"} == kind.keys() for kind in candidate["type"])
            assert all({"id", "value"} == feature.keys() for feature in candidate["features"])
            assert len({feature["id"] for feature in candidate["features"]}) == len(candidate["features"])
    assert (found["q0"][0]["id"], found["q0"][0]["match"]) == (f"{BASE}CT", True)


def test_get_post_and_jsonp_give_the_same(web: httpx.Client) -> None:
    queries = {"q0": {"query": "endoscopy", "type": "Modality", "type_strict": "should", "limit": 0}}
    posted = match(web, **queries)
    got = web.get("/reconcile", params={"queries": json.dumps(queries)})
    assert {key: result["result"] for key, result in got.json().items()} == posted
    called = web.get("/reconcile", params={"queries": json.dumps(queries), "callback": "jQuery17_1"})
    assert called.headers["content-type"].startswith("text/javascript")
    script = re.fullmatch(r"/\*\*/jQuery17_1\((.*)\);", called.text)
    assert script is not None
    assert json.loads(script[1]) == got.json()
    assert web.get("/reconcile", params={"query": "endoscopy"}).json()["result"][0]["score"] == 100


def test_the_draft_answers_in_order_with_named_features(web: httpx.Client) -> None:
    found = drafted(web, named("Computed Tomography"), named("BioBERT", type=f"{BASE}FoundationModel", limit=1))
    assert [candidates[0]["id"] for candidates in found] == [f"{BASE}CT", f"{BASE}model/BioBERT"]
    assert all(feature["name"] for feature in found[0][0]["features"])


def test_a_name_a_synonym_an_abbreviation_and_an_identifier_find_the_same(web: httpx.Client) -> None:
    texts = ["computed tomography", "CAT scans", "CT", "Computed Tomography (CT)", "hfm:CT", f"{BASE}CT"]
    found = match(web, **{text: {"query": text, "type": "Modality"} for text in texts})
    assert {candidates[0]["id"] for candidates in found.values()} == {f"{BASE}CT"}
    assert all(candidates[0]["match"] for candidates in found.values())


def test_a_type_is_a_constraint(web: httpx.Client) -> None:
    found = match(
        web,
        task={"query": "segmentation", "type": f"{BASE}Task"},
        both={"query": "BioBERT", "type": ["Dataset", "LanguageFoundationModel"], "type_strict": "any"},
        all={"query": "BioBERT", "type": ["Dataset", "LanguageFoundationModel"], "type_strict": "all"},
    )
    assert found["task"]
    assert all(f"{BASE}Task" in {kind["id"] for kind in candidate["type"]} for candidate in found["task"])
    assert found["both"][0]["name"] == "BioBERT"
    assert found["all"] == []


def test_properties_count(web: httpx.Client) -> None:
    def asked(value: object) -> Json:
        return {"query": "BioBERT", "properties": [{"pid": "publicationYear", "v": value}]}

    found = match(web, right=asked(2019), text=asked("2019"), wrong=asked(1999), several=asked([1999, 2019]))
    assert [found[key][0]["score"] for key in ("right", "text", "several")] == [100, 100, 100]
    assert found["right"][0]["match"]
    assert found["wrong"][0]["score"] == 60
    assert not found["wrong"][0]["match"]
    assert {"id": "properties", "value": 0.0} in found["wrong"][0]["features"]


def test_properties_may_be_all_that_is_known(web: httpx.Client, endpoint: str) -> None:
    def asked(values: list[str], quantifier: str) -> Json:
        condition = {"matchType": "property", "propertyId": "modality", "propertyValue": values}
        return {
            "type": f"{BASE}FoundationModel",
            "conditions": [{**condition, "required": True, "matchQuantifier": quantifier}],
            "limit": 100,
        }

    everyone, both = drafted(web, asked(["CT", "MRI"], "any"), asked(["computed tomography", f"{BASE}MRI"], "all"))
    query = "SELECT ?m { ?m a hfm:FoundationModel ; hfm:modality hfm:CT, hfm:MRI }"
    answer = httpx.get(f"{endpoint}/sparql", params={"query": f"PREFIX hfm: <{BASE}> {query}", "format": "json"})
    expected = {row["m"]["value"] for row in answer.json()["results"]["bindings"]}
    assert {candidate["id"] for candidate in both} == expected
    assert expected < {candidate["id"] for candidate in everyone}


@pytest.mark.parametrize(
    ("what", "prefix", "identifier"),
    [
        ("entity", "biober", f"{BASE}model/BioBERT"),
        ("entity", f"{BASE}CT", f"{BASE}CT"),
        ("type", "", f"{BASE}Modality"),
        ("type", "modal", f"{BASE}Modality"),
        ("property", "has mod", f"{BASE}modality"),
        ("property", f"{BASE}modality", f"{BASE}modality"),
    ],
)
def test_suggestions_and_their_flyouts(what: str, prefix: str, identifier: str, web: httpx.Client) -> None:
    for root in ("/reconcile", DRAFT):
        found = web.get(f"{root}/suggest/{what}", params={"prefix": prefix}).json()["result"]
        assert identifier in [each["id"] for each in found]
        assert all(each["id"] and each["name"] for each in found)
    flyout = web.get(f"/reconcile/flyout/{what}", params={"id": identifier}).json()
    assert flyout["id"] == identifier
    assert next(each["name"] for each in found if each["id"] == identifier) in flyout["html"]


def test_suggestions_may_be_limited_and_skipped(web: httpx.Client) -> None:
    whole = web.get("/reconcile/suggest/type", params={"prefix": "", "limit": 6}).json()["result"]
    for name, root in (("cursor", "/reconcile"), ("offset", DRAFT)):
        part = web.get(f"{root}/suggest/type", params={"prefix": "", "limit": 3, name: 3}).json()["result"]
        assert part == whole[3:6]


def test_a_preview_is_a_small_page_that_may_be_framed(web: httpx.Client) -> None:
    for root in ("/reconcile", DRAFT):
        answer = web.get(f"{root}/preview", params={"id": f"{BASE}CT"})
        HTMLParser(strict=True).parse(answer.text)
        assert "CAT scan" in answer.text
        assert "frame-ancestors *" in answer.headers["content-security-policy"]
        assert "script-src 'self'" in answer.headers["content-security-policy"]


def test_the_view_is_the_page_of_the_entity(web: httpx.Client) -> None:
    template = web.get("/reconcile").json()["view"]["url"]
    address = template.replace("{{id}}", httpx.QueryParams({"": f"{BASE}model/BioBERT"}).__str__()[1:])
    answer = httpx.get(address, headers={"Accept": "text/html"}, follow_redirects=True)
    assert answer.url.path == "/model/BioBERT"
    assert answer.status_code == 200


def test_values_of_entities(web: httpx.Client) -> None:
    proposed = web.get("/reconcile/extend/propose", params={"type": f"{BASE}FoundationModel", "limit": 100}).json()
    assert (proposed["type"], proposed["limit"]) == (f"{BASE}FoundationModel", 100)
    known = {each["id"]: each["name"] for each in proposed["properties"]}
    asked = [f"{BASE}{name}" for name in ("modality", "publicationYear", "codeRepository")]
    assert set(asked) <= known.keys()
    query = {"ids": [f"{BASE}model/BioBERT", "urn:nothing"], "properties": [{"id": each} for each in asked]}
    answer = web.post("/reconcile", data={"extend": json.dumps(query)}).json()
    assert answer["meta"] == [{"id": each, "name": known[each]} for each in asked]
    rows = answer["rows"]
    assert rows[f"{BASE}model/BioBERT"][asked[0]] == [{"id": f"{BASE}Text", "name": "text"}]
    assert rows[f"{BASE}model/BioBERT"][asked[1]] == [{"int": 2019}]
    assert rows[f"{BASE}model/BioBERT"][asked[2]] == [{"str": "https://github.com/dmis-lab/biobert"}]
    assert rows["urn:nothing"] == {each: [] for each in asked}
    drafted = web.post(f"{DRAFT}/extend", json=query).json()
    assert drafted["meta"] == answer["meta"]
    assert {row["id"]: {each["id"]: each["values"] for each in row["properties"]} for row in drafted["rows"]} == rows


# --- clients --------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # of the client's own use of pandas
def test_a_client_reconciles_a_column(endpoint: str) -> None:
    column = pd.Series(["computed tomography", "Magnetic Resonance Imaging", "endoscopic images"])
    found = reconciler.reconcile(column, type_id=f"{BASE}Modality", reconciliation_endpoint=f"{endpoint}/reconcile")
    assert dict(zip(found["input_value"], found["id"], strict=True)) == {
        "computed tomography": f"{BASE}CT",
        "Magnetic Resonance Imaging": f"{BASE}MRI",
        "endoscopic images": f"{BASE}Endoscopy",
    }
    assert found["match"].all()


# --- what must not be answered --------------------------------------------------------------------------------------

NO_BATCH: list[tuple[object, str]] = [
    ("{", "no JSON"),
    ("[" * 100_000, "no JSON"),
    ([], "queries: expected an object"),
    ({"q0": 1}, "query 'q0': expected an object"),
    ({"q0": {}}, "give a name or a property"),
    ({"q0": {"query": "  "}}, "give a name or a property"),
    ({"q0": {"query": ["CT"]}}, "query: expected a string"),
    ({"q0": {"query": "CT", "limit": -1}}, "positive integer"),
    ({"q0": {"query": "CT", "limit": True}}, "positive integer"),
    ({"q0": {"query": "CT", "sort": "x"}}, "unknown field 'sort'"),
    ({"q0": {"query": "CT", "type_strict": "no"}}, "type_strict"),
    ({"q0": {"query": "CT", "type": "Modalty"}}, "did you mean modality?"),
    ({"q0": {"query": "CT", "properties": [{"pid": "nothing at all", "v": 1}]}}, "there is no property"),
    ({"q0": {"query": "CT", "properties": [{"pid": "modality", "v": []}]}}, "one to 50 values"),
    ({"q0": {"query": "CT", "properties": [{"v": "x"}]}}, "pid: expected a string"),
]


@pytest.mark.parametrize(("batch", "message"), NO_BATCH, ids=[message for _, message in NO_BATCH])
def test_a_bad_batch_is_told(batch: object, message: str, web: httpx.Client) -> None:
    text = batch if isinstance(batch, str) else json.dumps(batch)
    assert message in problem(web.post("/reconcile", data={"queries": text}), 400)


def test_limits_are_told(web: httpx.Client) -> None:
    allowed = web.get("/reconcile").json()["batchSize"]
    batch = {str(n): {"query": "CT"} for n in range(allowed)}
    assert len(match(web, **batch)) == allowed
    batch["more"] = {"query": "CT"}
    problem(web.post("/reconcile", data={"queries": json.dumps(batch)}), 413)
    problem(web.post(f"{DRAFT}/match", json={"queries": list(batch.values())}), 413)
    asked = {"ids": ["x"] * 1_001, "properties": [{"id": "modality"}]}
    problem(web.post(f"{DRAFT}/extend", json=asked), 413)
    problem(web.post("/reconcile", data={"queries": "x" * 1_100_000}), 413)
    problem(web.post("/reconcile", content=b"queries={}", headers={"content-type": "text/plain"}), 415)
    problem(web.post(f"{DRAFT}/match", content=b"{}"), 415)


@pytest.mark.parametrize(
    "path",
    [
        "/reconcile?callback=alert(1)//",
        "/reconcile/suggest/type?limit=0",
        "/reconcile/suggest/type?cursor=-1",
        f"/reconcile/suggest/type?limit={'9' * 5_000}",
        "/reconcile/preview",
        "/reconcile/extend/propose?type=Nothing",
    ],
)
def test_a_bad_request_is_told(path: str, web: httpx.Client) -> None:
    problem(web.get(path), 400)


@pytest.mark.parametrize("path", ["/reconcile/preview", "/reconcile/view", "/reconcile/flyout/entity"])
def test_an_unknown_entity_is_told(path: str, web: httpx.Client) -> None:
    problem(web.get(path, params={"id": "<script>alert(1)</script>"}), 404)


HOSTILE = [
    '"',
    "'",
    "\\",
    '" OR 1',
    "NEAR(",
    "*",
    "a*",
    "\0",
    "\ud800",
    "{{7*7}}",
    "<b>",
    "?x } DROP ALL",
    "𝓒𝓣",
    "x" * 90_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_strings_are_only_strings(text: str, web: httpx.Client) -> None:
    match(web, q={"query": text + "x"}, p={"query": "CT", "properties": [{"pid": "modality", "v": text}]})
    drafted(web, named(text + "x"))
    for what in ("entity", "type", "property"):
        shown = text[:1_000].encode("utf-8", "replace").decode()
        assert web.get(f"/reconcile/suggest/{what}", params={"prefix": shown}).status_code == 200

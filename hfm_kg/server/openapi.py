"""The server's interface as an OpenAPI 3.1 document."""

from __future__ import annotations

import http
from collections.abc import Iterable, Mapping
from typing import Any, Final

from hfm_kg import __version__
from hfm_kg.claims import OUTCOMES
from hfm_kg.export.describe import DESCRIPTION, LICENCE, TITLE
from hfm_kg.gaps.field import FACETS
from hfm_kg.kinds import KINDS, Asks
from hfm_kg.server.files import MEDIA_TYPES
from hfm_kg.server.problems import MEDIA_TYPE, TITLES
from hfm_kg.server.site.gaps import DATA as GAPS
from hfm_kg.server.site.lists import DATA
from hfm_kg.server.site.query import FORMATS
from hfm_kg.sparql import GRAPH_FORMATS, SOLUTION_FORMATS, Format

Json = dict[str, Any]

TEXT: Final[Json] = {"type": "string"}
IRI: Final[Json] = {"type": "string", "format": "iri"}

PROBLEM: Final[Json] = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "line": {"type": "integer", "minimum": 1, "description": "Line at which a query stops to parse."},
        "column": {"type": "integer", "minimum": 1, "description": "Column at which a query stops to parse."},
        "limit": {"type": "string", "description": "Name of the limit that a query exceeds."},
        "found": {"type": "integer", "description": "How much a query has of what is limited."},
        "allowed": {"type": "integer", "description": "How much it may have."},
        "request_id": {"type": "string", "description": "The request, as the header X-Request-ID and the log name it."},
    },
}

ALWAYS: Final = (400, 406, 414, 500)
EVALUATED: Final = (*ALWAYS, 429, 503, 504)
"""The errors of what a query is evaluated for."""

DATASET: Final = (
    ("default-graph-uri", "A graph of the default graph; may be repeated."),
    ("named-graph-uri", "A named graph; may be repeated."),
)


def document(version: str) -> Json:
    """The document; ``version`` is the ontology's."""
    solutions_or_graph = _content((*SOLUTION_FORMATS, *GRAPH_FORMATS))
    asked = _responses("The result: solutions, a boolean or a graph.", solutions_or_graph, (*EVALUATED, 403))
    described = _responses("The description.", _content(GRAPH_FORMATS), ALWAYS)
    page = {"text/html": {"schema": TEXT}}
    told = {"application/json": {"schema": {"type": "object"}}}
    dataset = [_query(name, IRI, text, is_list=True) for name, text in DATASET]
    form_of = _query("format", _names((*SOLUTION_FORMATS, *GRAPH_FORMATS)), "The format, whatever Accept says.")
    graph_form_of = _query("format", _names(GRAPH_FORMATS), "The format, whatever Accept says.")
    timeout = _query("timeout", {"type": "number", "exclusiveMinimum": 0}, "Seconds that the answer may take.")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "description": f"{DESCRIPTION} The ontology's version is {version}." if version else DESCRIPTION,
            "version": __version__,
            "license": {"name": "CC BY 4.0", "url": LICENCE},
        },
        "servers": [{"url": "/"}],
        "paths": {
            **_site(),
            "/sparql": {
                "get": {
                    "summary": "Ask a query (SPARQL 1.1 Protocol, 2.1.1); without one, describe the service.",
                    "parameters": [
                        _query("query", TEXT, "A SELECT, ASK, CONSTRUCT or DESCRIBE query."),
                        *dataset,
                        form_of,
                        timeout,
                    ],
                    "responses": {
                        **asked,
                        "303": {"description": "Without a query, a browser is sent to the query page."},
                    },
                },
                "post": {
                    "summary": "Ask a query, in a form or as the body (SPARQL 1.1 Protocol, 2.1.2 and 2.1.3).",
                    "parameters": [*dataset, form_of, timeout],
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/sparql-query": {"schema": TEXT},
                            "application/x-www-form-urlencoded": {"schema": _form()},
                        },
                    },
                    "responses": {**asked, **_errors((408, 413, 415))},
                },
            },
            "/rdf-graph-store": {
                "get": {
                    "summary": "A graph as a document (SPARQL 1.1 Graph Store HTTP Protocol); name exactly one.",
                    "parameters": [
                        {**_query("default", TEXT, "The default graph."), "allowEmptyValue": True},
                        _query("graph", IRI, "The graph of this name."),
                        graph_form_of,
                        timeout,
                    ],
                    "responses": _responses("The graph.", _content(GRAPH_FORMATS), (*EVALUATED, 404)),
                }
            },
            **_reconciliation(),
            "/.well-known/void": {
                "get": {
                    "summary": "The graph in figures, as VoID.",
                    "parameters": [graph_form_of],
                    "responses": described,
                }
            },
            "/.well-known/sparql-examples": {
                "get": {
                    "summary": "Example queries, as SHACL executables.",
                    "parameters": [graph_form_of],
                    "responses": described,
                }
            },
            "/openapi.json": {
                "get": {
                    "summary": "This document.",
                    "responses": _responses(
                        "The document.", {"application/json": {"schema": {"type": "object"}}}, (414, 500)
                    ),
                }
            },
            "/livez": {
                "get": {"summary": "Whether the server lives.", "responses": _responses("It does.", told, (414, 500))}
            },
            "/readyz": {
                "get": {
                    "summary": "Whether requests should be sent to the server, and which snapshot it has.",
                    "responses": _responses("They should.", told, (414, 500, 503)),
                }
            },
            "/metrics": {
                "get": {
                    "summary": "The server's figures for Prometheus, unless they are told on a port of their own.",
                    "responses": _responses("The figures.", {"text/plain": {"schema": TEXT}}, (404, 414, 500)),
                }
            },
            "/{path}": {
                "get": {
                    "summary": "What the IRI of this path below our namespace names, or a file of the ontology.",
                    "parameters": [
                        {
                            "name": "path",
                            "in": "path",
                            "required": True,
                            "description": "The path, in which slashes stay as they are.",
                            "schema": TEXT,
                            "example": "model/BioBERT",
                        }
                    ],
                    "responses": _responses("What is said of it.", {**_content(GRAPH_FORMATS), **page}, (*ALWAYS, 404)),
                }
            },
        },
        "components": {"schemas": {"Problem": PROBLEM}},
    }


def _problem() -> Json:
    return {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def _site() -> Json:
    """The pages for people, and the same as data."""
    page = {"text/html": {"schema": TEXT}}
    verdict = _query("verdict", {"type": "string", "enum": list(OUTCOMES)}, "Only these.")
    facets = {
        kind.name: [
            _query(facet.name, TEXT, f"{facet.label}: {facet.asks.value}.", is_list=facet.asks is Asks.ANY)
            for facet in kind.facets
        ]
        for kind in KINDS.values()
    }
    order = _query("sort", TEXT, "A column, with a minus before it for the greatest first.")
    number = _query("page", {"type": "integer", "minimum": 1}, "Which page of the list.")
    q = _query("q", TEXT, "A name, abbreviation, title or author; small typos are forgiven.")
    limit = _query("limit", {"type": "integer", "minimum": 1}, "How many things at the most.")
    combination = [*(_query(facet, TEXT, f"The {facet}, or a broader one.") for facet in FACETS), limit]
    gaps: Json = {content_type.partition(";")[0]: {"schema": {}} for content_type, _ in GAPS.values()}
    things = _query("thing", TEXT, "A model or dataset, by name or path.", is_list=True)
    ending = {"name": "ending", "in": "path", "required": True, "schema": {"type": "string", "enum": list(DATA)}}
    file = {"name": "file", "in": "path", "required": True, "schema": TEXT}
    named = {**file, "name": "name"}
    files: Json = {media_type: {"schema": {}} for media_type in sorted(set(MEDIA_TYPES.values()))}
    data: Json = {content_type.partition(";")[0]: {"schema": {}} for content_type, _ in DATA.values()}
    told: list[tuple[str, str, Json, list[Json]]] = [
        ("/", "The home page.", page, []),
        ("/search", "What is called so, or nearly so.", page, [q]),
        ("/search.json", "The same as data.", {"application/json": {"schema": {}}}, [q, limit]),
        ("/challenges", "Challenges and directions, which addresses which, and the evidence.", page, []),
        ("/claims", "What the survey claims, and what the graph says.", page, [verdict]),
        ("/terms", "The reference of classes, properties and concepts.", page, []),
        ("/terms/{section}", "One section of it: tasks, say.", page, [{**file, "name": "section"}]),
        ("/downloads", "The files, with their sizes.", page, []),
        ("/downloads/{name}", "A file; it may take a minute to make.", files, [named]),
        ("/about-this-graph", "Sources, corrections, citation, licence.", page, []),
        ("/CITATION.cff", "How to cite the graph.", {"application/yaml": {"schema": {}}}, []),
        (
            "/pointing",
            "All that a property relates to a thing.",
            page,
            [
                _query("to", TEXT, "The thing: an IRI or its path."),
                _query("by", TEXT, "The property, likewise."),
                number,
            ],
        ),
        ("/compare", "Models and datasets side by side.", page, [things]),
        ("/compare.csv", "The same as data.", {"text/csv": {"schema": TEXT}}, [things]),
        ("/gaps", "Combinations that no reviewed model covers, and why they are worth a look.", page, combination),
        (
            "/gaps.{ending}",
            "The same as data.",
            gaps,
            [{**ending, "schema": {"type": "string", "enum": list(GAPS)}}, *combination],
        ),
        (
            "/query",
            "An editor for queries with the catalogue's questions, and results; other formats come from /sparql.",
            {**page, **_content((*SOLUTION_FORMATS, *GRAPH_FORMATS))},
            [
                _query("query", TEXT, "A query."),
                _query("name", TEXT, "The name of a query of the catalogue."),
                _query(
                    "format", {"type": "string", "enum": list(FORMATS)}, "Runs it; html keeps the result on the page."
                ),
            ],
        ),
        ("/query/words.json", "The words that a query can be written with.", {"application/json": {"schema": {}}}, []),
        ("/robots.txt", "What robots need not read.", {"text/plain": {"schema": TEXT}}, []),
        ("/sitemap.xml", "The addresses of all pages.", {"application/xml": {"schema": TEXT}}, []),
        ("/static/{file}", "What pages load.", {"text/css": {"schema": TEXT}}, [file]),
    ]
    refused = {
        status: {**error, "content": {**error["content"], **page}}  # as a page for those who accept one
        for status, error in _errors((400, 404, 414, 500)).items()
    }
    for name, parameters in facets.items():
        told.append((f"/{name}", f"The list of {name}.", page, [*parameters, order, number]))
        told.append((f"/{name}.{{ending}}", "The same as data.", data, [ending, *parameters, order]))
    return {
        path: {
            "get": {
                "summary": summary,
                **({"parameters": parameters} if parameters else {}),
                "responses": {"200": {"description": "It.", "content": content}, **refused},
            }
        }
        for path, summary, content, parameters in told
    }


def _reconciliation() -> Json:
    """The Reconciliation Service API: 0.1 and 0.2 at its root, and 1.0-draft."""
    found: Json = {"application/json": {"schema": {"type": "object"}}}
    entity = _query("id", IRI, "An entity.")
    kind = _query("type", IRI, "A type.")
    limit = _query("limit", {"type": "integer", "minimum": 1}, "How many at the most.")
    prefix = _query("prefix", TEXT, "The beginning of a name, or an identifier.")
    skip = _query("cursor", {"type": "integer", "minimum": 0}, "How many to skip; offset in 1.0-draft.")
    callback = _query("callback", TEXT, "A function to call with the answer (JSONP, 0.1).")
    fields = {
        "queries": "A query batch, in JSON.",
        "query": "A single query (0.1).",
        "extend": "A data extension query.",
    }
    got: list[tuple[str, str, Json, list[Json]]] = []
    for root in ("/reconcile", "/reconcile/1.0-draft"):
        got.append((f"{root}/preview", "An entity as a small page.", {"text/html": {"schema": TEXT}}, [entity]))
        got.append((f"{root}/extend/propose", "Properties that entities of a type have.", found, [kind, limit]))
        got += [
            (f"{root}/suggest/{what}", f"What begins so: {what}.", found, [prefix, limit, skip])
            for what in ("entity", "property", "type")
        ]
    got += [
        (f"/reconcile/flyout/{what}", f"The {what} of an identifier, in short.", found, [entity])
        for what in ("entity", "property", "type")
    ]
    got.append(("/reconcile/1.0-draft", "The service manifest of 1.0-draft.", found, []))
    form = {
        "type": "object",
        "properties": {name: {"type": "string", "description": text} for name, text in fields.items()},
    }
    paths: Json = {
        path: {
            "get": {
                "summary": summary,
                **({"parameters": parameters} if parameters else {}),
                "responses": _responses("It.", content, (400, 404, 414, 500)),
            }
        }
        for path, summary, content, parameters in got
    }
    answers = _responses("The manifest, candidates or values.", found, (400, 413, 414, 500))
    paths["/reconcile"] = {
        "get": {
            "summary": "The service manifest; candidates for a batch of queries; values of entities (0.2).",
            "parameters": [*(_query(name, TEXT, text) for name, text in fields.items()), callback],
            "responses": answers,
        },
        "post": {
            "summary": "The same, in a form.",
            "requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": form}}},
            "responses": {**answers, **_errors((408, 415))},
        },
    }
    paths["/reconcile/view"] = {
        "get": {
            "summary": "Sends a browser to the page of an entity.",
            "parameters": [entity],
            "responses": {"303": {"description": "To its page."}, **_errors((400, 404, 414, 500))},
        }
    }
    for name, summary in (("match", "Candidates for a batch of queries."), ("extend", "Values of entities.")):
        paths[f"/reconcile/1.0-draft/{name}"] = {
            "post": {
                "summary": summary,
                "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
                "responses": _responses("It.", found, (400, 408, 413, 414, 415, 500)),
            }
        }
    return paths


def _form() -> Json:
    """The fields of a form."""
    lists = {name: {"type": "array", "items": IRI, "description": text} for name, text in DATASET}
    fields = {"query": TEXT, **lists, "format": TEXT, "timeout": {"type": "number", "exclusiveMinimum": 0}}
    return {"type": "object", "required": ["query"], "properties": fields}


def _query(name: str, schema: Mapping[str, Any], description: str, *, is_list: bool = False) -> Json:
    told = {"type": "array", "items": schema} if is_list else dict(schema)
    return {"name": name, "in": "query", "description": description, "schema": told}


def _names(formats: Iterable[Format]) -> Json:
    return {"type": "string", "enum": [form.name for form in formats]}


def _content(formats: Iterable[Format]) -> Json:
    return {form.media_types[0]: {"schema": {} if "json" in form.media_types[0] else TEXT} for form in formats}


def _responses(description: str, content: Json, errors: Iterable[int]) -> Json:
    return {"200": {"description": description, "content": content}, **_errors(errors)}


def _errors(statuses: Iterable[int]) -> Json:
    return {
        str(status): {
            "description": TITLES.get(status) or http.HTTPStatus(status).phrase,
            "content": _problem(),
        }
        for status in sorted(statuses)
    }

"""What agents can read: the ontology, its words, the catalogue's queries, and each thing under its own IRI."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError

from hfm_kg.agents.errors import Explained
from hfm_kg.agents.tools import Tools
from hfm_kg.api import KnowledgeGraph
from hfm_kg.errors import UnknownNameError
from hfm_kg.result import Triples
from hfm_kg.terms import BASE
from hfm_kg.values import Iri

ONTOLOGY: Final = "CONSTRUCT { ?subject ?property ?object } WHERE { GRAPH <hfm.owl> { ?subject ?property ?object } }"
STATEMENTS: Final = "CONSTRUCT { ?thing ?property ?value } WHERE { ?thing ?property ?value }"
HEADER: Final = """SELECT ?property ?value WHERE { <hfm.owl> ?property ?value FILTER(ISLITERAL(?value)) }
ORDER BY ?property ?value"""
SOURCES: Final = "SELECT ?source ?label WHERE { ?source a hfm:Source ; rdfs:label ?label } ORDER BY ?source"
MOST_LETTERS: Final = 200_000
"""Letters of a resource; the whole ontology has less."""


def add(server: MCPServer, graph: KnowledgeGraph, tools: Tools) -> None:
    """Add the resources over a graph to a server."""
    explained = Explained(tools.near)

    def resource(uri: str, title: str, mime_type: str, read: Callable[..., str], name: str) -> None:
        server.resource(uri, name=name, title=title, mime_type=mime_type, description=read.__doc__)(
            explained.resource(read)
        )

    def summary() -> str:
        """What the graph holds, from which sources, in which version."""
        header = [{"property": row.property.short, "value": row.value} for row in graph.query(HEADER)]
        counts = {row.kind: row.things for row in graph.query("counts")}
        sources = {str(row.source): row.label for row in graph.query(SOURCES)}
        return _json({"ontology": f"{BASE}hfm.owl", "header": header, "counts": counts, "sources": sources})

    def turtle() -> str:
        """The ontology alone, without the facts: classes, properties and axioms, as Turtle."""
        return _turtle(graph.query(ONTOLOGY))

    def schema() -> str:
        """The classes and properties that are in use, with how often, and what they mean."""
        words = {}
        for of in ("classes", "properties"):
            rows = tools.words(of)
            words[of] = [{"term": row.term.short, "uses": row.uses, "definition": row.definition} for row in rows]
        return _json(words)

    def catalogue() -> str:
        """The questions of the catalogue, with the names by which the tool ask runs them."""
        return _json({one.name: one.question for one in graph.catalog.of_kind("competency")})

    def query(name: str) -> str:
        """One query of the catalogue, as SPARQL with its header."""
        return graph.catalog[name].text

    def thing(path: str) -> str:
        """All statements about a thing of the graph, as Turtle; the address is the thing's IRI."""
        found = graph.query(STATEMENTS, thing=Iri(BASE + path))
        if not found:
            raise UnknownNameError(f"the graph says nothing of <{BASE}{path}>")
        return _turtle(found)

    resource("hfm://summary", "What the graph holds", "application/json", summary, "summary")
    resource("hfm://ontology", "The ontology in Turtle", "text/turtle", turtle, "ontology")
    resource("hfm://schema", "Classes and properties", "application/json", schema, "schema")
    resource("hfm://queries", "Questions of the catalogue", "application/json", catalogue, "queries")
    resource("hfm://queries/{name}", "A query of the catalogue", "application/sparql-query", query, "query")
    resource(f"{BASE}{{+path}}", "A thing by its IRI", "text/turtle", thing, "thing")


def _json(told: object) -> str:
    return json.dumps(told, ensure_ascii=False, indent=1)


def _turtle(found: object) -> str:
    assert isinstance(found, Triples)
    text = found.serialize("turtle")
    if len(text) > MOST_LETTERS:
        raise ResourceNotFoundError(
            f"{len(text)} letters of Turtle are too many; read the thing with the tool describe, part by part"
        )
    return text

"""The catalogue's questions as RDF, in the form of the SIB's collection of SPARQL examples.

Each is a ``sh:SPARQLExecutable`` with its question as ``rdfs:comment``, its query, the prefixes that it may use
undeclared, and the endpoint that answers it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pyoxigraph import Literal, NamedNode, Triple

from hfm_kg import sparql
from hfm_kg.catalog import CatalogQuery
from hfm_kg.terms import OWL, RDF, RDFS, SDO, SH, XSD, iri

DOCUMENT: Final = iri(".well-known", "sparql-examples")

FORMS: Final = {
    "SELECT": (SH.SPARQLSelectExecutable, SH.select),
    "ASK": (SH.SPARQLAskExecutable, SH.ask),
    "CONSTRUCT": (SH.SPARQLConstructExecutable, SH.construct),
}
"""For each form of query that SHACL has a term for, its class and the property that holds its text."""

USED: Final = {
    "owl": OWL.base,
    "rdfs": RDFS.base,
    "schema": SDO.base,
    "sh": SH.base,
    "xsd": XSD.base,
}
"""The prefixes that the document declares."""


def examples(queries: Iterable[CatalogQuery], endpoint: NamedNode) -> set[Triple]:
    """The queries as examples for an endpoint; a DESCRIBE, for which SHACL has no term, is left out."""
    prefixes = _part("prefixes")
    statements = {Triple(prefixes, RDF.type, OWL.Ontology)}
    for prefix, base in sparql.PREFIXES.items():
        declaration = _part(f"prefix-{prefix}")
        statements |= {
            Triple(prefixes, SH.declare, declaration),
            Triple(declaration, SH.prefix, Literal(prefix)),
            Triple(declaration, SH.namespace, Literal(base, datatype=XSD.anyURI)),
        }
    for query in queries:
        if (form := sparql.query_form(query.text)) not in FORMS:
            continue
        kind, text = FORMS[form]
        example = _part(query.name)
        statements |= {
            Triple(example, RDF.type, SH.SPARQLExecutable),
            Triple(example, RDF.type, kind),
            Triple(example, RDFS.comment, Literal(query.question, language="en")),
            Triple(example, SH.prefixes, prefixes),
            Triple(example, text, Literal(query.body)),
            Triple(example, SDO.target, endpoint),
        }
    return statements


def _part(name: str) -> NamedNode:
    return NamedNode(f"{DOCUMENT.value}#{name}")

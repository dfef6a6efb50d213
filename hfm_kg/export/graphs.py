"""RDF in every serialisation, sorted: the same triples give the same bytes."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from typing import Final

from pyoxigraph import Quad, RdfFormat, Triple, serialize

from hfm_kg.sparql import PREFIXES
from hfm_kg.terms import RDF

FORMATS: Final = {
    "owl": RdfFormat.RDF_XML,
    "rdf": RdfFormat.RDF_XML,
    "ttl": RdfFormat.TURTLE,
    "nt": RdfFormat.N_TRIPLES,
    "nq": RdfFormat.N_QUADS,
    "trig": RdfFormat.TRIG,
    "jsonld": RdfFormat.JSON_LD,
}
"""The serialisation of each file ending."""


def write(statements: Iterable[Triple] | Iterable[Quad], ending: str) -> bytes:
    """Triples or quads in the serialisation of a file ending: by graph, subject and predicate, types first."""
    form = FORMATS[ending]
    prefixes = None if ending in ("nt", "nq") else dict(PREFIXES)
    return serialize(sorted(statements, key=_order), format=form, prefixes=prefixes) or b""


def _order(statement: Triple | Quad) -> tuple[str, str, bool, str]:
    graph = str(statement.graph_name) if isinstance(statement, Quad) else ""
    return graph, str(statement.subject), statement.predicate != RDF.type, str(statement)


def compressed(content: bytes) -> bytes:
    """Gzip without name and time, so that equal content gives equal bytes."""
    return gzip.compress(content, compresslevel=9, mtime=0)

"""RDF in every serialisation, sorted: the same triples give the same bytes."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, Triple, serialize

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

ROOT: Final = re.compile(rb"(<rdf:RDF)([^>]*)>")
XMLNS: Final = re.compile(rb" xmlns:[\w.-]+=\"[^\"]*\"")


Node = NamedNode | BlankNode


def write(statements: Iterable[Triple] | Iterable[Quad], ending: str, prefixes: Mapping[str, str] = PREFIXES) -> bytes:
    """Triples or quads in the serialisation of a file ending: by graph, subject and predicate, types first."""
    form = FORMATS[ending]
    declared = None if form in (RdfFormat.N_TRIPLES, RdfFormat.N_QUADS) else dict(prefixes)
    if declared and form in (RdfFormat.TURTLE, RdfFormat.TRIG):
        declared.pop("hfm", None)  # the engine would write hfm:model\/BioBERT, which the OWL API's parser refuses
    content = serialize(sorted(statements, key=_order), format=form, prefixes=declared) or b""
    return _sorted_prefixes(content, form)


def by_subject(triples: Iterable[Triple]) -> dict[Node, list[Triple]]:
    """The triples of each subject, in the order in which they are written."""
    statements: dict[Node, list[Triple]] = {}
    for triple in sorted(triples, key=_order):
        assert isinstance(triple.subject, Node)
        statements.setdefault(triple.subject, []).append(triple)
    return statements


def items(statements: Mapping[Node, list[Triple]], head: Node) -> Iterator[Node | Literal]:
    """The items of an RDF collection."""
    while head != RDF.nil:
        of = {triple.predicate: triple.object for triple in statements[head]}
        first, rest = of[RDF.first], of[RDF.rest]
        assert isinstance(first, Node | Literal)
        assert isinstance(rest, Node)
        yield first
        head = rest


def _order(statement: Triple | Quad) -> tuple[str, str, bool, str]:
    graph = str(statement.graph_name) if isinstance(statement, Quad) else ""
    return graph, str(statement.subject), statement.predicate != RDF.type, str(statement)


def _sorted_prefixes(content: bytes, form: RdfFormat) -> bytes:
    """The same document with its prefixes in order; the engine declares them in another order each time."""
    if form == RdfFormat.RDF_XML:
        return ROOT.sub(lambda root: root[1] + b"".join(sorted(XMLNS.findall(root[2]))) + b">", content, count=1)
    if form in (RdfFormat.TURTLE, RdfFormat.TRIG):
        lines = content.split(b"\n")
        number = next(number for number, line in enumerate(lines) if not line.startswith(b"@prefix "))
        return b"\n".join([*sorted(lines[:number]), *lines[number:]])
    return content


def compressed(content: bytes) -> bytes:
    """Gzip without name and time, so that equal content gives equal bytes."""
    return gzip.compress(content, compresslevel=9, mtime=0)

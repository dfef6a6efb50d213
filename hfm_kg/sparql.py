"""The one way a query is run: guard, evaluation, negotiation, serialisation.

Names follow the SPARQL 1.1 Query Language and Protocol. The command line, the server and the tests all come through
here, so that whatever one of them shows can be repeated with the others.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Final, cast

import mimeparse
from pyoxigraph import (
    BlankNode,
    DefaultGraph,
    Literal,
    NamedNode,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    QueryTriples,
    RdfFormat,
    Store,
    serialize,
)

from hfm_kg.errors import LONGEST_MESSAGE, ForbiddenError, NotAcceptableError, QuerySyntaxError, UsageError

Result = QuerySolutions | QueryBoolean | QueryTriples

Term = NamedNode | BlankNode | Literal
Solution = Mapping[str, Term]
"""What a solution binds, by the names of variables; those that it leaves unbound are not there."""
Select = Callable[[str], list[Solution]]
"""Gives the solutions of a SELECT query: over a store (:func:`select`) or at another endpoint (``remote.select``)."""


@dataclass(frozen=True)
class Format:
    """A serialisation: its short name for people, and its media types, the preferred one first."""

    name: str
    media_types: tuple[str, ...]
    engine: QueryResultsFormat | RdfFormat | None
    """None where the engine does not write it: a page for people."""
    also: tuple[str, ...] = ()
    """What clients call it by the parameter ``format``, beside its name; SPARQLWrapper always sends one."""

    @property
    def content_type(self) -> str:
        """The value of the Content-Type header."""
        charset = "; charset=utf-8" if self.media_types[0].startswith("text/") else ""
        return self.media_types[0] + charset


SOLUTION_FORMATS: Final = (
    Format("json", ("application/sparql-results+json", "application/json"), QueryResultsFormat.JSON),
    Format("xml", ("application/sparql-results+xml", "application/xml", "text/xml"), QueryResultsFormat.XML),
    Format("csv", ("text/csv",), QueryResultsFormat.CSV),
    Format("tsv", ("text/tab-separated-values",), QueryResultsFormat.TSV),
)
"""For SELECT and ASK; the first is what a client gets that names none."""

GRAPH_FORMATS: Final = (
    Format("turtle", ("text/turtle", "application/x-turtle"), RdfFormat.TURTLE, ("ttl", "n3")),
    Format("ntriples", ("application/n-triples", "text/plain"), RdfFormat.N_TRIPLES, ("nt",)),
    Format(
        "rdfxml", ("application/rdf+xml", "application/xml", "text/xml"), RdfFormat.RDF_XML, ("rdf+xml", "rdf", "xml")
    ),
    Format("jsonld", ("application/ld+json", "application/json"), RdfFormat.JSON_LD, ("json-ld", "json")),
    Format("trig", ("application/trig",), RdfFormat.TRIG),
    Format("nquads", ("application/n-quads",), RdfFormat.N_QUADS),
)
"""For CONSTRUCT and DESCRIBE; the first is what a client gets that names none."""

PREFIXES: Final[Mapping[str, str]] = {
    "hfm": "https://w3id.org/hfm/",
    "bibo": "http://purl.org/ontology/bibo/",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcterms": "http://purl.org/dc/terms/",
    "fair4ml": "https://w3id.org/fair4ml#",
    "obo": "http://purl.obolibrary.org/obo/",
    "owl": "http://www.w3.org/2002/07/owl#",
    "prov": "http://www.w3.org/ns/prov#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "schema": "http://schema.org/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
"""Prefixes that a query may use without declaring them."""

BASE_IRI: Final = PREFIXES["hfm"]
"""What relative IRIs of a query are relative to, unless it says otherwise: ``<model/UNI>`` is a model of ours."""

TOKEN: Final = re.compile(
    r"""
      (?P<blank>(?:\s|\#[^\n\r]*)++)
    | (?:'''(?:(?:'|'')?(?:[^'\\]|\\.))*+(?:''')?+ | \"""(?:(?:"|"")?(?:[^"\\]|\\.))*+(?:\""")?+
       | '(?:[^'\\\n]|\\.)*+'?+ | "(?:[^"\\\n]|\\.)*+"?+)(?:@[A-Za-z]+(?:-[A-Za-z0-9]+)*+)?+
    | (?P<iri><[^<>"{}|^`\x00-\x20]*>)
    | [?$]\w+
    | @[A-Za-z]+(?:-[A-Za-z0-9]+)*
    | (?P<prefixed>(?:[^\W\d_][\w.-]{0,99}+)?+:(?:(?:[\w:%]|\\.)(?:[\w:.%-]|\\.)*)?)
    | [+-]?\d++
    | (?P<word>[A-Za-z_]\w*)
    | (?P<sign>\W)
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
"""The terminals of SPARQL (section 19.8 of the Query Language) as far as the guard must tell keywords from text.

A scan takes time in proportion to the text, whatever that is: a string that is not closed ends with its line or
with the text, and a prefix has 100 letters at most, so that no place is looked at from each place before it.
"""

SERVICE: Final = re.compile("(servic)e", re.ASCII | re.IGNORECASE)
FORMS: Final = frozenset({"SELECT", "ASK", "CONSTRUCT", "DESCRIBE"})

NAMING: Final = ("GRAPH", "FROM", "\\U")
"""What a query that names graphs has somewhere: the keywords, or an escape that may be a part of one."""

UPDATES: Final = frozenset({"INSERT", "DELETE", "LOAD", "CLEAR", "CREATE", "DROP", "COPY", "MOVE", "ADD"})
REFUSED: Final = (*UPDATES, "SERVICE")


@lru_cache(maxsize=16)
def tokens(query: str) -> tuple[str, ...]:
    """What a query consists of but blanks and comments: its words in upper case, signs, and "" for all else.

    Those who look at a query look at the same tokens, one after the other, so the last ones are remembered.

    >>> tokens("ASK { ?s rdfs:label 'SERVICE' } # SERVICE")
    ('ASK', '{', '', '', '', '}')
    """
    found = TOKEN.findall(query)
    return tuple([word.upper() or sign for blank, _, _, word, sign in found if not blank])


def keywords(query: str) -> list[str]:
    """The words of a query outside of strings, IRIs, names and comments, in upper case.

    >>> keywords("SELECT ?service WHERE { ?s rdfs:label 'SERVICE' } # SERVICE")
    ['SELECT', 'WHERE']
    """
    return [token for token in tokens(query) if token.isidentifier()]


def names(query: str) -> set[str]:
    """The prefixed names and IRIs that a query writes outside of strings and comments.

    >>> sorted(names("SELECT ?m { ?m a hfm:Dataset . ?m hfm:task <urn:x> } # hfm:modality"))
    ['<urn:x>', 'hfm:Dataset', 'hfm:task']
    """
    return {match[0].rstrip(".") for match in TOKEN.finditer(query) if match.lastgroup in ("prefixed", "iri")}


def name(iri: str) -> str:
    """An IRI as a query writes it: by the longest known prefix, or in full.

    >>> name("https://w3id.org/hfm/Pathology"), name("https://w3id.org/hfm/model/BioBERT")
    ('hfm:Pathology', '<https://w3id.org/hfm/model/BioBERT>')
    """
    for prefix, base in PREFIXES.items():
        if iri.startswith(base) and re.fullmatch(r"[\w-]+", iri.removeprefix(base), re.ASCII):
            return f"{prefix}:{iri.removeprefix(base)}"
    return f"<{iri}>"


def query_form(query: str) -> str | None:
    """SELECT, ASK, CONSTRUCT or DESCRIBE; None if a query has no such word.

    >>> query_form("ASK { ?s rdfs:label 'SELECT' } # DESCRIBE")
    'ASK'
    """
    return next((word for word in keywords(query) if word in FORMS), None)


def is_graph_query(query: str) -> bool:
    """Whether a query gives a graph (CONSTRUCT, DESCRIBE) rather than solutions or a boolean."""
    return query_form(query) in ("CONSTRUCT", "DESCRIBE")


def used_prefixes(query: str) -> dict[str, str]:
    """Those of the known prefixes that a text names, for to declare one takes the engine a microsecond.

    >>> used_prefixes("SELECT ?m { ?m a hfm:Dataset ; rdfs:label ?name }").keys()
    dict_keys(['hfm', 'rdfs'])
    """
    return {prefix: iri for prefix, iri in PREFIXES.items() if f"{prefix}:" in query or "\\" in query}


def may_name_graphs(query: str) -> bool:
    """Whether a query may be about other graphs than the default one: it might have GRAPH or FROM somewhere.

    >>> may_name_graphs("ASK { ?s ?p ?o }"), may_name_graphs("ASK { GRAPH ?g { ?s ?p ?o } }")
    (False, True)
    """
    text = query.upper()
    return any(word in text for word in NAMING)


def guard(query: str, *, may_ask: bool = False) -> None:
    """Refuse, by the words of a query alone, what would change the graph, or ask another machine unless it may.

    Raises ForbiddenError.
    """
    try:
        query.encode()
    except UnicodeEncodeError:
        raise UsageError("the query is no text: it has bytes that are not UTF-8") from None
    text = query.upper()
    if not any(word in text for word in REFUSED):  # not even in a string, so there is no need to tell what is one
        return
    words = tokens(query)
    form = next((word for word in words if word in FORMS or word in UPDATES), None)
    if form in UPDATES:
        raise ForbiddenError(f"the graph is read-only; {form} is an update")
    if "SERVICE" in words and not may_ask:
        raise ForbiddenError(
            "SERVICE is not allowed: no other machine is asked, but by a server whose operator allows endpoints "
            "(hfm-kg serve --service URL)"
        )


def guard_grammar(query: str) -> None:
    """Refuse a SERVICE that is hidden from the scan of words. Raises QuerySyntaxError.

    The engine's grammar has no separate lexer: "1e5SERVICE" and "SERVICEex:a" hold the keyword too, and whether "<"
    begins an IRI depends on what stands before. So the engine itself tells: it parses the query with the word spoilt,
    which it can only if the word stands in names, IRIs, strings and comments.
    """
    spoilt = SERVICE.sub(r"\1x", query) if "SERVICE" in query.upper() else query
    if spoilt != query:
        try:
            Store().query(spoilt, base_iri=BASE_IRI, prefixes=dict(PREFIXES))
        except SyntaxError as error:
            raise QuerySyntaxError.from_engine(error, query) from None
        except RuntimeError:
            pass  # it was parsed; the query itself calls a function that the engine does not have


def evaluate(
    store: Store,
    query: str,
    *,
    default_graph: Sequence[str] = (),
    named_graphs: Sequence[str] = (),
) -> Result:
    """Run a query over the store.

    ``default_graph`` and ``named_graphs`` are the IRIs of the protocol's RDF dataset (SPARQL 1.1 Protocol, 2.1.4); they
    name graphs of the store, nothing is fetched.
    Raises ForbiddenError, QuerySyntaxError, or UsageError for a bad IRI or a function that the engine does not have.
    """
    guard(query)
    guard_grammar(query)
    dataset_named: list[NamedNode | BlankNode] = [*graph_names(named_graphs)]
    dataset_default: list[NamedNode | BlankNode | DefaultGraph] = [*graph_names(default_graph)]
    explicit = bool(dataset_default or dataset_named)
    try:
        return store.query(
            query,
            base_iri=BASE_IRI,
            prefixes=used_prefixes(query),
            default_graph=dataset_default if explicit else None,
            named_graphs=dataset_named if explicit else None,
        )
    except SyntaxError as error:
        raise QuerySyntaxError.from_engine(error, query) from None
    except RuntimeError as error:  # it parses, and calls a function that the engine does not have
        raise UsageError(f"the query cannot be evaluated: {error}") from None


def graph_names(iris: Sequence[str]) -> list[NamedNode]:
    """The names of graphs that a protocol's dataset has. Raises UsageError over one that is no IRI."""
    try:
        return [NamedNode(iri) for iri in iris]
    except ValueError as error:
        raise UsageError(f"a graph's name is no IRI: {error}") from None


def select(store: Store, query: str) -> list[Solution]:
    """The solutions of a SELECT query over the store. Raises as :func:`evaluate` does."""
    result = evaluate(store, query)
    if not isinstance(result, QuerySolutions):
        raise UsageError("the query is no SELECT")
    return solutions(result)


def solutions(result: QuerySolutions) -> list[Solution]:
    """The solutions of a result, all of them."""
    names = [variable.value for variable in result.variables]
    bound = ({name: row[name] for name in names if row[name] is not None} for row in result)
    return [cast(Solution, row) for row in bound]


def formats(result: Result) -> tuple[Format, ...]:
    """The formats in which a result can be written."""
    return GRAPH_FORMATS if isinstance(result, QueryTriples) else SOLUTION_FORMATS


def negotiate(offered: Sequence[Format], accept: str | None) -> Format:
    """The format that an Accept header (RFC 9110, 12.5.1) asks for, the first for one that names none.

    Raises NotAcceptableError.
    """
    if accept is None or not accept.strip():
        return offered[0]
    shown = accept if len(accept) <= LONGEST_MESSAGE else accept[:LONGEST_MESSAGE] + "…"
    # mimeparse prefers the last of equals, so the preferred format comes last
    supported = tuple(media_type for form in reversed(offered) for media_type in reversed(form.media_types))
    match = _best_match if len(accept) <= LONGEST_MESSAGE else mimeparse.best_match  # what is long is not remembered
    try:
        best = match(supported, accept.lower())
    except mimeparse.MimeTypeParseException:
        raise UsageError(f"the Accept header {shown!r} does not parse") from None
    for form in offered:
        if best in form.media_types:
            return form
    raise NotAcceptableError(f"{shown!r} asks for none of {', '.join(form.media_types[0] for form in offered)}")


_best_match = lru_cache(maxsize=256)(mimeparse.best_match)


def format_of(offered: Sequence[Format], name: str) -> Format:
    """The format that a client calls so, or by media types as in Accept. Raises NotAcceptableError for another."""
    if "/" in name:
        return negotiate(offered, name)
    for form in offered:
        if name in (form.name, *form.also):
            return form
    kind = "a graph" if offered == GRAPH_FORMATS else "SELECT and ASK"
    raise NotAcceptableError(f"{name!r} is no format for {kind}; take one of {', '.join(f.name for f in offered)}")


def named_format(result: Result, name: str) -> Format:
    """The format of that short name. Raises NotAcceptableError if the result cannot be written so."""
    return format_of(formats(result), name)


def write(result: Result, form: Format) -> bytes:
    """The result in a format."""
    buffer = io.BytesIO()
    write_to(result, form, buffer)
    return buffer.getvalue()


def write_to(result: Result, form: Format, output: IO[bytes]) -> None:
    """Write the result in a format, as it is found."""
    if isinstance(result, QueryTriples):
        assert isinstance(form.engine, RdfFormat)
        serialize(result, output, format=form.engine, prefixes=dict(PREFIXES))
        return
    assert isinstance(form.engine, QueryResultsFormat)
    if isinstance(result, QueryBoolean) and form.name in ("csv", "tsv"):
        # SPARQL 1.1 defines CSV and TSV for solutions only; one column with one value is what clients can read
        value = b"true" if result else b"false"
        output.write(b"boolean\r\n%s\r\n" % value if form.name == "csv" else b"?boolean\n%s\n" % value)
        return
    result.serialize(output, format=form.engine)

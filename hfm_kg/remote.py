"""Queries that another SPARQL endpoint answers: SPARQL 1.1 Protocol, section 2.1.2 (POST of a form).

Engines differ in what they write, so each is asked for the two formats that all of them have, SPARQL JSON and
N-Triples, and what a user wants is written here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import httpx
from pyoxigraph import (
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    RdfFormat,
    parse,
    parse_query_results,
    serialize,
)

from hfm_kg import sparql
from hfm_kg.errors import (
    LONGEST_MESSAGE,
    BusyError,
    DeadlineError,
    EndpointError,
    EvaluationError,
    HfmError,
    QuerySyntaxError,
    UsageError,
)
from hfm_kg.sparql import (
    BASE_IRI,
    GRAPH_FORMATS,
    PREFIXES,
    SOLUTION_FORMATS,
    TOKEN,
    Format,
    Solution,
    is_graph_query,
    solutions,
)

TIMEOUT = httpx.Timeout(10, read=300)
"""Seconds: an endpoint should be reachable at once, but may think for long."""

JSON: Final = SOLUTION_FORMATS[0]
NTRIPLES: Final = GRAPH_FORMATS[1]

VIRTUOSO_BLANK: Final = re.compile(rb'("type"\s*:\s*"bnode"\s*,\s*"value"\s*:\s*")nodeID://')
"""Virtuoso names blank nodes by IRIs of its own, which SPARQL JSON does not know."""
VIRTUOSO_BOOLEAN: Final = (
    re.compile(rb'("datatype"\s*:\s*"http://www\.w3\.org/2001/XMLSchema#boolean"\s*,\s*"value"\s*:\s*)"([01])"'),
    re.compile(rb'()"([01])"(?=\^\^<http://www\.w3\.org/2001/XMLSchema#boolean>)'),
)
"""Virtuoso writes booleans as numbers, in JSON and in N-Triples: the same values, and other literals."""
VIRTUOSO_CUT: Final = "x-sparql-maxrows"
"""The header by which Virtuoso tells that it sends fewer rows than there are."""
TELLING: Final = ("content-type", "retry-after", VIRTUOSO_CUT)
"""Those header fields of an answer that tell what it is."""

ESCAPED: Final = re.compile(r"\\u00[0-7][0-9a-f]|\\U000000[0-7][0-9a-f]", re.IGNORECASE)
"""A letter of ASCII by its number. Some engines read it before they tell strings from keywords, and some do not."""


def ask(
    endpoint: str,
    query: str,
    form: Format,
    timeout: float | None = None,
    client: httpx.Client | None = None,
    name: str = "",
) -> bytes:
    """Send a query and return its result in the wanted format.

    The address may hold parameters, ``default-graph-uri`` say; ``timeout`` is how many seconds the endpoint may be
    silent, and ``name`` what errors call it instead of by its address.
    Raises UsageError if the endpoint refuses the query, DeadlineError if it thinks for too long, EndpointError if it
    cannot be reached, fails, or cuts the result short.
    """
    name = name or endpoint
    headers = {"Accept": ", ".join(asked(query).media_types)}
    patience = httpx.Timeout(10, read=timeout) if timeout else client.timeout if client else TIMEOUT
    post = client.post if client else httpx.post
    try:
        fields = {"query": with_prefixes(query)}
        answer = post(endpoint, data=fields, headers=headers, timeout=patience, follow_redirects=True)
    except httpx.ReadTimeout as error:
        raise DeadlineError(f"{name} has not answered within {patience.read:g} seconds") from error
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # UnicodeError: a host name that is none
        raise unreachable(name, error) from error
    check(name, answer, query)
    return convert(name, answer.content, query, form)


def unreachable(endpoint: str, error: Exception) -> EndpointError:
    """What is told when no answer came."""
    return EndpointError(f"{endpoint}: {error or type(error).__name__}")


def select(endpoint: str, query: str, client: httpx.Client | None = None, name: str = "") -> list[Solution]:
    """The solutions of a SELECT query. Raises as :func:`ask` does, and EndpointError if what comes is no result."""
    result = parse_query_results(ask(endpoint, query, JSON, client=client, name=name), format=QueryResultsFormat.JSON)
    if not isinstance(result, QuerySolutions):
        raise UsageError("the query is no SELECT")
    return solutions(result)


async def read(
    client: httpx.AsyncClient,
    endpoint: str,
    fields: Mapping[str, str | Sequence[str]],
    form: Format,
    most: int,
    name: str = "the result",
) -> httpx.Response:
    """What an endpoint answers to a form, its body whole and decoded, whatever it is; redirects are not followed.

    Raises EvaluationError if the body has more than so many bytes, and what httpx raises.
    """
    content = bytearray()
    headers = {"Accept": ", ".join(form.media_types)}
    async with client.stream("POST", endpoint, data=fields, headers=headers) as answer:
        async for chunk in answer.aiter_bytes():
            content += chunk
            if len(content) > most:
                raise too_large(name, most)
    kept = {field: answer.headers[field] for field in TELLING if field in answer.headers}
    return httpx.Response(answer.status_code, headers=kept, content=bytes(content))


def too_large(name: str, most: int) -> EvaluationError:
    """What is told of a result that has more bytes than it may."""
    return EvaluationError(f"{name} is larger than {most} bytes; ask for less with LIMIT")


def judge(endpoint: str, answer: httpx.Response, query: str) -> None:
    """Raise what an answer tells that is no result, to a client of ours, who sees no more of it than a first line."""
    if answer.status_code in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE):
        pause = answer.headers.get("retry-after", "")
        raise BusyError(told(endpoint, answer), int(pause) if pause.isdecimal() else 2)
    try:
        check(endpoint, answer, query)
    except (QuerySyntaxError, DeadlineError, EndpointError):
        raise
    except UsageError as error:  # it wants another address or credentials, which is no mistake of the client's
        raise EndpointError(str(error)) from None


def refuse_escapes(query: str) -> None:
    """Raise UsageError over a query that engines would read in different ways."""
    if ESCAPED.search(query):
        raise UsageError("write letters of ASCII as they are, not as \\u and their numbers")


def check(endpoint: str, answer: httpx.Response, query: str) -> None:
    """Raise what an answer's status and headers tell, whose body has been read; nothing if it is a whole result."""
    media_type, media_types = _media_type(answer), asked(query).media_types
    if VIRTUOSO_CUT in answer.headers:
        rows = answer.headers[VIRTUOSO_CUT]
        raise EndpointError(f"{endpoint} cuts results after {rows} rows; ask for fewer with LIMIT")
    if answer.is_success and media_type in media_types:
        return
    if answer.is_success:
        raise EndpointError(f"{endpoint} answers {media_type or 'without a content type'}, not {media_types[0]}")
    raise _refusal(answer, told(endpoint, answer), query)


def told(endpoint: str, answer: httpx.Response) -> str:
    """What an answer that is no success says."""
    detail = _detail(answer)
    return f"{endpoint} answers {answer.status_code} {answer.reason_phrase}" + (f": {detail}" if detail else "")


def _refusal(answer: httpx.Response, message: str, query: str) -> HfmError:
    if answer.status_code == httpx.codes.BAD_REQUEST:
        return QuerySyntaxError(message, query)
    if answer.status_code == httpx.codes.GATEWAY_TIMEOUT:
        return DeadlineError(message)
    return UsageError(message) if answer.is_client_error else EndpointError(message)


def convert(endpoint: str, content: bytes, query: str, form: Format) -> bytes:
    """A result as it came, in the wanted format. Raises EndpointError if it does not parse."""
    try:
        if is_graph_query(query):
            assert isinstance(form.engine, RdfFormat)
            quads = parse(_with_booleans(content), format=RdfFormat.N_TRIPLES)
            return serialize(quads, format=form.engine, prefixes=dict(PREFIXES)) or b""
        return sparql.write(parsed(content), form)
    except (SyntaxError, ValueError) as error:
        raise EndpointError(f"{endpoint} answers what is no {asked(query).media_types[0]}: {error}") from None


def parsed(content: bytes) -> QuerySolutions | QueryBoolean:
    """The result in SPARQL JSON as it came, read while it is gone through. Raises SyntaxError, then too."""
    return parse_query_results(VIRTUOSO_BLANK.sub(rb"\1", _with_booleans(content)), format=QueryResultsFormat.JSON)


def _with_booleans(content: bytes) -> bytes:
    for pattern in VIRTUOSO_BOOLEAN:
        content = pattern.sub(lambda match: match[1] + (b'"true"' if match[2] == b"1" else b'"false"'), content)
    return content


def _media_type(answer: httpx.Response) -> str:
    content_type: str = answer.headers.get("content-type", "")
    return content_type.partition(";")[0].strip().lower()


def asked(query: str) -> Format:
    """The format that an endpoint is asked for."""
    return NTRIPLES if is_graph_query(query) else JSON


def _detail(answer: httpx.Response) -> str:
    """What an error's body says: the detail of problem details (RFC 9457), else its first line."""
    media_type = _media_type(answer)
    if media_type == "application/problem+json":
        try:
            return str(answer.json()["detail"])
        except (ValueError, KeyError, TypeError):
            pass
    return answer.text.strip().partition("\n")[0].strip()[:LONGEST_MESSAGE]


def named_format(query: str, name: str) -> Format:
    """The format of that short name, for the kind of query that this is. Raises UsageError."""
    offered = GRAPH_FORMATS if is_graph_query(query) else SOLUTION_FORMATS
    for form in offered:
        if form.name == name:
            return form
    raise UsageError(f"{name!r} does not fit this query; take one of {', '.join(form.name for form in offered)}")


def with_prefixes(query: str) -> str:
    """The query as any engine understands it: with the base and the prefixes of ours that it uses undeclared.

    >>> with_prefixes("ASK { <model/UNI> hfm:task 'skos:note' }")
    "BASE <https://w3id.org/hfm/> PREFIX hfm: <https://w3id.org/hfm/> ASK { <model/UNI> hfm:task 'skos:note' }"
    """
    declared: set[str] = set()
    used: set[str] = set()
    is_relative, before = False, ""
    for match in TOKEN.finditer(query):
        if match.lastgroup == "prefixed":
            (declared if before == "PREFIX" else used).add(match[0].partition(":")[0])
        elif match.lastgroup == "iri":
            is_relative = is_relative or re.match(r"<[A-Za-z][\w+.-]*:", match[0]) is None
        if match.lastgroup != "blank":
            before = match[0].upper()
    base = f"BASE <{BASE_IRI}> " if is_relative else ""
    missing = {name: iri for name, iri in PREFIXES.items() if name in used - declared}
    return base + "".join(f"PREFIX {name}: <{iri}> " for name, iri in missing.items()) + query

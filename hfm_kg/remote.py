"""Queries that another SPARQL endpoint answers: SPARQL 1.1 Protocol, section 2.1.3 (POST directly)."""

from __future__ import annotations

import re

import httpx
from pyoxigraph import QueryResultsFormat, QuerySolutions, parse_query_results

from hfm_kg.errors import LONGEST_MESSAGE, DeadlineError, EndpointError, QuerySyntaxError, UsageError
from hfm_kg.sparql import (
    BASE_IRI,
    GRAPH_FORMATS,
    PREFIXES,
    SOLUTION_FORMATS,
    Format,
    Solution,
    is_graph_query,
    names,
    solutions,
)

TIMEOUT = httpx.Timeout(10, read=300)
"""Seconds: an endpoint should be reachable at once, but may think for long."""


SCHEME = re.compile(r"<[A-Za-z][A-Za-z0-9+.-]*:")
"""How an IRI begins that is not relative."""


def ask(endpoint: str, query: str, form: Format, timeout: float | None = None) -> bytes:
    """Send a query and return the body, which has the wanted format.

    ``timeout`` is how many seconds the endpoint may be silent. Raises UsageError if the endpoint refuses the query,
    DeadlineError if it thinks for too long, EndpointError if it cannot be reached or fails.
    """
    headers = {"Content-Type": "application/sparql-query; charset=utf-8", "Accept": ", ".join(form.media_types)}
    try:
        answer = httpx.post(
            endpoint,
            content=with_prefixes(query).encode(),
            headers=headers,
            timeout=httpx.Timeout(10, read=timeout) if timeout else TIMEOUT,
            follow_redirects=True,
        )
    except httpx.ReadTimeout as error:
        raise DeadlineError(f"{endpoint} has not answered within {timeout or TIMEOUT.read:g} seconds") from error
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # UnicodeError: a host name that is none
        raise EndpointError(f"{endpoint}: {error or type(error).__name__}") from error
    media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.is_success and media_type in form.media_types:
        return answer.content
    if answer.is_success:
        raise EndpointError(f"{endpoint} answers {media_type or 'without a content type'}, not {form.media_types[0]}")
    detail = _detail(answer, media_type)
    message = f"{endpoint} answers {answer.status_code} {answer.reason_phrase}" + (f": {detail}" if detail else "")
    if answer.status_code == httpx.codes.BAD_REQUEST:
        raise QuerySyntaxError(message, query)
    if answer.status_code == httpx.codes.GATEWAY_TIMEOUT:
        raise DeadlineError(message)
    raise UsageError(message) if answer.is_client_error else EndpointError(message)


def select(endpoint: str, query: str) -> list[Solution]:
    """The solutions of a SELECT query. Raises as :func:`ask` does, and EndpointError if what comes is no result."""
    body = ask(endpoint, query, SOLUTION_FORMATS[0])
    try:
        result = parse_query_results(body, format=QueryResultsFormat.JSON)
        if not isinstance(result, QuerySolutions):
            raise UsageError("the query is no SELECT")
        return solutions(result)
    except (SyntaxError, ValueError) as error:
        raise EndpointError(f"{endpoint} answers what is no SPARQL result: {error}") from error


def _detail(answer: httpx.Response, media_type: str) -> str:
    """What an error's body says: the detail of problem details (RFC 9457), else its first line."""
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
    """The query with those of our prefixes declared that it uses and does not declare, and our base if it needs one."""
    missing = {
        name: base
        for name, base in PREFIXES.items()
        if f"{name}:" in query and f"prefix {name}:" not in " ".join(query.lower().split())
    }
    relative = any(token.startswith("<") and not SCHEME.match(token) for token in names(query))
    base = f"BASE <{BASE_IRI}> " if relative else ""
    return base + "".join(f"PREFIX {name}: <{base}> " for name, base in missing.items()) + query

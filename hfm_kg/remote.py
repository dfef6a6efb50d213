"""Queries that another SPARQL endpoint answers: SPARQL 1.1 Protocol, section 2.1.3 (POST directly)."""

from __future__ import annotations

import httpx

from hfm_kg.errors import LONGEST_MESSAGE, EndpointError, QuerySyntaxError, UsageError
from hfm_kg.sparql import GRAPH_FORMATS, PREFIXES, SOLUTION_FORMATS, Format, is_graph_query

TIMEOUT = httpx.Timeout(10, read=300)
"""Seconds: an endpoint should be reachable at once, but may think for long."""


def ask(endpoint: str, query: str, form: Format) -> bytes:
    """Send a query and return the body, which has the wanted format.

    Raises UsageError if the endpoint refuses the query, EndpointError if it cannot be reached or fails.
    """
    headers = {"Content-Type": "application/sparql-query; charset=utf-8", "Accept": ", ".join(form.media_types)}
    try:
        answer = httpx.post(
            endpoint, content=with_prefixes(query).encode(), headers=headers, timeout=TIMEOUT, follow_redirects=True
        )
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
    raise UsageError(message) if answer.is_client_error else EndpointError(message)


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
    """The query with those of our prefixes declared that it uses and does not declare."""
    missing = {
        name: base
        for name, base in PREFIXES.items()
        if f"{name}:" in query and f"prefix {name}:" not in " ".join(query.lower().split())
    }
    return "".join(f"PREFIX {name}: <{base}> " for name, base in missing.items()) + query

"""One shape for every error body: problem details, RFC 9457."""

from __future__ import annotations

import http
import logging
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from hfm_kg.errors import (
    BusyError,
    DeadlineError,
    EvaluationError,
    HfmError,
    QueryLimitError,
    QuerySyntaxError,
)
from hfm_kg.server.records import current, note

MEDIA_TYPE = "application/problem+json"

HEADERS = {"Access-Control-Allow-Origin": "*", "Vary": "Accept"}
"""Sent with results and problems alike: pages of other origins may read them, caches must tell formats apart."""

TITLES = {413: "Content Too Large", 414: "URI Too Long"}
"""Names of RFC 9110 (section 15) that Python knows from 3.13 on."""

LONGEST_DETAIL = 1_000
"""Characters of a problem's detail, which may repeat what the client sent."""

OUTCOMES = {DeadlineError: "deadline", EvaluationError: "killed", BusyError: "busy"}
"""What becomes of a query, in a word of the record's, by the error that it ends with; of others the status tells."""

logger = logging.getLogger("hfm_kg.server")


def problem(
    status: int,
    title: str,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    members: Mapping[str, int | str] | None = None,
) -> JSONResponse:
    """A problem details response; ``members`` are extension members (section 3.2)."""
    shown = detail if len(detail) <= LONGEST_DETAIL else detail[:LONGEST_DETAIL] + "…"
    body = {"type": "about:blank", "title": title, "status": status, "detail": shown, **(members or {})}
    if (record := current()) is not None:
        body["request_id"] = record.request_id
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE, headers={**HEADERS, **(headers or {})})


def stopping() -> JSONResponse:
    """The answer to what still runs when the server's grace is over, which uvicorn cancels then."""
    note(outcome="stopping")
    return problem(503, "Service Unavailable", "the server stops")


def from_error(request: Request, error: Exception) -> JSONResponse:
    """One of our errors; a syntax error tells line and column."""
    assert isinstance(error, HfmError)
    note(outcome=next((outcome for kind, outcome in OUTCOMES.items() if isinstance(error, kind)), None))
    members: dict[str, int | str] = {}
    headers = {}
    if isinstance(error, QuerySyntaxError) and error.line:
        members = {"line": error.line, "column": error.column}
    elif isinstance(error, QueryLimitError):
        members = {"limit": error.limit, "found": error.found, "allowed": error.allowed}
    elif isinstance(error, BusyError):
        headers = {"Retry-After": str(error.retry_after)}
    return problem(error.status, error.title, str(error), headers=headers, members=members)


def from_http(request: Request, error: Exception) -> JSONResponse:
    """An error of the HTTP layer: no such page, method not allowed."""
    assert isinstance(error, HTTPException)
    title = TITLES.get(error.status_code) or http.HTTPStatus(error.status_code).phrase
    detail = error.detail if error.detail != title else f"{request.method} {request.url.path}: {title}"
    return problem(error.status_code, title, detail, headers=dict(error.headers or {}))


def from_bug(request: Request, error: Exception) -> JSONResponse:
    """Anything else is our mistake; the client learns no more than that."""
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(500, "Internal error", "the server failed; its log says more")

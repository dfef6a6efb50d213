"""The addresses of the service: ``/reconcile`` for 0.1 and 0.2, ``/reconcile/1.0-draft`` for the draft.

All work is done beside the event loop. Every answer may be read by pages of other origins; where 0.1 demands it, a
GET request may ask for JSONP.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from hfm_kg.errors import UsageError
from hfm_kg.server.answers import options
from hfm_kg.server.endpoint import FORM, MAX_FIELDS, read_body
from hfm_kg.server.problems import HEADERS
from hfm_kg.server.reconcile import protocol
from hfm_kg.server.reconcile.manifest import DRAFT, ROOT, manifest, manifest_of_draft
from hfm_kg.server.reconcile.protocol import CANDIDATES, MOST_CANDIDATES
from hfm_kg.server.reconcile.service import Json, Service, written
from hfm_kg.server.reconcile.vocabulary import Term
from hfm_kg.server.records import GONE
from hfm_kg.server.site import layout

if TYPE_CHECKING:
    from hfm_kg.server.site import Site

CALLBACK: Final = re.compile(r"[A-Za-z_$][\w$.]{0,99}", re.ASCII)
"""A function that JSONP may call."""
DEFAULTS: Final = ("FoundationModel", "Dataset", "Task", "Modality", "Technique", "Publication")
"""The types that clients offer first."""
FARTHEST: Final = 10_000
"""Suggestions that may be skipped."""

Make = Callable[[QueryParams], Any]


class Reconciliation:
    """The routes over a site."""

    def __init__(self, site: Site, patience: float) -> None:
        self.service, self.patience = Service(site), patience

    @cached_property
    def defaults(self) -> list[Term]:
        """The types of DEFAULTS."""
        return [self.service.vocabulary.type(name) for name in DEFAULTS]

    def routes(self) -> list[Route]:
        """All addresses."""
        found = [
            self._route(ROOT, self.root, "POST"),
            self._route(f"{ROOT}/view", self.view),
            self._route(DRAFT, self.root_of_draft),
            self._route(f"{DRAFT}/match", self._posted(self.match_of_draft), "POST", get=False),
            self._route(f"{DRAFT}/extend", self._posted(self.extend_of_draft), "POST", get=False),
        ]
        for base in (ROOT, DRAFT):
            found.append(self._route(f"{base}/preview", self.preview))
            found.append(self._route(f"{base}/extend/propose", self._got(self.propose)))
            for what in ("entity", "property", "type"):
                found.append(self._route(f"{base}/suggest/{what}", self._got(self._suggest(what))))
        found += [
            self._route(f"{ROOT}/flyout/{what}", self._got(self.flyout)) for what in ("entity", "property", "type")
        ]
        return found

    def _route(self, path: str, respond: Callable[[Request], Any], *more: str, get: bool = True) -> Route:
        methods = [*(("GET", "HEAD") if get else ()), *more, "OPTIONS"]

        async def answer(request: Request) -> Response:
            if request.method == "OPTIONS":
                return options(", ".join(methods))
            try:
                response: Response = await respond(request)
            except ClientDisconnect:
                response = Response(status_code=GONE)
            return response

        return Route(path, answer, methods=methods)

    def _got(self, make: Make) -> Callable[[Request], Any]:
        """Answers GET with what is made of its parameters."""

        async def respond(request: Request) -> Response:
            return told(request.query_params, await run_in_threadpool(make, request.query_params))

        return respond

    def _posted(self, make: Callable[[Any], Any]) -> Callable[[Request], Any]:
        """Answers POST with what is made of its JSON."""

        async def respond(request: Request) -> Response:
            await self._require(request, "application/json")
            body = await read_body(request, self.patience)
            return JSONResponse(
                await run_in_threadpool(lambda: make(protocol.parsed(body, "the body"))), headers=HEADERS
            )

        return respond

    async def _require(self, request: Request, media_type: str) -> None:
        given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if given != media_type:
            raise HTTPException(415, f"send {media_type}, not {given or 'nothing'}")

    # --- 0.1 and 0.2 ----------------------------------------------------------------------------------------------

    async def root(self, request: Request) -> Response:
        """The manifest, or the answers to ``queries``, ``query`` or ``extend``."""
        parameters = request.query_params
        if request.method == "POST":
            await self._require(request, FORM)
            text = await read_body(request, self.patience)
            if text.count("&") >= MAX_FIELDS:
                raise UsageError(f"the form has more than {MAX_FIELDS} fields")
            parameters = QueryParams([*parameters.multi_items(), *QueryParams(text).multi_items()])
        address = str(request.base_url).removesuffix("/")
        return told(parameters, await run_in_threadpool(self._asked, parameters, address))

    def _asked(self, parameters: QueryParams, address: str) -> Any:
        if "queries" in parameters:
            batch = protocol.batch(protocol.parsed(parameters["queries"], "queries"))
            return {key: {"result": self.service.candidates(query, named=False)} for key, query in batch.items()}
        if "query" in parameters:
            return {"result": self.service.candidates(protocol.single(parameters["query"]), named=False)}
        if "extend" in parameters:
            asked = protocol.extension(protocol.parsed(parameters["extend"], "extend"))
            terms, rows = self.service.extension(asked)
            told_rows = {
                entity: {
                    name: [written(value) for value in values]
                    for name, values in zip(asked.properties, row, strict=True)
                }
                for entity, row in zip(asked.entities, rows, strict=True)
            }
            return {"meta": _meta(asked, terms), "rows": told_rows}
        return manifest(address, self.defaults)

    async def view(self, request: Request) -> Response:
        """Sends a browser to the page of an entity."""
        thing = await run_in_threadpool(self.service.thing, _one(request.query_params, "id"))
        return RedirectResponse(layout.href(thing.node.value), 303, headers=HEADERS)

    async def preview(self, request: Request) -> Response:
        """An entity as a small page, which pages of other origins may frame: it has no script."""
        html = await run_in_threadpool(self.service.preview, _one(request.query_params, "id"))
        policy = layout.policy()
        policy["Content-Security-Policy"] = policy["Content-Security-Policy"].replace(
            "frame-ancestors 'none'", "frame-ancestors *"
        )
        return HTMLResponse(html, headers={**HEADERS, **policy})

    def flyout(self, parameters: QueryParams) -> Json:
        """A flyout of 0.2, section 6.6."""
        name = _one(parameters, "id")
        return {"id": name, "html": self.service.about(name)}

    def propose(self, parameters: QueryParams) -> Json:
        """A data extension property proposal."""
        name = parameters.get("type", "")
        terms = self.service.vocabulary.proposals(name)
        answer: Json = {"type": name}
        if "limit" in parameters:
            answer["limit"] = _number(parameters, "limit", 0, 1)
            terms = terms[: answer["limit"]]
        return {**answer, "properties": [term.as_json for term in terms]}

    def _suggest(self, what: str) -> Make:
        def suggest(parameters: QueryParams) -> Json:
            prefix = parameters.get("prefix", "")
            limit = min(_number(parameters, "limit", CANDIDATES if prefix else MOST_CANDIDATES, 1), MOST_CANDIDATES)
            start = _number(parameters, "cursor" if "cursor" in parameters else "offset", 0, 0)
            if what == "entity":
                return {"result": self.service.entities(prefix, start, limit)}
            vocabulary = self.service.vocabulary
            known = vocabulary.types if what == "type" else vocabulary.properties
            return {"result": self.service.terms(known, prefix, start, limit)}

        return suggest

    # --- 1.0-draft ------------------------------------------------------------------------------------------------

    async def root_of_draft(self, request: Request) -> Response:
        """The manifest."""
        address = str(request.base_url).removesuffix("/")
        return JSONResponse(await run_in_threadpool(lambda: manifest_of_draft(address, self.defaults)), headers=HEADERS)

    def match_of_draft(self, document: Any) -> Json:
        """A reconciliation result batch, section 4.2."""
        queries = protocol.batch_of_draft(document)
        return {"results": [{"candidates": self.service.candidates(query, named=True)} for query in queries]}

    def extend_of_draft(self, document: Any) -> Json:
        """A data extension response, section 7.4."""
        asked = protocol.extension(document)
        terms, rows = self.service.extension(asked)
        told_rows = [
            {
                "id": entity,
                "properties": [
                    {"id": name, "values": [written(value) for value in values]}
                    for name, values in zip(asked.properties, row, strict=True)
                ],
            }
            for entity, row in zip(asked.entities, rows, strict=True)
        ]
        return {"meta": _meta(asked, terms), "rows": told_rows}


def told(parameters: QueryParams, content: Any) -> Response:
    """JSON, or a call of the function that ``callback`` names (0.1, section 3.3)."""
    if "callback" not in parameters:
        return JSONResponse(content, headers=HEADERS)
    callback = parameters["callback"]
    if not CALLBACK.fullmatch(callback):
        raise UsageError("callback is the name of a JavaScript function")
    # the comment keeps the answer from being taken for another kind of file that begins with the name
    script = f"/**/{callback}({json.dumps(content)});"
    return Response(script, media_type="text/javascript", headers={**HEADERS, "X-Content-Type-Options": "nosniff"})


def _meta(asked: protocol.Extension, terms: list[Term]) -> list[Json]:
    """The properties of a data extension response, by the identifiers with which they were asked for."""
    return [{"id": name, "name": term.label} for name, term in zip(asked.properties, terms, strict=True)]


def _one(parameters: QueryParams, name: str) -> str:
    if name not in parameters:
        raise UsageError(f"the parameter {name!r} is missing")
    return parameters[name]


def _number(parameters: QueryParams, name: str, default: int, least: int) -> int:
    text = parameters.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or len(text) > len(str(FARTHEST)) or not least <= int(text) <= FARTHEST:
        raise UsageError(f"{name} is a number from {least} to {FARTHEST}, not {text[:20]!r}")
    return int(text)

"""An answer as HTTP sends it: compressed as the client wishes, tagged, or not at all if the client has it already."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers

from hfm_kg.server.cache import Cached
from hfm_kg.server.coding import coding_for
from hfm_kg.server.problems import HEADERS

SMALL: Final = 1000
"""Bytes of a body that is not worth compressing."""
LARGE: Final = 64 * 1024
"""Bytes of a body that takes longer to compress than others should wait."""

LINES: Final = {200: b"HTTP/1.1 200 OK\r\n", 304: b"HTTP/1.1 304 Not Modified\r\n"}
"""Status lines (RFC 9112, section 4)."""


def _fields(more: Mapping[str, str]) -> bytes:
    """Header fields of a kept answer: what it may be kept for, what it varies with, and more."""
    vary = ", ".join(filter(None, (more.get("Vary"), "Accept-Encoding")))
    named = {"Cache-Control": "public, no-cache", **more, "Vary": vary}
    return b"".join(b"%b: %b\r\n" % (name.lower().encode(), value.encode()) for name, value in named.items())


FIELDS: Final = _fields(HEADERS)
"""Header fields of every answer to a query."""


@dataclass(frozen=True)
class Wish:
    """What a client accepts, and what it has: the header fields of its request."""

    accept: str | None
    accept_encoding: str
    if_none_match: str

    @classmethod
    def of(cls, headers: Headers) -> Wish:
        """The wish that a request's header tells; several fields of a name count as one (RFC 9110, section 5.3)."""
        accept, encoding, known = (
            ", ".join(headers.getlist(name)) for name in ("accept", "accept-encoding", "if-none-match")
        )
        return cls(accept or None, encoding, known)


@dataclass(frozen=True)
class Representation:
    """A status and header fields, as they are written; ``coding`` is the content coding, "" for none."""

    status: int
    fields: bytes
    coding: str = ""

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """The fields as ASGI has them."""
        pairs = (field.split(b": ", 1) for field in self.fields.split(b"\r\n"))
        return [(name, value) for name, value in pairs]

    def body(self, answer: Cached) -> bytes:
        """The body of the answer that is represented."""
        return b"" if self.status == 304 else answer.encoded(self.coding)


async def represent(answer: Cached, wish: Wish) -> Representation:
    """An answer as a client wants it, compressed in a thread if that takes long."""
    coding = _coding(answer, wish)
    if coding and len(answer.body) > LARGE and coding not in answer.coded:
        await asyncio.to_thread(answer.encoded, coding)
    return represent_at_once(answer, wish)


def represent_at_once(
    answer: Cached, wish: Wish, more: Mapping[str, str] = HEADERS, status: int = 200
) -> Representation:
    """The same without a pause, whatever time it takes; ``more`` are header fields."""
    coding = _coding(answer, wish)
    fields = FIELDS if more is HEADERS else _fields(more)
    etag = f'{answer.etag[:-1]}-{coding}"' if coding else answer.etag
    if status == 200 and wish.if_none_match and matches(wish.if_none_match, etag):
        return Representation(304, b"%betag: %b" % (fields, etag.encode()))
    size, coded = len(answer.encoded(coding)), f"\r\ncontent-encoding: {coding}" if coding else ""
    told = f"etag: {etag}{coded}\r\ncontent-length: {size}\r\ncontent-type: {answer.content_type}"
    return Representation(status, fields + told.encode(), coding)


def _coding(answer: Cached, wish: Wish) -> str:
    return coding_for(wish.accept_encoding) if wish.accept_encoding and len(answer.body) > SMALL else ""


def matches(header: str, etag: str) -> bool:
    """Whether an If-None-Match header names an entity tag: RFC 9110, section 13.1.2."""
    given = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return "*" in given or etag in given

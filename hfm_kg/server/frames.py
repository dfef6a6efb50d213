"""What the front process and an evaluator say to each other over a socket: frames of a kind, a length and a payload."""

from __future__ import annotations

import enum
import json
import marshal
import struct
from typing import Final, NamedTuple

from hfm_kg import errors
from hfm_kg.errors import HfmError, QuerySyntaxError

HEADER: Final = struct.Struct(">BI")

READY: Final = b"ready"
"""What the parent of the evaluators says once it has read the snapshot."""
FORK: Final = b"fork"
"""What it is told to do: make another evaluator."""


class Kind(enum.IntEnum):
    """What a frame is."""

    JOB = 1
    """To an evaluator: a query to evaluate."""
    FORM = 2
    """From an evaluator: the media type of the result, before its first byte."""
    BODY = 3
    """A part of the written result."""
    END = 4
    """The result is complete."""
    ERROR = 5
    """The query failed; nothing follows."""
    WHOLE = 6
    """From an evaluator: the media type, a zero byte, and the whole of a small result; nothing follows."""


class Job(NamedTuple):
    """A query, its dataset, and the format in which the client wants its result.

    A tuple, since jobs are looked up by at every turn, and tuples are hashed and compared by the interpreter itself.
    """

    query: str
    default_graph: tuple[str, ...] = ()
    named_graphs: tuple[str, ...] = ()
    accept: str | None = None
    format_name: str | None = None

    def frame(self) -> bytes:
        """The job as a frame."""
        return pack(Kind.JOB, marshal.dumps(tuple(self)))

    @classmethod
    def from_payload(cls, payload: bytes) -> Job:
        """The job of a frame's payload, which comes from a process that runs the same interpreter, and is trusted."""
        return cls(*marshal.loads(payload))


def pack(kind: Kind, payload: bytes | bytearray = b"") -> bytes:
    """A frame."""
    return HEADER.pack(kind, len(payload)) + payload


def error_frame(error: HfmError) -> bytes:
    """One of our errors as a frame."""
    told: dict[str, object] = {"class": type(error).__name__, "message": str(error)}
    if isinstance(error, QuerySyntaxError):
        told |= {"message": error.message, "line": error.line, "column": error.column}
    return pack(Kind.ERROR, json.dumps(told).encode())


def error_of(payload: bytes, query: str) -> HfmError:
    """The error of a frame's payload, as it was raised."""
    told = json.loads(payload)
    if told["class"] == QuerySyntaxError.__name__:
        return QuerySyntaxError(told["message"], query, told["line"], told["column"])
    kind: type[HfmError] = getattr(errors, told["class"])
    return kind(told["message"])

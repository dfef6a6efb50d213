"""What agents are told when a call fails: what is wrong, what is called nearly so, and what to do about it."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, Final, TypeVar

from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError

from hfm_kg.agents.answers import Link, plain
from hfm_kg.errors import (
    LONGEST_MESSAGE,
    BusyError,
    DeadlineError,
    EndpointError,
    EvaluationError,
    ForbiddenError,
    HfmError,
    QueryLimitError,
    QuerySyntaxError,
    UnknownNameError,
    UnknownQueryError,
    UsageError,
)

CURES: Final[dict[type[HfmError], str]] = {
    UnknownNameError: "take the IRI of one of the things in 'near', or look for another name with the tool search",
    UnknownQueryError: "the tool examples lists the names",
    QuerySyntaxError: "mend the query at the place told; the tool schema lists classes and properties, the tool "
    "examples gives whole queries to start from",
    QueryLimitError: "ask for less at once, in several queries",
    ForbiddenError: "ask with SELECT, ASK, CONSTRUCT or DESCRIBE, without SERVICE: the graph is read-only, and asks no "
    "other machine",
    DeadlineError: "narrow the query: more constants in its patterns, no pattern that shares no variable with others",
    EvaluationError: "ask for less: fewer variables, LIMIT, COUNT instead of rows",
    BusyError: "try again in a few seconds",
    EndpointError: "the endpoint behind this server fails; tell the user",
    UsageError: "change the arguments as told",
    HfmError: "tell the user",
}
"""What to do, by the class of the error or the nearest of its bases."""

R = TypeVar("R")


def explain(error: HfmError, near: list[Link]) -> str:
    """An error as JSON, so that what it quotes of the graph or of the call is told from what we say."""
    cure = next(CURES[kind] for kind in type(error).__mro__ if kind in CURES)
    told: dict[str, object] = {"problem": error.title, "detail": plain(str(error)), "cure": cure}
    if near:
        told |= {"near": [one.model_dump() for one in near]}
    return json.dumps(told, ensure_ascii=False)


class Explained:
    """Turns our errors into those that the protocol knows. ``near`` gives what is called nearly as an error tells."""

    def __init__(self, near: Callable[[str], list[Link]]) -> None:
        self.near = near

    def tool(self, function: Callable[..., R]) -> Callable[..., R]:
        """A tool whose errors are results that its caller can mend."""
        return self._wrapped(function, ToolError)

    def resource(self, function: Callable[..., R]) -> Callable[..., R]:
        """A resource whose errors say that it is not there."""
        return self._wrapped(function, ResourceNotFoundError)

    def _wrapped(self, function: Callable[..., R], kind: type[Exception]) -> Callable[..., R]:
        @functools.wraps(function)
        def run(*arguments: Any, **named: Any) -> R:
            try:
                return function(*arguments, **named)
            except HfmError as error:
                raise kind(explain(error, self.near(_missed(error, named.values())))) from None

        return run


def _missed(error: HfmError, given: Iterable[object]) -> str:
    """The name, of those that were given, that nothing has; empty if the error is another."""
    if not isinstance(error, UnknownNameError):
        return ""
    texts = [text for value in given for text in _texts(value) if text]
    return next((text for text in texts if text[:LONGEST_MESSAGE] in str(error)), "")


def _texts(value: object) -> Iterable[str]:
    """The texts of an argument."""
    match value:
        case str():
            yield value
        case list():
            yield from chain.from_iterable(map(_texts, value))
        case dict():
            yield from _texts(list(value.values()))

"""The server's log: a line an event on standard error, for people or for programs."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Mapping
from typing import Any, Final

from hfm_kg.server import records

requests: Final = logging.getLogger("hfm_kg.server.requests")

LONGEST_PATH: Final = 300
"""Characters of a path that are logged."""


class Lines(logging.Formatter):
    """Time in UTC, level, message, and the event's fields as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        """An event as a line, and its traceback if it has one below."""
        told = " ".join(f"{name}={_plain(value)}" for name, value in fields(record).items())
        line = f"{moment(record)} {record.levelname} {_one_line(record.getMessage())} {told}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class Json(logging.Formatter):
    """The same as a JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """An event as a line."""
        told: dict[str, Any] = {
            "time": moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **fields(record),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False)


def moment(record: logging.LogRecord) -> str:
    """When an event was, by ISO 8601 in UTC, to the millisecond."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03}Z"


def fields(record: logging.LogRecord) -> Mapping[str, Any]:
    """What is known of an event beside its message."""
    given: Mapping[str, Any] = getattr(record, "fields", {})
    request = records.current()
    return given if request is None or "request_id" in given else {**given, "request_id": request.request_id}


def _one_line(text: str) -> str:
    """A text without control characters, which a client could have smuggled in."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda match: match[0].encode("unicode_escape").decode(), text)


def _plain(value: object) -> str:
    """A value, in quotes if it would not be one word otherwise."""
    text = str(value)
    return text if re.fullmatch(r"[!-~]+", text) and '"' not in text else json.dumps(text, ensure_ascii=True)


def tell(record: records.Record) -> None:
    """Log a request that has been answered; one that a monitor makes, at level debug. The query only there, too."""
    is_probe = record.route in ("/livez", "/readyz", "/metrics")
    level = logging.DEBUG if is_probe else logging.INFO
    if not requests.isEnabledFor(level):
        return
    told: dict[str, Any] = {
        "request_id": record.request_id,
        "method": record.method,
        "path": record.path[:LONGEST_PATH],
        "status": record.status,
        "outcome": record.outcome,
        "cached": record.outcome == "cached",
        "duration_ms": round(record.seconds * 1000, 3),
        "bytes": record.size,
        "client": record.client,
    }
    if record.query is not None and requests.isEnabledFor(logging.DEBUG):
        told["query"] = record.query
    requests.log(level, "request", extra={"fields": told})


def config(level: str, form: str) -> dict[str, Any]:
    """What logging.config.dictConfig wants to hear, for everything that logs in this process."""
    formatter = Json if form == "json" else Lines
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": f"{formatter.__module__}.{formatter.__qualname__}"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {name: {"level": level.upper()} for name in ("hfm_kg", "uvicorn")},
    }

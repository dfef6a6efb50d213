"""What can go wrong, and what a check reports.

::

    HfmError                    exit 1, HTTP 500
    ├── FindingsError           exit 1, HTTP 500    input that the checks refuse
    ├── InconsistentError       exit 1, HTTP 500    the reasoner refutes the graph
    ├── SnapshotError           exit 1, HTTP 503    a snapshot that cannot be read or written
    │   └── NoSnapshotError     exit 1, HTTP 503    none was built yet
    ├── NotInstalledError       exit 1, HTTP 501    a package that only some commands need
    ├── EndpointError           exit 1, HTTP 502    a remote endpoint that does not answer as it should
    ├── PublicationError        exit 1, HTTP 502    a store that does not hold what it was sent
    ├── LargeGraphError         exit 1, HTTP 501    a graph that is too large for what is made of all of it
    ├── DeadlineError           exit 1, HTTP 504    a query that takes longer than it may
    ├── EvaluationError         exit 1, HTTP 503    a query that broke its evaluator: memory, stack
    ├── BusyError               exit 1, HTTP 503    more queries than the server can take
    │   └── ClientBusyError     exit 1, HTTP 429    more queries of one client than it may have
    └── UsageError              exit 2, HTTP 400    a request that makes no sense
        ├── QuerySyntaxError    exit 2, HTTP 400    SPARQL that does not parse
        ├── UnknownQueryError   exit 2, HTTP 404    no catalogue query of that name
        ├── UnknownNameError    exit 2, HTTP 400    nothing of the graph is called that, or more than one thing
        ├── ForbiddenError      exit 2, HTTP 403    updates, and requests to other machines
        ├── QueryLimitError     exit 2, HTTP 400    a query that is larger than it may be
        └── NotAcceptableError  exit 2, HTTP 406    a format that the result cannot be written in

The exit code and the HTTP status live on the class; only the command line and the server render them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

LONGEST_MESSAGE = 160
"""Characters of a parser's message that are shown; the engine lists every token that it would have taken. Of a query's
line, or of another text of the client's, no more is shown either."""


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong with the input, and where.

    ``line`` and ``column`` count characters from 1, as editors do; 0 where a file as a whole is meant.
    """

    file: str
    line: int
    column: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.rule}: {self.message}"


class HfmError(Exception):
    """Base of all errors that a user may meet."""

    exit_code = 1
    status = 500
    title = "Internal error"


class FindingsError(HfmError):
    """The input has findings; a graph is not built from it."""

    title = "The input has findings"

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(map(str, self.findings)))


class InconsistentError(HfmError):
    """The reasoner found a contradiction, or a class that nothing can belong to."""

    title = "The ontology is inconsistent"


class SnapshotError(HfmError):
    """A snapshot cannot be read or written."""

    status = 503
    title = "Unusable snapshot"


class NoSnapshotError(SnapshotError):
    """No snapshot was built yet."""

    title = "No snapshot"


class NotInstalledError(HfmError):
    """A package that this command needs, and others do not, is not installed."""

    status = 501
    title = "Not installed"


class EndpointError(HfmError):
    """A remote endpoint did not answer, or not as the SPARQL protocol asks."""

    status = 502
    title = "The endpoint failed"


class PublicationError(HfmError):
    """A store that was written to does not hold the graph, or not the whole of it."""

    status = 502
    title = "The publication failed"


class LargeGraphError(HfmError):
    """A graph is too large for a document that is made of all of it."""

    status = 501
    title = "Not with a graph of this size"


class DeadlineError(HfmError):
    """A query took longer than it may, and was stopped."""

    status = 504
    title = "The query takes too long"


class EvaluationError(HfmError):
    """A query broke the process that evaluated it."""

    status = 503
    title = "The query could not be evaluated"


class BusyError(HfmError):
    """The queue is full; ``retry_after`` says in how many seconds it is worth another try."""

    status = 503
    title = "The server is busy"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ClientBusyError(BusyError):
    """One client has as many queries under way as it may have."""

    status = 429
    title = "Too many queries at once"


class UsageError(HfmError):
    """The request makes no sense as it stands."""

    exit_code = 2
    status = 400
    title = "Bad request"


class QueryLimitError(UsageError):
    """A query holds more of something than it may; ``limit`` is the limit's name."""

    title = "The query is too large"

    def __init__(self, limit: str, counted: str, found: int, allowed: int) -> None:
        super().__init__(f"the query has {found} {counted}; at most {allowed} are evaluated (limit: {limit})")
        self.limit, self.found, self.allowed = limit, found, allowed


class QuerySyntaxError(UsageError):
    """A SPARQL query that does not parse; ``line`` and ``column`` count from 1, 0 if the parser gave no place."""

    title = "The query does not parse"

    def __init__(self, message: str, query: str, line: int = 0, column: int = 0) -> None:
        self.message, self.query, self.line, self.column = message, query, line, column
        super().__init__(self.pointed())

    @classmethod
    def from_engine(cls, error: SyntaxError, query: str) -> QuerySyntaxError:
        """The message of the engine's parser ("error at LINE:COLUMN: …"), taken apart."""
        if not query.strip():
            return cls("the query is empty", query)
        message = " ".join(str(error.msg).split())
        match = re.match(r"error at (\d+):(\d+): (.*)", message)
        if not match:
            return cls(message, query)
        line, column, expected = int(match[1]), int(match[2]), match[3]
        before = "".join(query.split("\n")[line - 1 : line])[: column - 1]
        if "Prefix not found" in expected and (name := re.search(r"([\w.-]*):[\w.%-]*$", before)):
            return cls(f"the prefix {name[1]}: is neither declared nor known", query, line, name.start() + 1)
        text = "".join(query.split("\n")[line - 1 : line])
        column = _word_start(text, column, expected)
        expected = re.sub(r", \[[^]]*\]|\[[^]]*\], ", "", expected)  # classes of letters tell a reader nothing
        if found := re.match(r"\S+", text[column - 1 :]):
            expected = f"near {found[0][:LONGEST_MESSAGE]!r}: {expected}"
        if len(expected) > LONGEST_MESSAGE:
            expected = expected[:LONGEST_MESSAGE].rsplit(", ", 1)[0] + ", …"
        return cls(expected, query, line, column)

    def pointed(self) -> str:
        """The message, and below it the offending line with a caret under the place."""
        if not self.line:
            return self.message
        lines = self.query.split("\n")
        text = lines[self.line - 1].rstrip("\r") if self.line <= len(lines) else ""
        start = max(0, self.column - LONGEST_MESSAGE // 2)
        text, before = text[start : start + LONGEST_MESSAGE], self.column - 1 - start
        caret = "".join("\t" if letter == "\t" else " " for letter in text[:before]).ljust(before) + "^"
        return f"line {self.line}, column {self.column}: {self.message}\n  {text}\n  {caret}"


def _word_start(line: str, column: int, expected: str) -> int:
    """Where the word begins that the engine stumbled over.

    The engine tells the place that a keyword which it tried would have reached, so the word begins as many letters
    before as the shortest of them has.
    """
    tried = min((len(word) for word in re.findall(r"\b[A-Z]{2,}\b", expected)), default=0)
    start = column - 1 - tried
    while 0 <= start < len(line) and line[start].isspace():
        start += 1
    return start + 1 if tried and 0 <= start < len(line) else column


class UnknownQueryError(UsageError):
    """No catalogue query has that name."""

    status = 404
    title = "No such query"


class UnknownNameError(UsageError):
    """Nothing of the graph is called that, or more than one thing is."""

    title = "No such name"


class ForbiddenError(UsageError):
    """The graph is read-only and asks no other machine."""

    status = 403
    title = "Not allowed"


class NotAcceptableError(UsageError):
    """The result cannot be written in a format that the client accepts."""

    status = 406
    title = "No acceptable format"

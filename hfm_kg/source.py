"""What answers queries: a store in this process, or another endpoint; both give the engine's own results."""

from __future__ import annotations

import gzip
import io
import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from pyoxigraph import QueryResultsFormat, RdfFormat, Store, parse, parse_query_results

from hfm_kg import evaluation, sparql, store
from hfm_kg.errors import EndpointError, ForbiddenError, QuerySyntaxError, UsageError

GZIP: Final = b"\x1f\x8b"
"""How a compressed file begins."""


class Source(Protocol):
    """Something that answers SPARQL."""

    @property
    def name(self) -> str:
        """What it is, for people."""

    def ask(self, query: str, timeout: float | None) -> sparql.Result:
        """The engine's result of a query, in so many seconds if any are given.

        Raises what a query's mistakes raise, and DeadlineError.
        """


def check(query: str) -> None:
    """Tell a mistake in a query before anything is asked. Raises ForbiddenError and QuerySyntaxError."""
    try:
        sparql.evaluate(Store(), query)
    except (ForbiddenError, QuerySyntaxError):
        raise
    except UsageError:
        pass  # it calls a function that this engine does not have, and another may have


class Local:
    """A store in this process. A query with a deadline runs in a process of its own, which can be ended."""

    def __init__(self, name: str, opened: Store, folder: Path | None = None) -> None:
        self.name, self.store, self.folder = name, opened, folder

    def ask(self, query: str, timeout: float | None) -> sparql.Result:
        """See :meth:`Source.ask`."""
        if timeout is None:
            return sparql.evaluate(self.store, query)
        check(query)
        graph = sparql.is_graph_query(query)
        form = "ntriples" if graph else "json"
        return read(evaluation.evaluate(self._on_disk(), query, form, timeout), graph)

    def _on_disk(self) -> Path:
        """The folder of the store; one in memory is written to a folder that lasts as long as the source."""
        if self.folder is None:
            self.folder = Path(tempfile.mkdtemp(prefix="hfm-kg-"))
            weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
            written = Store(str(self.folder))
            written.bulk_extend(self.store)
            written.flush()
        return self.folder


class Endpoint:
    """Another SPARQL endpoint."""

    def __init__(self, url: str) -> None:
        self.name = url

    def ask(self, query: str, timeout: float | None) -> sparql.Result:
        """See :meth:`Source.ask`; here a deadline is how long the endpoint may be silent."""
        from hfm_kg import remote  # httpx takes a tenth of a second to import

        check(query)
        graph = sparql.is_graph_query(query)
        form = remote.named_format(query, "ntriples" if graph else "json")
        try:
            return read(remote.ask(self.name, query, form, timeout), graph)
        except SyntaxError as error:
            raise EndpointError(f"{self.name} gives an answer that cannot be read: {error}") from None


def read(content: bytes, graph: bool) -> sparql.Result:
    """A serialised result as the engine's own."""
    if not graph:
        return parse_query_results(content, QueryResultsFormat.JSON)
    triples = Store()
    triples.bulk_load(content, format=RdfFormat.N_TRIPLES)
    return triples.query("CONSTRUCT WHERE { ?s ?p ?o }")


def opened(place: str | Path | None, built: Callable[[], store.Snapshot]) -> Source:
    """The source that a place means; ``built`` gives the snapshot that stands for no place.

    A place is the address of an endpoint, a folder of snapshots, a snapshot, or an RDF file.
    Raises UsageError if there is nothing there, SnapshotError if it cannot be read.
    """
    if place is None:
        return of_snapshot(built())
    if str(place).startswith(("http://", "https://")):
        return Endpoint(str(place))
    path = Path(place).expanduser()
    if path.is_file():
        return Local(str(path), _loaded(path))
    if (path / "current").is_file():
        return of_snapshot(store.current(path))
    if (path / "manifest.json").is_file():
        return of_snapshot(store.at(path))
    if path.is_dir():
        raise UsageError(f"{path} holds no snapshot; make one with: hfm-kg build --output {path}")
    raise UsageError(f"{place} is neither a folder of snapshots, nor an RDF file, nor an address")


def of_snapshot(snapshot: store.Snapshot) -> Local:
    """A snapshot as a source. Raises SnapshotError if it cannot be opened."""
    return Local(str(snapshot.path), snapshot.open(), snapshot.store)


def _loaded(path: Path) -> Store:
    """An RDF file, which may be compressed with gzip. Raises UsageError if it cannot be read."""
    suffix = Path(path.name.removesuffix(".gz")).suffix
    form = RdfFormat.RDF_XML if suffix == ".owl" else RdfFormat.from_extension(suffix.lstrip("."))
    if form is None:
        raise UsageError(f"{path}: cannot tell from the name which serialisation of RDF it is")
    try:
        content = path.read_bytes()
        if content.startswith(GZIP):
            content = gzip.decompress(content)
        loaded = Store()
        loaded.bulk_extend(parse(io.BytesIO(content), format=form, lenient=True, base_iri=path.resolve().as_uri()))
    except (OSError, EOFError, SyntaxError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {error}") from None
    return loaded

"""Snapshots on disk: written whole, opened read-only.

A folder of snapshots looks so::

    current                 the name of the snapshot in use
    snapshots/NAME/
        manifest.json       when and from what it was built, how many quads it holds
        graph.nq            all quads, sorted: the same input gives the same bytes
        store/              the Oxigraph store

A snapshot is written under another name, flushed, and renamed; then ``current`` is replaced. Whoever opens a snapshot
sees the old one or the new one, never a part. One that a server holds stays on disk, however old it is.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyoxigraph import Quad, RdfFormat, Store, parse, serialize

from hfm_kg.errors import NoSnapshotError, SnapshotError

KEPT = 2
"""Snapshots that stay on disk though nobody holds them: the current one and the one before."""


@dataclass(frozen=True)
class Snapshot:
    """A snapshot on disk."""

    path: Path
    manifest: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What it is called; no two snapshots of a folder are called the same."""
        return self.path.name

    @property
    def dump(self) -> Path:
        """The sorted N-Quads file."""
        return self.path / "graph.nq"

    def quads(self) -> Iterator[Quad]:
        """All quads, as the dump has them."""
        return parse(path=str(self.dump), format=RdfFormat.N_QUADS, lenient=True)

    @property
    def store(self) -> Path:
        """The folder of the Oxigraph store."""
        return self.path / "store"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the snapshot on disk until the context ends. Raises SnapshotError if it has gone."""
        with ExitStack() as stack:
            try:
                file = stack.enter_context((self.path / "manifest.json").open("rb"))
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError as error:
                raise SnapshotError(f"the snapshot {self.path} has gone; build it anew: hfm-kg build") from error
            yield

    def open(self) -> Store:
        """The snapshot's store, read-only. Raises SnapshotError if it cannot be opened."""
        try:
            return Store.read_only(str(self.store))
        except (OSError, RuntimeError) as error:  # RuntimeError is what the engine raises over a corrupt file
            raise SnapshotError(
                f"cannot open the snapshot {self.path}: {error}; build it anew: hfm-kg build"
            ) from error


def nquads(quads: Iterable[Quad]) -> bytes:
    """Quads as N-Quads, sorted, so that equal sets give equal bytes."""
    lines = serialize(quads, format=RdfFormat.N_QUADS)
    assert lines is not None
    return b"".join(sorted(lines.splitlines(keepends=True)))


def write(folder: Path, name: str, quads: Iterable[Quad] | bytes, manifest: Mapping[str, Any]) -> Snapshot:
    """Write a snapshot and make it the current one; until then the one before stays as it is.

    ``quads`` may be given as sorted N-Quads.
    Raises SnapshotError if it cannot be written.
    """
    return write_dump(folder, name, [quads if isinstance(quads, bytes) else nquads(quads)], manifest)


def write_dump(folder: Path, name: str, dump: Iterable[bytes], manifest: Mapping[str, Any]) -> Snapshot:
    """The same from N-Quads in parts, of which only one is in memory at a time."""
    try:
        before = _pointer(folder)
        _write(folder, name, dump, manifest)
    except OSError as error:
        raise SnapshotError(f"cannot write a snapshot to {folder}: {error.strerror or error}") from error
    written = current(folder)
    _remove_old(folder, keep={before, written.path.name})
    return written


def _write(folder: Path, name: str, dump: Iterable[bytes], manifest: Mapping[str, Any]) -> None:
    snapshots = folder / "snapshots"
    snapshots.mkdir(parents=True, exist_ok=True)
    with _scratch(snapshots) as scratch:
        with (scratch / "graph.nq").open("wb") as file:
            file.writelines(dump)
        store = Store(str(scratch / "store"))
        # bulk_load would rename blank nodes; the engine wrote these lines itself, so they need no checks
        quads = parse(path=scratch / "graph.nq", format=RdfFormat.N_QUADS, lenient=True)
        store.bulk_extend(quad for quad in quads)  # a generator, so that Ctrl-C is heard between two quads
        store.optimize()
        store.flush()
        del store  # closes the database before it is moved
        (scratch / "manifest.json").write_text(
            json.dumps({"name": name, **manifest}, indent=1) + "\n", encoding="utf-8"
        )
        target = snapshots / name
        for number in range(1, 1_000_000):
            if not target.exists():
                break
            target = snapshots / f"{name}-{number}"
        scratch.rename(target)
    pointer = target / "pointer"  # in there, so that what a killed build leaves goes with its snapshot
    pointer.write_text(target.name + "\n", encoding="utf-8")
    pointer.replace(folder / "current")


def _pointer(folder: Path) -> str | None:
    """The name of the snapshot in use, None if it cannot be told."""
    try:
        return (folder / "current").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None


def current(folder: Path) -> Snapshot:
    """The snapshot in use. Raises NoSnapshotError if there is none, SnapshotError if it cannot be read."""
    if not (folder / "current").exists():
        raise NoSnapshotError(f"no snapshot in {folder}; make one with: hfm-kg build")
    try:
        name = (folder / "current").read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise SnapshotError(f"cannot read the snapshot in {folder}: {error}; build it anew: hfm-kg build") from error
    return _read(folder / "snapshots" / name, folder)


def at(path: Path) -> Snapshot:
    """The snapshot of that path. Raises SnapshotError if it cannot be read."""
    return _read(path, path)


def _read(path: Path, folder: Path) -> Snapshot:
    try:
        manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SnapshotError(f"cannot read the snapshot in {folder}: {error}; build it anew: hfm-kg build") from error
    if not isinstance(manifest, dict):
        raise SnapshotError(
            f"cannot read the snapshot in {folder}: its manifest is no object; build it anew: hfm-kg build"
        )
    return Snapshot(path, manifest)


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A folder that is removed unless it was renamed; what killed builds left behind is removed first."""
    for left in folder.glob(".building-*"):
        if not _alive(left):
            shutil.rmtree(left, ignore_errors=True)
    path = Path(tempfile.mkdtemp(prefix=f".building-{os.getpid()}-", dir=folder))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _alive(scratch: Path) -> bool:
    """Whether the process that writes a scratch folder still runs."""
    try:
        os.kill(int(scratch.name.split("-")[1]), 0)
    except ProcessLookupError:
        return False
    except (ValueError, OSError):
        return True
    return True


def _remove_old(folder: Path, keep: Collection[str | None]) -> None:
    """Remove all but the newest snapshots; those of ``keep`` stay even if a clock that was set back made them old."""
    with suppress(OSError):  # another build may be cleaning up as well
        snapshots = [path for path in (folder / "snapshots").iterdir() if not path.name.startswith(".")]
        for path in sorted(snapshots, key=lambda path: path.stat().st_mtime)[:-KEPT]:
            if path.name not in keep:
                _remove(path)


def _remove(path: Path) -> None:
    """Remove a snapshot that nobody holds."""
    with ExitStack() as stack:
        with suppress(FileNotFoundError):
            file = stack.enter_context((path / "manifest.json").open("rb"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # until it is gone, lest a server takes it meanwhile
            except BlockingIOError:
                return
        shutil.rmtree(path, ignore_errors=True)

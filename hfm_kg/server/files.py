"""The files of a release, made of the snapshot that is served: when the first is asked for, by a process of their own.

That takes about half a minute of one core and a third of a gigabyte, which the process that speaks HTTP cannot spare.
The process is nice to others, begins with what was asked for, sends each file as soon as it is made, and ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Final

from hfm_kg.catalog import Catalog
from hfm_kg.errors import BusyError
from hfm_kg.export import release
from hfm_kg.export.files import ReleaseFile
from hfm_kg.mappings import MappingSet
from hfm_kg.server.engine import Origin
from hfm_kg.statement import Graph

NICE: Final = 10
"""How far the process steps back behind all others."""
RECIPES: Final = {recipe.name: recipe for recipe in release.RECIPES if recipe.name != release.CHANGES}
"""What is made, by name: all but what needs the releases before, which a snapshot does not hold."""
MEDIA_TYPES: Final = {
    name: "application/gzip" if name.endswith(".gz") else recipe.media_type for name, recipe in RECIPES.items()
}
"""What each file is sent as."""


def make(asked: Connection, origin: Origin, queries: Catalog, sets: Sequence[MappingSet]) -> None:
    """Make all files and send them, those first whose names come meanwhile; what the process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # sent to the whole group; the front ends this process
    os.nice(NICE)
    material = release.Material(Graph.of(origin.open()), sets, queries)
    made: dict[str, ReleaseFile] = {}
    left = list(RECIPES)
    with suppress(BrokenPipeError, EOFError):
        while left:
            while asked.poll():
                name = asked.recv()
                if name in left and not RECIPES[name].describes_others:
                    left.remove(name)
                    left.insert(0, name)
            name = left.pop(0)
            made[name] = RECIPES[name].file(material, [made[one] for one in RECIPES if one in made])
            asked.send(made[name])


class Files:
    """The files of a snapshot, each there once it is made."""

    def __init__(self, origin: Origin, queries: Catalog, sets: Sequence[MappingSet]) -> None:
        self.made_from = origin, queries, sets
        self.lock = threading.Lock()
        self.files: dict[str, Future[ReleaseFile]] = {}
        self.process: BaseProcess | None = None
        self.asking: Connection | None = None
        self.is_closed = False

    def ask(self, name: str) -> Future[ReleaseFile]:
        """A file of RECIPES, now or later; then all others are made too. May fail with BusyError."""
        with self.lock:
            if not self.files:
                self.files = {name: Future() for name in RECIPES}
                context = multiprocessing.get_context("spawn")
                self.asking, asked = context.Pipe()
                self.process = context.Process(target=make, args=(asked, *self.made_from), daemon=True)
                threading.Thread(
                    target=self._receive, args=(self.asking, asked, self.process, self.files), daemon=True
                ).start()
            if self.asking is not None and not self.files[name].done():
                self.asking.send(name)
            return self.files[name]

    def made(self) -> dict[str, ReleaseFile]:
        """What is made already, by name."""
        with self.lock:
            return {name: one.result() for name, one in self.files.items() if one.done() and not one.exception()}

    def close(self) -> None:
        """Stop making files."""
        with self.lock:
            self.is_closed = True
            if self.process is not None and self.process.pid is not None:
                self.process.kill()

    def _receive(
        self, asking: Connection, asked: Connection, process: BaseProcess, files: dict[str, Future[ReleaseFile]]
    ) -> None:
        """Take the files as they come. Whoever waits for one that does not come is told, and may ask anew."""
        with asked:
            process.start()  # a while until it has read what it is given
        if self.is_closed:
            process.kill()
        with suppress(EOFError, OSError):
            while True:
                file: ReleaseFile = asking.recv()
                files[file.name].set_result(file)
        process.join()
        with self.lock:
            asking.close()
            self.process = self.asking = None
            left = [one for one in files.values() if not one.done()]
            if left:
                self.files = {}
        for one in left:
            one.set_exception(BusyError("what makes the files has ended before it made this one; ask again", 1))

"""What people work on: settings, catalogue and snapshot, and a spinner while it takes long."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hfm_kg.errors import UsageError

if TYPE_CHECKING:
    from hfm_kg.catalog import Catalog
    from hfm_kg.pipeline import Settings
    from hfm_kg.store import Snapshot


def settings(root: Path | None = None, output: Path | None = None, **more: bool) -> Settings:
    """The settings that are given; what is None has its default."""
    from hfm_kg.pipeline import Settings  # which takes a quarter of a second to import

    given = {"root": root, "output": output, **more}
    return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type] # a mapping of mixed types


def catalog(settings: Settings) -> Catalog:
    """The query catalogue. Raises UsageError if the root holds none."""
    from hfm_kg import catalog

    if not settings.queries.is_dir():
        raise UsageError(f"{settings.root} holds no queries; is it a checkout?")
    return catalog.read(settings.queries)


def snapshot(settings: Settings) -> Snapshot:
    """The current snapshot; one is built if there is none, and an outdated one is told."""
    from hfm_kg import pipeline, store
    from hfm_kg.errors import NoSnapshotError

    try:
        snapshot = store.current(settings.output)
    except NoSnapshotError:
        _tell("no snapshot yet, building one")
        with progress() as told:
            return pipeline.build(settings, told)
    if not pipeline.is_current(settings, snapshot):
        root, built_from = settings.root.resolve(), snapshot.manifest.get("root")
        if built_from not in (None, str(root)):
            _tell(
                f"the snapshot that answers was built from {built_from}, not from {root}; "
                "name the folder with --root, or build anew",
            )
        else:
            _tell(
                "data or ontology have changed since the snapshot was built; "
                f"renew it with: hfm-kg build --root {root}",
            )
    return snapshot


def _tell(message: str) -> None:
    print(f"hfm-kg: {message}", file=sys.stderr, flush=True)


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """A spinner with the step's name on a terminal, silence in a pipe."""
    if not sys.stderr.isatty():
        yield lambda step: None
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        yield status.update

"""A graph of N times the size: the same schema, vocabulary and degrees, and other things.

What the tables say of models, datasets, works and notes is repeated under other IRIs and labels, row by row with its
provenance; concepts and ontology stay as they are, so that each copy speaks of the same tasks and modalities. A copy is
made of the dump's text, which is a hundred times faster than to make it of quads: each IRI that changes is marked once,
and each copy puts its number in place of the marks. The same dump and size give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hfm_kg import store
from hfm_kg.store import Snapshot
from hfm_kg.terms import INFERRED

MARK: Final = b"\0"
"""Stands where a copy's number goes; N-Quads write the character NUL as an escape."""

THING: Final = re.compile(
    rb"<https://w3id\.org/hfm/(?:(?:model|dataset|reference|note|claim|work)/[^/>#]+"
    rb"|source/(?!provenance>|inferred>|[\w-]+/concept/)[\w-]+)"
)
"""The part of an IRI that tells one thing from another: of those that tables make, other than concepts."""

LABEL: Final = re.compile(
    rb"^(<[^>]*\0[^>]*> <http://(?:www\.w3\.org/2000/01/rdf-schema#label|purl\.org/dc/terms/title"
    rb'|purl\.obolibrary\.org/obo/IAO_0000115)> "(?:[^"\\]|\\.)*)"',
    re.MULTILINE,
)
"""A label, title or definition of a thing, up to its closing quote: no two things have the same."""
STATEMENT: Final = re.compile(
    rb'^(?P<triple>\S+ \S+ (?:<[^>]*>|_:\S+|"(?:[^"\\]|\\.)*"\S*))(?: (?P<graph><[^>]*>))? \.\n', re.MULTILINE
)


@dataclass(frozen=True)
class Pattern:
    """What a copy consists of: N-Quads with marks, and how many lines stand in any graph and in the default graph."""

    text: bytes
    quads: int
    triples: int

    def copy(self, number: int) -> bytes:
        """The copy of that number."""
        return self.text.replace(MARK, b"~%d" % number)


def pattern(dump: bytes) -> Pattern:
    """What is to be repeated of a dump."""
    marked = THING.sub(rb"\g<0>" + MARK, dump)
    marked = LABEL.sub(rb"\1" + MARK + b'"', marked)
    named: list[bytes] = []
    stated: set[bytes] = set()
    default: list[bytes] = []
    for statement in STATEMENT.finditer(marked):
        triple, graph = statement["triple"], statement["graph"]
        if graph is None:
            default.append(triple)
        elif MARK in graph or _is_of_a_copy(triple, graph):
            named.append(statement[0])
            stated.add(triple)
    repeated = [triple + b" .\n" for triple in default if MARK in triple and triple in stated]
    return Pattern(b"".join(repeated + named), len(repeated) + len(named), len(repeated))


def _is_of_a_copy(triple: bytes, graph: bytes) -> bool:
    """Whether a triple of a graph that all copies share speaks of a thing of the copy's."""
    if graph == str(INFERRED).encode():
        return MARK in triple
    return MARK in triple.partition(b" ")[0]


def scaled(snapshot: Snapshot, times: int, folder: Path) -> Snapshot:
    """A snapshot that holds ``times`` as many things as the given one, below a folder.

    At most one copy is in memory.
    """
    dump = snapshot.dump.read_bytes()
    repeated = pattern(dump)

    def parts() -> Iterator[bytes]:
        yield dump
        for number in range(2, times + 1):
            yield repeated.copy(number)

    kept = {key: snapshot.manifest[key] for key in ("version", "sources", "root")}
    counts = {
        "quads": snapshot.manifest["quads"] + (times - 1) * repeated.quads,
        "triples": snapshot.manifest["triples"] + (times - 1) * repeated.triples,
    }
    return store.write_dump(folder, f"{times}-times", parts(), kept | counts)

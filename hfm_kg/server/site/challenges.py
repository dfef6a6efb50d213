"""The challenges and the future directions of the field: two trees, what ties them, and what is said of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hfm_kg.server.site import figures, layout
from hfm_kg.terms import BASE, HFM, SKOS

if TYPE_CHECKING:
    from hfm_kg.server.site.site import Site

TREES: Final = {"ChallengePillar": "challenges", "FutureDirectionTheme": "directions"}
"""The classes of roots, and the tree that grows from them."""
CONCERNS: Final = {
    HFM.affects.value: "Affects",
    HFM.example.value: "Examples",
    HFM.proposes.value: "Proposes",
    SKOS.related.value: "Related to",
}
"""What a statement says of the things that it names, in the order in which a page tells it."""
QUERIES: Final = ("challenges-and-directions", "addressed-challenges", "challenge-evidence")
TITLE: Final = "Challenges and directions"
ABOUT: Final = (
    "What makes healthcare foundation models difficult, which future directions address it, and the evidence for both."
)


@dataclass(frozen=True)
class Statement:
    """A fact of the survey's text, with its place and the references that it rests on."""

    sentence: str
    row: str
    place: str
    references: tuple[str, ...]


@dataclass(frozen=True)
class Tied:
    """The other end of ``addresses``: whether the survey says so in words or by a cross-reference, and where."""

    other: str
    evidence: str
    row: str
    place: str


@dataclass(frozen=True)
class Topic:
    """A challenge or a direction, or a part or group of these."""

    iri: str
    name: str
    kind: str
    definition: str
    row: str
    place: str
    depth: int
    ties: list[Tied] = field(default_factory=list)
    statements: dict[str, Statement] = field(default_factory=dict)
    concerns: dict[str, dict[str, str]] = field(default_factory=dict)
    """Names of things by their IRIs, by what is said of them."""

    @property
    def anchor(self) -> str:
        """The fragment of the page that tells of it."""
        return self.iri.removeprefix(BASE)


def routes(site: Site) -> list[Route]:
    """The page at ``/challenges``."""

    def page(request: Request) -> Response:
        topics = site.once("challenges", lambda: read(*(site.rows(name) for name in QUERIES)))
        trees = {name: [topic for topic in topics.values() if topic.kind == name] for name in TREES.values()}
        ties = [(topic.anchor, topics[tied.other].anchor) for topic in trees["challenges"] for tied in topic.ties]
        html = layout.render(
            "challenges.html",
            "/challenges",
            TITLE,
            ABOUT,
            topics=topics,
            trees=trees,
            drawn=figures.trees(_lines(trees["challenges"]), _lines(trees["directions"]), ties),
            concerns=CONCERNS,
            queries={name: site.queries[name].body for name in QUERIES},
        )
        return layout.send(request, html)

    return [Route("/challenges", layout.page(page), methods=["GET"])]


def _lines(topics: Iterable[Topic]) -> list[figures.Line]:
    return [(topic.anchor, topic.name, topic.depth) for topic in topics]


Rows = Sequence[Mapping[str, str]]


def read(named: Rows, addressed: Rows, said: Rows) -> dict[str, Topic]:
    """The topics by IRI, in the order of the trees, of the rows of the three queries."""
    topics = {topic.iri: topic for topic in _grown(named)}
    for row in addressed:
        if row["challenge"] not in topics or row["direction"] not in topics:
            continue
        for one, other in ((row["challenge"], row["direction"]), (row["direction"], row["challenge"])):
            topics[one].ties.append(Tied(other, row["evidence"], row["row"], row["place"]))
    for row in said:
        if (topic := topics.get(row["thing"])) is None:
            continue
        topic.statements[row["row"]] = Statement(
            row["sentence"], row["row"], row["place"], tuple(sorted(row["references"].split(), key=_number))
        )
        if row["property"]:
            topic.concerns.setdefault(row["property"], {})[row["object"]] = row["name"]
    return topics


def _number(reference: str) -> tuple[int, str]:
    """By which references are ordered: their number, where they have one."""
    last = reference.rpartition("/")[2]
    return int(last) if last.isdecimal() else 0, reference


def _grown(rows: Rows) -> Iterator[Topic]:
    """The topics, each after what it is a part of."""
    parts: dict[str, list[Mapping[str, str]]] = {}
    for row in rows:
        parts.setdefault(row["broader"], []).append(row)

    def below(whole: str, tree: str, depth: int) -> Iterator[Topic]:
        for row in parts.get(whole, ()):
            name = tree or TREES[row["kind"].removeprefix(BASE)]
            definition, stated, place = row["definition"], row["row"], row["place"]
            yield Topic(row["thing"], row["name"], name, definition, stated, place, depth)
            yield from below(row["thing"], name, depth + 1)

    return below("", "", 0)

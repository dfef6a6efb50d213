"""Where the parts of a figure lie: computed here and drawn by the server, so that figures need no script and print.

Each part leads to the list behind it. Lengths are those of the drawing's own coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

WIDTH: Final = 960
"""Of every drawing."""


@dataclass(frozen=True)
class Part:
    """How many things of a figure go together, and the list that holds them."""

    names: tuple[str, ...]
    number: int
    address: str

    @property
    def told(self) -> str:
        """The part in words."""
        return f"{', '.join(self.names)}: {self.number}"

    @property
    def row(self) -> tuple[str | tuple[str, str], ...]:
        """The part as a row of a table, its number leading to the list."""
        return *self.names, (str(self.number), self.address)


# --- flow: a Sankey diagram ---------------------------------------------------------------------------------------

HEIGHT, BAR, LABEL, GAP = 420, 14, 190, 16


@dataclass(frozen=True)
class Node:
    """A bar of a flow: what flows through it, and where it stands."""

    name: str
    address: str
    column: int
    x: float
    y: float
    height: float
    number: int | None
    """None where things may go several ways on, so that their number is not that of the ways."""


@dataclass(frozen=True)
class Link:
    """A band between two bars, as a path with its width."""

    part: Part
    path: str
    width: float


@dataclass(frozen=True)
class Flow:
    """A flow through columns."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]


def flow(steps: Sequence[Sequence[Part]], lists: Mapping[tuple[int, str], str]) -> Flow:
    """A flow of so many steps, whose parts are named by both ends. ``lists`` are addresses by column and name."""
    links = [(step, part) for step, parts in enumerate(steps) for part in parts]
    out = _sums((step, part.names[0], part.number) for step, part in links)
    into = _sums((step + 1, part.names[1], part.number) for step, part in links)
    sizes = {key: max(out.get(key, 0), into.get(key, 0)) for key in {**out, **into}}
    columns = [sorted(key for key in sizes if key[0] == column) for column in range(len(steps) + 1)]
    room = ((HEIGHT - GAP * (len(keys) - 1)) / sum(sizes[key] for key in keys) for keys in columns if keys)
    scale = min(room, default=0)
    nodes: dict[tuple[int, str], Node] = {}
    for column, keys in enumerate(columns):
        ordered = sorted(keys, key=lambda key: (_centre(key, links, nodes), key))
        taken = sum(sizes[key] * scale for key in ordered) + GAP * (len(ordered) - 1)
        tops = accumulate((sizes[key] * scale + GAP for key in ordered), initial=(HEIGHT - taken) / 2)
        x = LABEL + column * (WIDTH - 2 * LABEL - BAR) / len(steps)
        for key, y in zip(ordered, tops, strict=False):
            is_counted = key not in out or key not in into or out[key] == into[key]
            number = sizes[key] if is_counted and column < len(steps) else None
            nodes[key] = Node(key[1], lists.get(key, ""), column, x, y, sizes[key] * scale, number)
    return Flow(tuple(nodes.values()), tuple(_bands(links, nodes, scale)))


def _sums(some: Iterable[tuple[int, str, int]]) -> dict[tuple[int, str], int]:
    sums: dict[tuple[int, str], int] = {}
    for column, name, number in some:
        sums[column, name] = sums.get((column, name), 0) + number
    return sums


def _centre(key: tuple[int, str], links: Iterable[tuple[int, Part]], nodes: Mapping[tuple[int, str], Node]) -> float:
    """The mean height of what flows into a node, so that few bands cross."""
    origins = [(nodes[step, p.names[0]], p.number) for step, p in links if (step + 1, p.names[1]) == key]
    weight = sum(number for _, number in origins)
    return sum((node.y + node.height / 2) * number for node, number in origins) / weight if weight else 0


def _bands(links: Iterable[tuple[int, Part]], nodes: Mapping[tuple[int, str], Node], scale: float) -> Iterable[Link]:
    left, right = {key: node.y for key, node in nodes.items()}, {key: node.y for key, node in nodes.items()}
    ordered = sorted(
        links, key=lambda one: (one[0], nodes[one[0], one[1].names[0]].y, nodes[one[0] + 1, one[1].names[1]].y)
    )
    for step, part in ordered:
        origin, target = (step, part.names[0]), (step + 1, part.names[1])
        width = part.number * scale
        x, to = nodes[origin].x + BAR, nodes[target].x
        y, at = left[origin] + width / 2, right[target] + width / 2
        left[origin], right[target] = left[origin] + width, right[target] + width
        middle = (x + to) / 2
        yield Link(part, f"M{x:.1f},{y:.1f}C{middle:.1f},{y:.1f} {middle:.1f},{at:.1f} {to:.1f},{at:.1f}", width)


# --- bars ---------------------------------------------------------------------------------------------------------

FLOOR, CEILING, MARGIN = 300, 24, 40


@dataclass(frozen=True)
class Bar:
    """A part of a stacked bar; ``series`` is the place of its name among those of the legend."""

    part: Part
    series: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Bars:
    """Stacked bars over an axis of names."""

    bars: tuple[Bar, ...]
    series: tuple[str, ...]
    axis: tuple[tuple[str, int, float, float], ...]
    """Name, sum, middle and top of each bar."""


def bars(parts: Sequence[Part]) -> Bars:
    """Bars of parts that are named by the bar and by the series, each in the order given."""
    names = tuple(dict.fromkeys(part.names[0] for part in parts))
    series = tuple(sorted({part.names[1] for part in parts}))
    sums = _sums((0, part.names[0], part.number) for part in parts)
    scale = (FLOOR - CEILING) / max(sums.values(), default=1)
    step = (WIDTH - 2 * MARGIN) / max(1, len(names))
    found, axis = [], []
    for place, name in enumerate(names):
        x, y = MARGIN + place * step + step * 0.2, float(FLOOR)
        for part in sorted((part for part in parts if part.names[0] == name), key=lambda part: part.names[1]):
            y -= part.number * scale
            found.append(Bar(part, series.index(part.names[1]), x, y, step * 0.6, part.number * scale))
        axis.append((name, sums[0, name], x + step * 0.3, y))
    return Bars(tuple(found), series, tuple(axis))


# --- heat map -----------------------------------------------------------------------------------------------------

SHADES: Final = 5


@dataclass(frozen=True)
class Heat:
    """A table in which many things have a strong colour."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[Part, int] | None, ...]], ...]
    """Names of rows, with a part and its shade for each column, None where there is nothing."""


def heat(parts: Sequence[Part]) -> Heat:
    """A heat map of parts that are named by row and column, both with the fullest first.

    Shades go by the root of the number, so that those of small numbers differ too.
    """
    most = max((part.number for part in parts), default=1)
    known = {part.names: (part, math.ceil(SHADES * math.sqrt(part.number / most))) for part in parts}
    rows, columns = (_fullest(parts, place) for place in (0, 1))
    return Heat(columns, tuple((row, tuple(known.get((row, column)) for column in columns)) for row in rows))


def _fullest(parts: Iterable[Part], place: int) -> tuple[str, ...]:
    largest: dict[str, int] = {}
    for part in parts:
        largest[part.names[place]] = max(part.number, largest.get(part.names[place], 0))
    return tuple(sorted(largest, key=lambda name: (-largest[name], name)))


# --- two trees ----------------------------------------------------------------------------------------------------

ROW, INDENT, LEFT, RIGHT = 22, 18, 312, 600


@dataclass(frozen=True)
class Leaf:
    """A line of a tree: how deep it is, where it stands, which branch it belongs to, and whether a tie ends at it."""

    key: str
    name: str
    depth: int
    branch: int
    x: float
    y: float
    tied: bool


@dataclass(frozen=True)
class Tie:
    """A curve from a line of one tree to one of the other, in the colour of the latter's branch."""

    names: tuple[str, str]
    path: str
    branch: int


@dataclass(frozen=True)
class Trees:
    """Two trees side by side."""

    left: tuple[Leaf, ...]
    right: tuple[Leaf, ...]
    ties: tuple[Tie, ...]
    height: float


Line = tuple[str, str, int]
"""A line of a tree in its order: key, name and depth."""


def trees(left: Sequence[Line], right: Sequence[Line], ties: Collection[tuple[str, str]]) -> Trees:
    """Two trees, the shorter one spread over the height of the longer, with ties between keys of both."""
    height = ROW * max(len(left), len(right))
    tied = {key for tie in ties for key in tie}
    leaves = _leaves(left, 8, height, tied), _leaves(right, RIGHT + 14, height, tied)
    here, there = ({leaf.key: leaf for leaf in some} for some in leaves)
    curves = []
    for one, other in ties:
        start, end = here[one], there[other]
        middle = (LEFT + RIGHT) / 2
        path = f"M{LEFT},{start.y:.1f}C{middle:.0f},{start.y:.1f} {middle:.0f},{end.y:.1f} {RIGHT},{end.y:.1f}"
        curves.append(Tie((start.name, end.name), path, start.branch))
    return Trees(*leaves, tuple(curves), height)


def _leaves(lines: Sequence[Line], x: float, height: float, tied: Collection[str]) -> tuple[Leaf, ...]:
    branches = accumulate(depth == 0 for _, _, depth in lines)
    step = height / max(1, len(lines))
    return tuple(
        Leaf(key, name, depth, branch - 1, x + depth * INDENT, (place + 0.5) * step, key in tied)
        for place, ((key, name, depth), branch) in enumerate(zip(lines, branches, strict=True))
    )

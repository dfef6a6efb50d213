"""Each measure as a picture, PNG or SVG: what was observed, and beside it what chance gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from hfm_kg import pictures
from hfm_kg.network.source import Measure
from hfm_kg.pictures import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHORT: Final = 48
"""Characters of a label that a picture shows."""


def write(measure: Measure, format_name: str) -> bytes:
    """The picture of a measure. Raises UsageError for a format that there is not. Needs matplotlib."""
    return pictures.drawn(lambda: figure(measure), format_name, measure.name)


def figure(measure: Measure) -> Figure:
    """The picture of a measure, as matplotlib has it."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(9, max(3.0, 1.4 + 0.28 * len(measure.rows))), layout="constrained")
    axes = drawn.subplots()
    axes.set_title(measure.title)
    DRAWN[measure.name](axes, measure.rows)
    axes.spines[["top", "right"]].set_visible(False)
    return drawn


def _label(row: Mapping[str, str], columns: Sequence[str]) -> str:
    # a dollar would begin mathematics
    texts = (row[column] if len(row[column]) <= SHORT else row[column][: SHORT - 1] + "…" for column in columns)
    return " · ".join(texts).replace("$", r"\$")


def _bars(
    labels: Sequence[str], values: str, by_chance: str | None = "by_chance", *, shown: str = "", also: str = ""
) -> Callable[[Axes, Sequence[Mapping[str, str]]], None]:
    """Bars from left to right, the first on top; a stroke where chance would end them, a dot for a second value."""

    def draw(axes: Axes, rows: Sequence[Mapping[str, str]]) -> None:
        places = range(len(rows))
        axes.barh(places, [float(row[values]) for row in rows], color=COLOURS[0], label=shown or values)
        if also:
            axes.plot([float(row[also]) for row in rows], places, "o", color=COLOURS[1], label=also)
        if by_chance:
            axes.plot(
                [float(row[by_chance]) for row in rows], places, "|", color="black", ms=11, mew=2, label="by chance"
            )
        axes.set_yticks(places, [_label(row, labels) for row in rows])
        axes.invert_yaxis()
        axes.set_xlabel(shown or values)
        if also or by_chance:
            axes.legend(frameon=False)

    return draw


def _communities(axes: Axes, rows: Sequence[Mapping[str, str]]) -> None:
    for number, score in enumerate(("AMI", "ARI")):
        places = [place + (number - 0.5) * 0.36 for place in range(len(rows))]
        axes.barh(places, [float(row[score]) for row in rows], height=0.34, color=COLOURS[number], label=score)
        label = "by chance" if number else None
        chance = [float(row[f"{score}_by_chance"]) for row in rows]
        axes.plot(chance, places, "|", color="black", ms=9, mew=2, label=label)
    axes.set_yticks(range(len(rows)), [f"{row['taxonomy']}\n{row['concepts']}" for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(-0.05, 1)
    axes.set_xlabel("agreement of communities with the taxonomy")
    axes.legend(frameon=False)


def _bridges(axes: Axes, rows: Sequence[Mapping[str, str]]) -> None:
    axes.scatter(
        [float(row["participation"]) for row in rows],
        [float(row["betweenness"]) for row in rows],
        s=[4 * float(row["models"]) for row in rows],
        color=COLOURS[0],
        alpha=0.6,
    )
    for number, row in enumerate(rows):
        place = (float(row["participation"]), float(row["betweenness"]))
        below = number % 2 == 1
        axes.annotate(
            _label(row, ["concept"]), place, xytext=(6, -9 if below else 5), textcoords="offset points", size=7
        )
    axes.set_yscale("log")
    axes.set_xlim(-0.05, 0.9)
    axes.set_xlabel("participation (0: one sub-field alone, 0.75: all four alike); area: models")
    axes.set_ylabel("betweenness")


def _growth(axes: Axes, rows: Sequence[Mapping[str, str]]) -> None:
    groups = [name for name in rows[0] if name not in ("year", "models", "ratio", "cumulated")]
    below = [0.0] * len(rows)
    for group, colour in zip(groups, _cycle(len(groups)), strict=True):
        counts = [float(row[group]) for row in rows]
        axes.bar([row["year"] for row in rows], counts, bottom=below, color=colour, label=group)
        below = [under + count for under, count in zip(below, counts, strict=True)]
    for place, row in enumerate(rows):
        axes.annotate(row["models"], (place, below[place]), xytext=(0, 2), textcoords="offset points", ha="center")
    axes.set_ylabel("models")
    axes.legend(frameon=False)


def _growth_rate(axes: Axes, rows: Sequence[Mapping[str, str]]) -> None:
    places = range(len(rows))
    rates = [float(row["rate"]) for row in rows]
    below = [rate - float(row["rate_low"]) for rate, row in zip(rates, rows, strict=True)]
    above = [float(row["rate_high"]) - rate for rate, row in zip(rates, rows, strict=True)]
    # percentiles of resamples need not enclose the estimate
    spans: Any = [[max(0.0, length) for length in lengths] for lengths in (below, above)]
    axes.errorbar(rates, places, xerr=spans, fmt="o", color=COLOURS[0], capsize=3, label="rate, 95 % interval")
    chance = [float(row["by_chance"]) for row in rows]
    axes.plot(chance, places, "|", color="black", ms=11, mew=2, label="by chance")
    axes.set_yticks(places, [row["subfield"] for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel("growth rate per year (ln 2 = 0.69 doubles each year)")
    axes.legend(frameon=False)


def _cycle(count: int) -> list[str]:
    return [COLOURS[number % len(COLOURS)] for number in range(count)]


DRAWN: Final[Mapping[str, Callable[[Axes, Sequence[Mapping[str, str]]], None]]] = {
    "backbones": _bars(["backbone"], "models", None, also="reach", shown="models built directly on it"),
    "bridges": _bridges,
    "communities": _communities,
    "lineage": _bars(["depth"], "models", shown="models by depth"),
    "cores": _bars(["view"], "k"),
    "co-occurrence": _bars(["modality", "task"], "z", None, shown="z of the number of models, against chance"),
    "similar-models": _bars(["one", "other"], "lin", None, shown="Lin similarity"),
    "similar-datasets": _bars(["one", "other"], "lin", None, shown="Lin similarity"),
    "growth": _growth,
    "growth-rate": _growth_rate,
}
"""How each measure is drawn."""

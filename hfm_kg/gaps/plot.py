"""The trial of the gaps as a picture: how many combinations that came true stand among the first N."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from hfm_kg.gaps.trial import CHANCE, POPULARITY, Trial
from hfm_kg.pictures import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

POINTS: Final = 400
"""Places at which a curve is drawn, alike far from each other on the logarithmic axis."""

OURS: Final[tuple[Mapping[str, Any], ...]] = (
    {"color": COLOURS[2]},
    {"color": COLOURS[2], "ls": "--"},
    {"color": COLOURS[0], "lw": 2.4},
    {"color": COLOURS[3]},
)
"""The lines of our rankings, in the order of the trial's."""
BASELINES: Final[Mapping[str, Mapping[str, Any]]] = {
    POPULARITY: {"color": COLOURS[1], "lw": 2.4},
    CHANCE: {"color": "black", "ls": ":", "label": "chance, with 95 % interval"},
}


def figure(trial: Trial) -> Figure:
    """Each ranking's hits among the first N; chance with the 95 % interval of the hypergeometric distribution.

    Needs matplotlib and SciPy.
    """
    import numpy as np
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter
    from scipy.stats import hypergeom

    drawn = Figure(figsize=(9, 5.5), layout="constrained")
    axes = drawn.subplots()
    places = np.unique(np.geomspace(1, trial.candidates, POINTS).round().astype(int))
    low, high = hypergeom.interval(0.95, trial.candidates, trial.reachable, places)
    axes.fill_between(places, low, high, step="post", color="black", alpha=0.12, lw=0)
    ours = iter(OURS)
    for score in trial.scores:
        line = {"label": score.ranking, **(BASELINES.get(score.ranking) or next(ours))}
        axes.step(places, [score.hits(place) for place in places.tolist()], where="post", **line)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlim(1, trial.candidates)
    axes.set_ylim(0, trial.reachable * 1.04)
    axes.set_xlabel(f"first N of {trial.candidates:,} gaps")
    axes.set_ylabel(f"found, of {trial.reachable} that could be foreseen")
    axes.set_title(f"Combinations that the models of {trial.year} brought, among the first N gaps of the years before")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper left")
    return drawn

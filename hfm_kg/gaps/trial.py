"""The ranking of gaps, tried by hiding: drop the models of a year, rank what is uncovered, see what came true.

Of the combinations that the hidden models cover, those count that are *new* (no older model covers them) and
*reachable* (each concept is one that an older model or dataset has; no ranking of this kind can name the others). A
ranking is good if these stand high among the candidates. Four things are told of it, and beside it the same of two
baselines: chance, and popularity (the product of how many models have each concept, each count plus one, as if the
facets were independent):

- hits among the first N, as precision (hits / N) and recall (hits / reachable); equal scores share their places, so
  hits may be fractions;
- the mean rank, 1 being the first;
- AUC: how often a combination that came true stands above one that did not (0.5 is chance);
- average precision: the mean of the precision at each hit.

Intervals are 95 % percentile intervals over resamples of the hidden models, since the combinations of one model are
not independent; those of chance are over random orders. What the challenges and directions of a survey say was written
when all was known; hence one ranking goes without these needs.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hfm_kg.errors import NotInstalledError, UsageError
from hfm_kg.gaps.field import Field, Thing
from hfm_kg.gaps.ranking import EQUAL, KINDS, TUNED_ON, WEIGHTS, Candidate, Combination, Landscape

CUTS: Final = (10, 50, 100)
"""The N of precision and recall at N."""

POPULARITY: Final = "popularity"
CHANCE: Final = "chance"

SAMPLES: Final = 500
"""How often hidden models are resampled, and orders drawn by chance."""


@dataclass(frozen=True)
class Score:
    """How well a ranking foresaw: where what came true stands, mean rank, AUC and its interval, average precision."""

    ranking: str
    blocks: tuple[tuple[int, int], ...]
    """For each combination that came true: how many stand above it, and how many once its equals are counted."""
    mean_rank: float
    auc: float
    interval: tuple[float, float]
    average_precision: float
    above_popularity: float | None
    """The share of the resamples in which the AUC is above that of popularity; None for the baselines."""

    def hits(self, first: int) -> float:
        """How many that came true stand among the first so many; among equals chance decides.

        >>> Score("", ((0, 1), (1, 3)), 0, 0, (0, 0), 0, None).hits(2)
        1.5
        """
        return sum(min(1.0, max(0.0, (first - above) / (end - above))) for above, end in self.blocks)


@dataclass(frozen=True)
class Trial:
    """What was hidden, what of it could have been foreseen, and how well each ranking did."""

    year: int
    hidden_models: int
    combinations: int
    new: int
    reachable: int
    candidates: int
    scores: tuple[Score, ...]

    def rows(self) -> list[dict[str, str]]:
        """A row for each ranking."""
        rows = []
        for score in self.scores:
            row = {"ranking": score.ranking}
            for cut in CUTS:
                hits = score.hits(cut)
                row[f"hits@{cut}"] = f"{hits:.4g}"
                row[f"precision@{cut}"] = f"{hits / cut:.3f}"
                row[f"recall@{cut}"] = f"{hits / self.reachable:.3f}"
            row |= {
                "mean_rank": f"{score.mean_rank:.1f}",
                "auc": f"{score.auc:.3f}",
                "auc_low": f"{score.interval[0]:.3f}",
                "auc_high": f"{score.interval[1]:.3f}",
                "average_precision": f"{score.average_precision:.4f}",
                "above_popularity": "" if score.above_popularity is None else f"{score.above_popularity:.1%}",
            }
            rows.append(row)
        return rows

    def __str__(self) -> str:
        return (
            f"hidden: the {self.hidden_models} models of {self.year} and all that is younger; of their"
            f" {self.combinations} combinations {self.new} are new, {self.reachable} of these reachable among"
            f" {self.candidates} candidates"
        )


class Places:
    """The places of candidates in a ranking; equal scores share them: each has their mean, 1 being the first."""

    def __init__(self, scores: Sequence[float]) -> None:
        self.size = len(scores)
        order = sorted(range(self.size), key=lambda number: -scores[number])
        self.rank = [0.0] * self.size
        self.block = [(0, 0)] * self.size
        start = 0
        while start < self.size:
            end = start
            while end < self.size and scores[order[end]] == scores[order[start]]:
                end += 1
            for number in order[start:end]:
                self.rank[number], self.block[number] = (start + 1 + end) / 2, (start, end)
            start = end

    def mean_rank(self, true: Sequence[int]) -> float:
        """The mean rank of the true ones."""
        return sum(self.rank[number] for number in true) / len(true)

    def auc(self, true: Sequence[int]) -> float:
        """The share of pairs, of a true one and another, in which the true one stands above; equals count half.

        >>> Places([3, 2, 2, 1]).auc([0]), Places([3, 2, 2, 1]).auc([1]), Places([1, 1]).auc([0])
        (1.0, 0.5, 0.5)
        """
        count = len(true)
        above = count * self.size - sum(self.rank[number] for number in true) + count
        return (above - count * (count + 1) / 2) / (count * (self.size - count))

    def average_precision(self, true: Sequence[int]) -> float:
        """The mean over the true ones of the precision at their rank.

        >>> Places([4, 3, 2, 1]).average_precision([0, 3])
        0.75
        """
        ranks = sorted(self.rank[number] for number in true)
        return sum(place / rank for place, rank in enumerate(ranks, start=1)) / len(ranks)


def run(
    field: Field,
    year: int,
    *,
    tuned_on: int | None = None,
    by_subfield: bool = False,
    seed: int = 0,
    samples: int = SAMPLES,
) -> Trial:
    """Hide a year and see how well its combinations are foreseen from before.

    Equal weights compete with and without the needs that challenges and directions name; the weights in use where they
    were tuned on an earlier year; and with ``tuned_on``, an earlier year, weights fitted by hiding that year.
    Raises UsageError if the year brings nothing that could be foreseen, or weights would be tuned on what is tested.
    """
    if tuned_on is not None and tuned_on >= year:
        raise UsageError(f"weights for a trial on {year} are tuned on an earlier year, not on {tuned_on}")
    landscape, candidates, models, new = _hide(field, year, by_subfield)
    place = {candidate.combination: number for number, candidate in enumerate(candidates)}
    of_model = [sorted(place[each] for each in each_new if each in place) for each_new in new]
    true = sorted({number for numbers in of_model for number in numbers})
    if not true:
        raise UsageError(f"no model of {year} covers a combination that could have been foreseen; take another year")
    popularity = Places([_popularity(landscape, candidate.combination) for candidate in candidates])
    contestants: dict[str, Mapping[str, float]] = {
        "equal weights": EQUAL,
        "equal, needs unnamed": {**EQUAL, "named": 0.0},
    }
    if year > TUNED_ON:
        contestants["weights in use"] = WEIGHTS
    if tuned_on is not None:
        contestants[f"tuned on {tuned_on}"] = fit(field, tuned_on, by_subfield=by_subfield)
    generator = random.Random(seed)
    resampled = [
        sorted({number for numbers in generator.choices(of_model, k=len(of_model)) for number in numbers})
        for _ in range(samples)
    ]
    resampled = [sample for sample in resampled if sample]
    beside = [popularity.auc(sample) for sample in resampled]
    scores = []
    for name, weights in contestants.items():
        places = Places([candidate.score(weights) for candidate in candidates])
        aucs = [places.auc(sample) for sample in resampled]
        above = sum(ours > theirs for ours, theirs in zip(aucs, beside, strict=True)) / len(resampled)
        scores.append(_score(name, places, true, aucs, above))
    scores.append(_score(POPULARITY, popularity, true, beside, None))
    chance = Places([0.0] * len(candidates))
    drawn = [chance_auc(generator, len(candidates), len(true)) for _ in range(samples)]
    scores.append(_score(CHANCE, chance, true, drawn, None))
    combinations = {combination for model in models for combination in landscape.combinations_of(model)}
    everything_new = {combination for each_new in new for combination in each_new}
    return Trial(year, len(models), len(combinations), len(everything_new), len(true), len(candidates), tuple(scores))


def fit(field: Field, year: int, *, by_subfield: bool = False) -> dict[str, float]:
    """The weights by which a logistic regression (L2, C = 1) tells what that year brought, negative ones set to 0.

    Raises NotInstalledError without scikit-learn.
    """
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise NotInstalledError("tuning weights needs scikit-learn: pip install 'hfm-kg[network]'") from None
    # of that year's models, too, only what works of that time say
    _, candidates, _, new = _hide(field.before(year + 1), year, by_subfield)
    true = {combination for each_new in new for combination in each_new}
    came_true = [candidate.combination in true for candidate in candidates]
    if not any(came_true):
        raise UsageError(f"no model of {year} covers a combination that could have been foreseen; take another year")
    counts = [[math.log1p(count) for count in candidate.counts] for candidate in candidates]
    fitted = LogisticRegression(C=1.0, max_iter=2000).fit(counts, came_true)
    return {kind: max(0.0, float(weight)) for kind, weight in zip(KINDS, fitted.coef_[0], strict=True)}


def chance_auc(generator: random.Random, size: int, count: int) -> float:
    """The AUC of a random order."""
    above = count * size - sum(generator.sample(range(1, size + 1), count)) + count
    return (above - count * (count + 1) / 2) / (count * (size - count))


def _hide(
    field: Field, year: int, by_subfield: bool
) -> tuple[Landscape, list[Candidate], list[Thing], list[set[Combination]]]:
    """What is known before a year: the landscape and its candidates; and the year's models with what each has new."""
    landscape = Landscape(field.before(year), by_subfield=by_subfield)
    models = [model for model in field.models if model.year == year]
    new = [{each for each in landscape.combinations_of(model) if not landscape.covers(each)} for model in models]
    return landscape, list(landscape.candidates()), models, new


def _popularity(landscape: Landscape, combination: Combination) -> float:
    """The product of how many models have each concept or a narrower one; plus one, for concepts of datasets alone."""
    return math.prod(1 + landscape.models.of(iri).bit_count() for iri in combination.concepts)


def _score(
    name: str, places: Places, true: Sequence[int], aucs: Sequence[float], above_popularity: float | None
) -> Score:
    ordered = sorted(aucs)
    low, high = (ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.025, 0.975))
    return Score(
        name,
        tuple(places.block[number] for number in true),
        places.mean_rank(true),
        places.auc(true),
        (low, high),
        places.average_precision(true),
        above_popularity,
    )

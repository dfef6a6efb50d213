"""Growth by year."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from math import exp, log
from statistics import fmean

from hfm_kg.network.chance import Chance
from hfm_kg.network.source import Measure, Network


def growth(network: Network) -> Measure:
    """Growth by year."""
    counted = _by_year(network)
    groups = sorted(set(network.subfield.values()))
    rows, before, cumulated = [], 0, 0
    for year in range(min(counted), max(counted) + 1):
        total = sum(counted[year].values())
        cumulated += total
        rows.append(
            {
                "year": str(year),
                **{group: str(counted[year][group]) for group in groups},
                "models": str(total),
                "ratio": f"{total / before:.2f}" if before else "",
                "cumulated": str(cumulated),
            }
        )
        before = total
    return Measure(
        "growth",
        "Growth by year",
        "models by the year that the source gives and by sub-field; ratio: to the year before. The source is of"
        " early 2024,"
        " so its last year is a part of one.",
        rows,
    )


def _by_year(network: Network) -> dict[int, Counter[str]]:
    found: dict[int, Counter[str]] = defaultdict(Counter)
    nodes = network.view("models-concepts").nodes
    for model, group in network.subfield.items():
        if "year" in nodes[model]:
            found[nodes[model]["year"]][group] += 1
    return found


def growth_rate(network: Network) -> Measure:
    """Growth rate."""
    counted = _by_year(network)
    years = range(min(counted), max(counted))  # the newest year is not over
    generator = network.generator("growth-rate")
    rows = []
    for group in ("all", *sorted(set(network.subfield.values()))):
        dates = [
            year
            for year in years
            for each, count in counted[year].items()
            if group in ("all", each)
            for _ in range(count)
        ]
        rate = exponential_rate(dates, years)
        resampled = sorted(
            exponential_rate(generator.choices(dates, k=len(dates)), years) for _ in range(network.samples)
        )
        low, high = (resampled[int(share * (len(resampled) - 1))] for share in (0.025, 0.975))
        dealt = [exponential_rate(generator.choices(years, k=len(dates)), years) for _ in range(network.samples)]
        beside = Chance.of(rate, dealt)
        rows.append(
            {
                "subfield": group,
                "models": str(len(dates)),
                "rate": f"{rate:.2f}",
                "rate_low": f"{low:.2f}",
                "rate_high": f"{high:.2f}",
                "doubling_years": f"{log(2) / rate:.2f}" if rate > 0 else "",
                **beside.cells(),
            }
        )
    return Measure(
        "growth-rate",
        f"Exponential growth, {years[0]} to {years[-1]}",
        "rate: r per year, of models by year in proportion to exp(r * year), by maximum likelihood; rate_low,"
        " rate_high: 95 %"
        " percentile interval over resampled models; doubling_years: ln 2 / r; beside years dealt out evenly.",
        rows,
    )


def exponential_rate(dates: Sequence[int], years: Sequence[int]) -> float:
    """The maximum likelihood r if dates fall into years with probability in proportion to exp(r * year).

    Its mean year is then the observed one. At most 20 a year either way, where all dates fall into the last or first.

    >>> round(exponential_rate([0, 1, 1], [0, 1]), 6) == round(log(2), 6)
    True
    """
    mean = fmean(dates)
    low, high = -20.0, 20.0
    for _ in range(60):
        rate = (low + high) / 2
        weights = [exp(rate * (year - years[-1] if rate > 0 else year - years[0])) for year in years]
        expected = sum(weight * year for weight, year in zip(weights, years, strict=True)) / sum(weights)
        low, high = (rate, high) if expected < mean else (low, rate)
    return (low + high) / 2

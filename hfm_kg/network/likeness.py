"""What goes together: modalities with tasks, models with models, datasets with datasets."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping

from hfm_kg.network import chance, similarity
from hfm_kg.network.chance import Chance
from hfm_kg.network.source import SHOWN, Measure, Network, merged


def co_occurrence(network: Network) -> Measure:
    """Modality and task together."""
    facets = {name: of for name, of in network.facets("models-concepts").items() if name in ("modality", "task")}
    generator = network.generator("co-occurrence")
    observed = _pairs(facets)
    drawn = [
        _pairs({name: chance.curveball(of, generator) for name, of in sorted(facets.items())})
        for _ in range(10 * network.samples)
    ]
    together = sum(drawn, Counter(observed))
    possible = sorted(
        pair for pair, count in together.items() if observed[pair] > 1 or count - observed[pair] >= len(drawn)
    )
    beside = {pair: Chance.of(observed[pair], [float(each[pair]) for each in drawn], "both") for pair in possible}
    rates = dict(zip(beside, chance.false_discovery_rates(each.p for each in beside.values()), strict=True))
    ranked = sorted(beside, key=lambda pair: (-(beside[pair].z or 0.0), pair))
    shown = [*ranked[: SHOWN // 2], *ranked[-(SHOWN // 2) :]]
    rows = [
        {
            "modality": network.label(pair[0]),
            "task": network.label(pair[1]),
            "models": str(observed[pair]),
            **beside[pair].cells(),
            "q": f"{rates[pair]:.3g}",
        }
        for pair in shown
    ]
    return Measure(
        "co-occurrence",
        "Modalities and tasks that go together, and that avoid each other",
        "models: those that have the modality and the task, beside networks in which each model has as many"
        " modalities and"
        f" as many tasks, and each of these as many models (two-sided p). The {SHOWN // 2} highest and lowest z of the"
        f" {len(possible)} pairs that two models or more have, or that chance would give one or more.",
        rows,
    )


def _pairs(facets: Mapping[str, Mapping[str, frozenset[str]]]) -> Counter[tuple[str, str]]:
    tasks = facets["task"]
    return Counter(
        (modality, task)
        for model, modalities in facets["modality"].items()
        for modality in modalities
        for task in tasks.get(model, ())
    )


def similar_models(network: Network) -> Measure:
    """Similar models."""
    return _similar(network, "models-concepts", "models")


def similar_datasets(network: Network) -> Measure:
    """Similar datasets."""
    return _similar(network, "datasets-concepts", "datasets")


def _similar(network: Network, view: str, kind: str) -> Measure:
    facets = network.facets(view)
    things = similarity.closed(merged(facets), network.upward)
    content = similarity.information_content(things)

    def telling(pair: tuple[float, str, str]) -> float:
        return similarity.resnik(things[pair[1]], things[pair[2]], content)

    ranked = sorted(similarity.pairs(things, content), key=lambda pair: (-pair[0], -telling(pair), pair[1:]))
    generator = network.generator(f"similar {kind}")
    drawn: list[float] = []
    for _ in range(max(1, network.samples // 10)):
        random_things = similarity.closed(chance.rewired(facets, generator), network.upward)
        random_content = similarity.information_content(random_things)
        drawn += [value for value, _, _ in similarity.pairs(random_things, random_content)]
    drawn.sort()
    rows = []
    for value, one, other in ranked[:SHOWN]:
        shared = sorted(things[one] & things[other], key=lambda concept: (-content[concept], concept))
        rows.append(
            {
                "one": network.label(one),
                "other": network.label(other),
                "one_iri": one,
                "other_iri": other,
                "lin": f"{value:.3f}",
                "p": f"{(1 + len(drawn) - bisect_left(drawn, value - 1e-12)) / (1 + len(drawn)):.2g}",
                "resnik": f"{similarity.resnik(things[one], things[other], content):.2f}",
                "most_telling": ", ".join(network.label(concept) for concept in shared[:3]),
            }
        )
    return Measure(
        f"similar-{kind}",
        f"Similar {kind}",
        "lin: 2 * IC(shared) / (IC(one) + IC(other)), the information content IC(c) = -ln(share of the things with c"
        " or a"
        " narrower concept) summed over the concepts; resnik: the IC in nats of the most telling shared concept; p: the"
        f" share of the {len(drawn)} pairs of networks of the same degrees within each facet that are as similar.",
        rows,
    )

"""Central backbones, and bridges between sub-fields."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from math import exp, log

from hfm_kg.network import chance
from hfm_kg.network.chance import Chance
from hfm_kg.network.igraphs import igraph
from hfm_kg.network.source import SHOWN, Measure, Network, merged


def backbones(network: Network) -> Measure:
    """Central backbones."""
    lineage = network.lineage
    import networkx as nx

    used = {
        base: [model for model in lineage.predecessors(base) if model in network.subfield]
        for base in lineage
        if lineage.in_degree(base)
    }
    generator = network.generator("backbones")
    dealt = [chance.shuffled(network.subfield, generator) for _ in range(10 * network.samples)]

    def diversity(models: Sequence[str], groups: Mapping[str, str]) -> float:
        return effective_number(list(Counter(groups[model] for model in models).values()))

    ranked = sorted(used, key=lambda base: (-len(used[base]), base))[:SHOWN]
    beside = {
        base: Chance.of(
            diversity(used[base], network.subfield), [diversity(used[base], groups) for groups in dealt], "both"
        )
        for base in ranked
    }
    rates = chance.false_discovery_rates(each.p for each in beside.values())
    rows = [
        {
            "backbone": network.label(base),
            "iri": base,
            "models": str(len(used[base])),
            "reach": str(len(nx.ancestors(lineage, base))),
            "effective_subfields": f"{beside[base].observed:.2f}",
            **beside[base].cells(),
            "q": f"{rate:.3g}",
        }
        for base, rate in zip(ranked, rates, strict=True)
    ]
    return Measure(
        "backbones",
        "Central backbones",
        "models: in-degree in the lineage (models built directly on it); reach: models with a path to it;"
        " effective_subfields: exp of the Shannon entropy of their sub-fields, beside sub-fields dealt out anew"
        " among all"
        " models (two-sided p): below chance a backbone belongs to a sub-field, above it joins them.",
        rows,
    )


def bridges(network: Network) -> Measure:
    """Bridges between sub-fields."""
    facets = network.facets("models-concepts")
    used: dict[str, list[str]] = defaultdict(list)
    for model, concepts in merged(facets).items():
        for concept in concepts:
            used[concept].append(model)
    observed = _betweenness(merged(facets))
    generator = network.generator("bridges")
    drawn = [_betweenness(chance.rewired(facets, generator)) for _ in range(network.samples)]
    dealt = [chance.shuffled(network.subfield, generator) for _ in range(network.samples)]

    def share(concept: str, groups: Mapping[str, str]) -> float:
        return participation(list(Counter(groups[model] for model in used[concept]).values()))

    ranked = sorted(used, key=lambda concept: (-observed[concept], concept))[:SHOWN]
    rows = []
    for concept in ranked:
        central = Chance.of(observed[concept], [each.get(concept, 0.0) for each in drawn], "both")
        spread = Chance.of(share(concept, network.subfield), [share(concept, groups) for groups in dealt], "both")
        rows.append(
            {
                "concept": network.label(concept),
                "iri": concept,
                "kind": str(network.view("models-concepts").nodes[concept]["kind"]),
                "models": str(len(used[concept])),
                "betweenness": f"{central.observed:.4f}",
                **central.cells(),
                "participation": f"{spread.observed:.3f}",
                **{f"participation_{name}": value for name, value in spread.cells().items()},
            }
        )
    return Measure(
        "bridges",
        "Bridges between sub-fields",
        "betweenness: share of shortest paths of the models-concepts network through the concept, beside networks of"
        " the"
        " same degrees within each facet (curveball); participation: 1 - the sum of squared shares of the sub-fields"
        " among its models (0: one sub-field alone, at most 0.75 with four), beside sub-fields dealt out anew. p"
        " two-sided.",
        rows,
    )


def _betweenness(network: Mapping[str, frozenset[str]]) -> dict[str, float]:
    """The normalised betweenness of each node of a two-mode network."""
    edges = [(thing, concept) for thing in sorted(network) for concept in sorted(network[thing])]
    graph = igraph().Graph.TupleList(edges)
    count = graph.vcount()
    pairs = (count - 1) * (count - 2) / 2 or 1
    return {
        name: value / pairs for name, value in zip(graph.vs["name"], graph.betweenness(directed=False), strict=True)
    }


def effective_number(counts: Sequence[int]) -> float:
    """Hill's number of order 1, exp of Shannon's entropy: how many equal groups would be as diverse.

    >>> effective_number([5, 5]), effective_number([7])
    (2.0, 1.0)
    """
    total = sum(counts)
    return round(exp(-sum(count / total * log(count / total) for count in counts if count)), 12)


def participation(counts: Sequence[int]) -> float:
    """The participation coefficient (Guimerà and Amaral, 2005): 1 - the sum of squared shares; 0 in one group alone.

    >>> participation([2, 2]), participation([3])
    (0.5, 0.0)
    """
    total = sum(counts)
    return 1 - sum((count / total) ** 2 for count in counts)

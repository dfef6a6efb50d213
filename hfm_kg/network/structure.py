"""Communities against the survey's taxonomy, lineage depth, and k-cores."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from hfm_kg.errors import NotInstalledError, UsageError
from hfm_kg.network import chance, similarity
from hfm_kg.network.chance import Chance
from hfm_kg.network.igraphs import igraph, seeded
from hfm_kg.network.source import Measure, Network, merged

if TYPE_CHECKING:
    import networkx as nx

    from hfm_kg.network.views import Graph


def communities(network: Network) -> Measure:
    """Communities against the survey's own taxonomy."""
    everything = network.facets("models-concepts")
    subfield, paradigm = "sub-field", "pre-training paradigm"
    taxonomies = {subfield: network.subfield, paradigm: _one_of(everything["pretrainingParadigm"])}
    compared = (
        (subfield, "all", list(everything)),
        (subfield, "all but modalities", [name for name in everything if name != "modality"]),
        (subfield, "techniques and backbones", ["technique", "backbone"]),
        (paradigm, "all but pre-training paradigms", [name for name in everything if name != "pretrainingParadigm"]),
        (paradigm, "techniques and backbones", ["technique", "backbone"]),
    )
    rows = []
    for taxonomy, what, names in compared:
        facets = {name: everything[name] for name in names}
        generator = network.generator(f"communities {what}")
        found, modularity = _leiden(merged(facets), generator)
        drawn = [_leiden(chance.rewired(facets, generator), generator) for _ in range(network.samples)]
        agreement = _agreement(found, taxonomies[taxonomy])
        by_chance = [_agreement(each, taxonomies[taxonomy]) for each, _ in drawn]
        row = {"taxonomy": taxonomy, "concepts": what, "communities": str(len(set(found.values())))}
        for name, value, values in (
            ("modularity", modularity, [each for _, each in drawn]),
            ("AMI", agreement[0], [each for each, _ in by_chance]),
            ("ARI", agreement[1], [each for _, each in by_chance]),
        ):
            cells = Chance.of(value, values).cells()
            row |= {name: f"{value:.3f}", **{f"{name}_{key}": cell for key, cell in cells.items()}}
        rows.append(row)
    return Measure(
        "communities",
        "Communities of models against the survey's taxonomy",
        "Leiden communities (modularity) of the models, joined by the information content of the concepts they share."
        " AMI: adjusted mutual information, ARI: adjusted Rand index with the survey's groups (0 by chance, 1 the"
        " same)."
        " Beside networks of the same degrees within each facet. Language models have a modality (text) because of"
        " their"
        " sub-field, hence the row without modalities. Models without pre-training are in none of its paradigms.",
        rows,
    )


def _one_of(things: Mapping[str, frozenset[str]]) -> dict[str, str]:
    """The group of each thing that has just one."""
    return {thing: next(iter(groups)) for thing, groups in things.items() if len(groups) == 1}


def _leiden(network: Mapping[str, frozenset[str]], generator: random.Random) -> tuple[dict[str, int], float]:
    """Communities of things that share concepts, and their modularity."""
    content = similarity.information_content(network)
    things = sorted(network)
    number = {thing: place for place, thing in enumerate(things)}
    edges, weights = [], []
    for one, other in combinations(things, 2):
        weight = sum(content[concept] for concept in network[one] & network[other])
        if weight > 0:
            edges.append((number[one], number[other]))
            weights.append(weight)
    graph = igraph().Graph(n=len(things), edges=edges)
    with seeded(generator):
        found = graph.community_leiden("modularity", weights=weights, n_iterations=-1)
    return dict(zip(things, found.membership, strict=True)), float(graph.modularity(found, weights=weights))


def _agreement(found: Mapping[str, int], groups: Mapping[str, str]) -> tuple[float, float]:
    """Adjusted mutual information and adjusted Rand index over the things that have both."""
    try:
        from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
    except ImportError:
        raise NotInstalledError("this measure needs scikit-learn: pip install 'hfm-kg[network]'") from None
    things = sorted(found.keys() & groups.keys())
    ours, theirs = [found[thing] for thing in things], [groups[thing] for thing in things]
    return float(adjusted_mutual_info_score(theirs, ours)), float(adjusted_rand_score(theirs, ours))


def lineage(network: Network) -> Measure:
    """Lineage depth."""
    graph = network.lineage
    observed = _depths(graph)
    if observed is None:
        raise UsageError("the lineage has a cycle: some model is built, in the end, on itself")
    generator = network.generator("lineage")
    drawn: list[Counter[int]] = []
    sources, targets = zip(*sorted(graph.edges), strict=True)
    while len(drawn) < network.samples:
        depths = _depths(_directed(sources, generator.sample(targets, len(targets))))
        if depths is not None:
            drawn.append(Counter(depths[model] for model in network.subfield if model in depths))
    counted = Counter(observed[model] for model in network.subfield if model in observed)
    rows = []
    for depth in range(1, max(counted) + 1):
        models = sorted(network.label(model) for model in network.subfield if observed.get(model) == depth)
        beside = Chance.of(counted[depth], [float(each[depth]) for each in drawn], "both")
        shown = ", ".join(models[:8]) + (", …" if len(models) > 8 else "")
        rows.append({"depth": str(depth), "models": str(counted[depth]), **beside.cells(), "which": shown})
    return Measure(
        "lineage",
        "Lineage depth",
        "depth: edges of the longest chain from a model over what it is built on (backbone, initial weights, model) to"
        " something that is built on nothing known; beside lineages in which each model has as many bases and each base"
        " as many models, dealt out anew without cycles (two-sided p).",
        rows,
    )


def _directed(sources: Sequence[str], targets: Sequence[str]) -> nx.DiGraph[str]:
    import networkx as nx

    return nx.DiGraph(zip(sources, targets, strict=True))


def _depths(graph: nx.DiGraph[str]) -> dict[str, int] | None:
    """The length of the longest path that begins at each node; None if there is a cycle."""
    import networkx as nx

    try:
        order = list(nx.topological_sort(graph))
    except nx.NetworkXUnfeasible:
        return None
    depths: dict[str, int] = {}
    for node in reversed(order):
        depths[node] = max((depths[base] + 1 for base in graph.successors(node)), default=0)
    return depths


def cores(network: Network) -> Measure:
    """The k-core."""
    import networkx as nx

    rows = []
    for name in ("co-citation", "models-concepts", "modality-task"):
        graph = nx.Graph(network.view(name))
        if not graph:
            continue
        generator = network.generator(f"cores {name}")
        numbers = nx.core_number(graph)
        highest = max(numbers.values())
        inner = [node for node, number in numbers.items() if number == highest]
        drawn = [max(_same_degrees(graph, generator).coreness()) for _ in range(network.samples)]
        kinds = Counter(str(graph.nodes[node]["kind"]) for node in inner)
        labels = sorted((str(graph.nodes[node]["label"]) for node in inner), key=str.casefold)
        rows.append(
            {
                "view": name,
                "nodes": str(graph.number_of_nodes()),
                "edges": str(graph.number_of_edges()),
                "k": str(highest),
                **Chance.of(highest, [float(each) for each in drawn], "both").cells(),
                "in_core": str(len(inner)),
                "kinds": ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()),
                "members": "; ".join(labels[:6]) + ("; …" if len(labels) > 6 else ""),
            }
        )
    return Measure(
        "cores",
        "Innermost k-core",
        "k: the largest number for which some nodes have k neighbours each among themselves; beside graphs in which"
        " each"
        " node has as many neighbours, in two-mode views of the other side (two-sided p).",
        rows,
    )


def _same_degrees(graph: Graph, generator: random.Random) -> Any:
    """A random simple graph of the same degrees; a two-mode graph stays one."""
    sides = {node: attributes.get("bipartite") for node, attributes in graph.nodes(data=True)}
    if None in sides.values():
        numbers = {node: number for number, node in enumerate(graph)}
        drawn = igraph().Graph(n=len(numbers), edges=[(numbers[one], numbers[other]) for one, other in graph.edges])
        with seeded(generator):
            drawn.rewire(n=10 * graph.number_of_edges())
        return drawn
    two_mode = {node: frozenset(graph[node]) for node, side in sides.items() if side == 0}
    drawn_mode = chance.curveball(two_mode, generator)
    return igraph().Graph.TupleList([(one, other) for one in sorted(drawn_mode) for other in sorted(drawn_mode[one])])

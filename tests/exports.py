"""The release files that are not plain RDF: made here for the tests, and by ``python -m tests.exports`` elsewhere.

The module prints the digest of each file, so that another process with other hashes can be compared.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from pyoxigraph import DefaultGraph, RdfFormat, parse

from hfm_kg import mappings, registry
from hfm_kg.export import context, croissant, describe, kgx, obographs, ontology, prefixes, sssom
from hfm_kg.export.files import ReleaseFile
from hfm_kg.statement import Graph


def read_graph(dump: Path) -> Graph:
    """The named graphs of a snapshot's N-Quads."""
    quads = parse(path=str(dump), format=RdfFormat.N_QUADS)
    return Graph({quad for quad in quads if not isinstance(quad.graph_name, DefaultGraph)})


def make(graph: Graph, folder: Path) -> dict[str, bytes]:
    """The files of a graph and of a folder of mappings."""
    sets, findings = mappings.read(folder)
    assert findings == []
    known = prefixes.prefixes(sets)
    facts = ontology.with_facts(graph)
    terms = context.context(facts, known)
    tables = kgx.write(graph, known)
    version = registry.version_of(graph)
    made = [
        ReleaseFile("hfm.json", obographs.write(ontology.merged(graph)), "application/json", "the ontology"),
        ReleaseFile("context.jsonld", context.write(terms), "application/ld+json", "the context"),
        ReleaseFile("hfm-facts.jsonld", context.compacted(facts, terms), "application/ld+json", "the facts"),
        ReleaseFile("prefixes.epm.json", prefixes.extended_prefix_map(known), "application/json", "the prefixes"),
        ReleaseFile("hfm_nodes.tsv", tables.nodes, "text/tab-separated-values", "the nodes"),
        ReleaseFile("hfm_edges.tsv", tables.edges, "text/tab-separated-values", "the edges"),
        ReleaseFile("hfm.sssom.tsv", sssom.write(sets, version), "text/tab-separated-values", "the mappings"),
        ReleaseFile("hfm-graph.nq.gz", b"", "application/n-quads", "a compressed file of the whole graph"),
    ]
    release = describe.Release(version)
    return {file.name: file.content for file in made} | {
        "void.ttl": describe.void(release, graph, sssom.accepted(sets), known, made),
        "dcat.ttl": describe.dcat(release, graph, made),
        "service.ttl": describe.service(release, graph),
        "croissant.json": croissant.croissant(release, made),
        "dataset.jsonld": croissant.dataset(release, made),
    }


if __name__ == "__main__":
    contents = make(read_graph(Path(sys.argv[1])), Path(sys.argv[2]))
    print(json.dumps({name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}))

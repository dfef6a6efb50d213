"""The files of a release without the manifest: made here for the tests, by ``python -m tests.exports`` elsewhere.

The module prints the digest of each file, so that another process with other hashes can be compared.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from pyoxigraph import DefaultGraph, RdfFormat, parse

from hfm_kg import catalog, mappings
from hfm_kg.export import release
from hfm_kg.statement import Graph


def read_graph(dump: Path) -> Graph:
    """The named graphs of a snapshot's N-Quads."""
    quads = parse(path=str(dump), format=RdfFormat.N_QUADS)
    return Graph({quad for quad in quads if not isinstance(quad.graph_name, DefaultGraph)})


def make(graph: Graph, folder: Path) -> dict[str, bytes]:
    """The files of a graph and of a checkout's folder of mappings."""
    sets, findings = mappings.read(folder)
    assert findings == []
    material = release.Material(graph, sets, catalog.read(folder.parent.parent / "queries"))
    made = release.files(material, lambda step: None)
    return {file.name: file.content for file in made}


if __name__ == "__main__":
    contents = make(read_graph(Path(sys.argv[1])), Path(sys.argv[2]))
    print(json.dumps({name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}))

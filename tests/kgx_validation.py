"""Run KGX's own validator and reader over files, without network: ``python -m tests.kgx_validation NODES EDGES EPM``.

KGX fetches the Biolink model and its prefixes when it is imported; here both come from the package ``biolink-model``.
Biolink does not know our prefixes, so those of the extended prefix map EPM are registered. Prints a JSON object with
the counts of what KGX read and the errors it found.
"""

from __future__ import annotations

import json
import logging
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import bmt
from linkml_runtime.utils.schemaview import SchemaView

MODEL = files("biolink_model")


class PackagedToolkit(bmt.Toolkit):  # type: ignore[misc]  # bmt ships no types
    """The Biolink model of the installed package."""

    def __init__(self) -> None:
        self.view = SchemaView(str(MODEL / "schema" / "biolink_model.yaml"))
        self.pmap: dict[str, Any] = {}  # of qualified predicates, which we do not use


def validate(nodes: str, edges: str, prefix_map: str) -> dict[str, Any]:
    """Counts and errors of a property graph in two tables."""
    bmt.Toolkit = PackagedToolkit
    from kgx import config

    context = json.loads((MODEL / "prefixmaps" / "biolink-model-prefix-map.json").read_text(encoding="utf-8"))
    known = {one["prefix"]: one["uri_prefix"] for one in json.loads(Path(prefix_map).read_text(encoding="utf-8"))}
    config.get_config()
    config.jsonld_context_map["biolink"] = context | known
    config.get_logger().setLevel(logging.ERROR)  # it warns of each property whose type it does not check
    from kgx.transformer import Transformer
    from kgx.validator import Validator

    transformer = Transformer()
    transformer.transform({"filename": [nodes, edges], "format": "tsv"})
    graph = transformer.store.graph
    validator = Validator()
    validator.validate(graph)
    return {
        "nodes": graph.number_of_nodes(),
        "edges": graph.number_of_edges(),
        "errors": {**transformer.errors, **validator.errors},
    }


if __name__ == "__main__":
    result = validate(*sys.argv[1:])
    print(json.dumps(result))

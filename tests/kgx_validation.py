"""KGX's own reader and validator over folders of release files: ``python -m tests.kgx_validation FOLDER ...``.

KGX fetches the Biolink model and its prefixes when it is imported; here both come from the package ``biolink-model``.
Biolink does not know our prefixes, so those of the folder's ``prefixes.epm.json`` are registered. Prints a JSON list
with, for each folder, how many nodes and edges KGX read in the tables and in OBO Graphs, and the errors that it found.
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


def inspect(folder: Path) -> dict[str, Any]:
    """What KGX reads and finds in a folder."""
    from kgx import config

    own = json.loads((folder / "prefixes.epm.json").read_text(encoding="utf-8"))
    model = json.loads((MODEL / "prefixmaps" / "biolink-model-prefix-map.json").read_text(encoding="utf-8"))
    config.get_config()
    known = model | {one["prefix"]: one["uri_prefix"] for one in own}
    config.jsonld_context_map |= dict.fromkeys(("biolink", "monarch_context", "obo_context"), known)
    config.get_logger().setLevel(logging.ERROR)  # it warns of each property whose type it does not check
    from kgx.transformer import Transformer
    from kgx.utils.kgx_utils import GraphEntityType
    from kgx.validator import Validator

    def streamed(form: str, *names: str) -> dict[str, int]:
        counts = {"nodes": 0, "edges": 0}

        def count(kind: GraphEntityType, record: object) -> None:
            counts["nodes" if kind == GraphEntityType.NODE else "edges"] += 1

        validator = Validator(progress_monitor=count)
        transformer = Transformer(stream=True)
        inputs = {"filename": [str(folder / name) for name in names], "format": form}
        transformer.transform(inputs, {"format": "null"}, inspector=validator)
        if form == "tsv":
            errors.update(validator.get_errors("ERROR") | transformer.get_errors("ERROR"))
        return counts

    errors: dict[str, Any] = {}
    return {
        "tables": streamed("tsv", "hfm_nodes.tsv", "hfm_edges.tsv"),
        "obographs": streamed("obojson", "hfm.json"),
        "errors": errors,
    }


if __name__ == "__main__":
    bmt.Toolkit = PackagedToolkit
    print(json.dumps([inspect(Path(folder)) for folder in sys.argv[1:]]))

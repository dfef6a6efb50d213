"""The words that a query can be written with, for an editor to complete."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from pyoxigraph import NamedNode

from hfm_kg import sparql

if TYPE_CHECKING:
    from hfm_kg.server.site.site import Site

LEFT_OUT: Final = frozenset({"row", "place", "reference", "survey", "source", "scheme", "thing", "mentioned work"})
"""Kinds of things that a query hardly ever names."""

PROPERTIES: Final = """SELECT DISTINCT ?property ?range WHERE {
  { SELECT DISTINCT ?property WHERE { ?subject ?property ?value } }
  OPTIONAL { ?property rdfs:range ?range FILTER(ISIRI(?range)) }
}"""
CLASSES: Final = "SELECT DISTINCT ?class WHERE { ?thing a ?class FILTER(ISIRI(?class)) }"


def words(site: Site) -> list[dict[str, str | list[str]]]:
    """Classes, properties in use with their ranges, and concepts, models and datasets with their classes."""
    found: dict[str, dict[str, str | list[str]]] = {
        sparql.name(thing.node.value): {
            "kind": thing.kind,
            "label": thing.label,
            "types": sorted(sparql.name(each.value) for each in thing.types),
        }
        for thing in site.names.things.values()
        if thing.kind not in LEFT_OUT
    }
    for row in site.select(PROPERTIES):
        word = found.setdefault(_name(row["property"]), {"label": ""})
        word["kind"] = "property"
        if "range" in row:
            word["range"] = _name(row["range"])
    for row in site.select(CLASSES):
        found.setdefault(_name(row["class"]), {"kind": "class", "label": ""})
    return [{"name": name, **told} for name, told in sorted(found.items())]


def _name(node: object) -> str:
    assert isinstance(node, NamedNode)
    return sparql.name(node.value)


def written(site: Site) -> bytes:
    """The words, and the prefixes that a query need not declare, as JSON."""
    told = {"prefixes": dict(sparql.PREFIXES), "words": words(site)}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()

"""What this installation is, where its things lie, and what its snapshot holds."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Final

from hfm_kg import catalog, pipeline, sparql, store
from hfm_kg.errors import NoSnapshotError

ONTOLOGY_VERSION: Final = "SELECT ?version { <hfm.owl> owl:versionInfo ?version }"
COUNTS: Final = """SELECT ?kind (COUNT(DISTINCT ?thing) AS ?things) {
  VALUES (?class ?kind) {
    (hfm:FoundationModel "models") (hfm:Dataset "datasets") (hfm:Publication "references") (skos:Concept "concepts")
  }
  ?thing a ?class
} GROUP BY ?kind ORDER BY ?kind"""
LEFT_OUT: Final = ("name", "sources")
"""What a manifest tells that is for programs alone."""


def gather(settings: pipeline.Settings) -> dict[str, object]:
    """Facts by their names; what is told of a snapshot is missing where there is none.

    Raises SnapshotError if a snapshot cannot be read.
    """
    found: dict[str, object] = {"version": metadata.version("hfm-kg"), "python": platform.python_version()}
    found |= {name: metadata.version(name) for name in pipeline.ENGINES if name != "hfm-kg"}
    found |= {"root": str(settings.root.resolve()), "output": str(settings.output)}
    queries = catalog.read(settings.queries) if settings.queries.is_dir() else catalog.Catalog({})
    found["catalogue queries"] = len(queries.of_kind("competency"))
    try:
        snapshot = store.current(settings.output)
    except NoSnapshotError:
        return {**found, "snapshot": None}
    opened = snapshot.open()
    built_from = {"root": "built from", "version": "built by"}
    told = {built_from.get(name, name): value for name, value in snapshot.manifest.items() if name not in LEFT_OUT}
    versions = [row["version"].value for row in sparql.select(opened, ONTOLOGY_VERSION)]
    kinds = {row["kind"].value: int(row["things"].value) for row in sparql.select(opened, COUNTS)}
    return {
        **found,
        "snapshot": str(snapshot.path),
        "up to date": pipeline.is_current(settings, snapshot),
        **told,
        "ontology": " ".join(versions),
        **kinds,
    }

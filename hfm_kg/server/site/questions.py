"""The catalogue's questions by what they are about, for people who look for one to begin with."""

from __future__ import annotations

from typing import Final

from hfm_kg.catalog import Catalog, CatalogQuery

TOPICS: Final = {
    "Models": (
        "models-by-subfield", "models-by-year", "models-by-paradigm", "bioinformatics-models", "ophthalmic-models",
        "report-generation-models", "tasks-of-language-and-multimodal-models", "unlabelled-pathology-models-with-code",
        "code-by-subfield",
    ),
    "How models are trained and adapted": (
        "paradigm-flow", "adapters-and-prompts", "supervised-pretraining", "techniques-in-use", "training-techniques",
        "token-corpora",
    ),
    "What models are built on": (
        "what-is-a-model-built-on", "most-used-backbones", "models-built-on-surveyed-models", "sam-based-models",
    ),
    "Datasets": (
        "datasets-by-subfield", "datasets-of-model-papers", "datasets-without-models", "large-image-datasets",
        "open-pathology-datasets", "patient-datasets", "unavailable-datasets",
    ),
    "Applications, challenges and directions": (
        "applications-by-subfield", "challenge-tree", "challenges-without-direction", "directions-for-challenges",
    ),
    "References and addresses": (
        "most-cited-references", "identified-references", "surveys-by-year", "links-found",
    ),
    "Where it is said, and what was corrected": (
        "why-is-it-said", "where-is-it-said", "cells-as-printed", "facts-by-section", "corrected-models",
        "corrections-by-kind", "disputed-statements", "notes-of-a-thing",
    ),
    "Words to ask with": ("properties", "concepts", "mapped-concepts", "counts"),
}  # fmt: skip
"""Names of queries by topic."""
OTHERS: Final = "Others"


def by_topic(queries: Catalog) -> dict[str, list[CatalogQuery]]:
    """The questions of the catalogue by topic; those of no topic come last."""
    left = {query.name: query for query in queries.of_kind("competency")}
    found = {topic: [left.pop(name) for name in names if name in left] for topic, names in TOPICS.items()}
    return {topic: some for topic, some in {**found, OTHERS: list(left.values())}.items() if some}

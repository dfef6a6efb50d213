"""``hfm.sssom.tsv``: all accepted mappings in one set, in the canonical form of SSSOM/TSV.

What the single sets say of themselves goes into the one header if all agree on it, and into a column if not; each row
names the set it comes from. Mappings that were refused stay out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import yaml

from hfm_kg.export.prefixes import merged
from hfm_kg.mappings import COLUMNS, REJECTED, MappingSet
from hfm_kg.terms import BASE

SLOTS: Final = (
    "subject_id",
    "subject_label",
    "predicate_id",
    "object_id",
    "object_label",
    "mapping_justification",
    "license",
    "subject_source",
    "object_source",
    "object_source_version",
    "mapping_source",
    "mapping_date",
    "confidence",
    "comment",
)
"""The columns that a row may have, in the order in which the SSSOM schema declares them."""

SHARED: Final = ("license", "subject_source", "mapping_date")
"""What the single sets say in their headers and the schema lets a row say too."""

REFERENCES: Final = (
    "subject_id",
    "predicate_id",
    "object_id",
    "mapping_justification",
    "subject_source",
    "object_source",
    "mapping_source",
)
"""The slots whose values are CURIEs."""


def accepted(sets: Sequence[MappingSet]) -> list[MappingSet]:
    """The sets whose mappings make triples."""
    return [one for one in sets if one.path.name != REJECTED]


def write(sets: Sequence[MappingSet], version: str) -> bytes:
    """The merged set of a release, sorted. Raises FindingsError if two sets mean something else by one prefix."""
    kept = accepted(sets)
    rows = [
        {slot: str(one.metadata[slot]) for slot in SHARED}
        | {column: row[column] for column in COLUMNS}
        | {"mapping_source": f"hfm:mappings/{one.path.name}"}
        for one in kept
        for row in one.rows
    ]
    common = {slot: values.pop() for slot in SHARED if len(values := {row[slot] for row in rows}) == 1}
    columns = [slot for slot in SLOTS if slot not in common and any(row[slot] for row in rows)]
    used = {row[slot].partition(":")[0] for row in rows for slot in REFERENCES}
    header = {
        "curie_map": {prefix: base for prefix, base in sorted(merged(kept).items()) if prefix in used},
        "mapping_set_id": BASE + "mappings/hfm.sssom.tsv",
        "mapping_set_version": version,
        "mapping_set_source": [one.metadata["mapping_set_id"] for one in kept],
        "mapping_set_title": "HFM-KG onto other vocabularies",
        "mapping_set_description": "All accepted mappings of HFM-KG; identifiers and labels only, the definitions of "
        "the other side are its own.",
        **common,
    }
    comments = yaml.safe_dump(header, sort_keys=False, allow_unicode=True, width=10_000).splitlines()
    lines = sorted("\t".join(row[column] for column in columns) for row in rows)
    return "\n".join([*(f"#{line}" for line in comments), "\t".join(columns), *lines, ""]).encode()

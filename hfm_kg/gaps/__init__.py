"""Combinations of modality, task and paradigm that no reviewed model covers, ranked by what lies around them.

A *gap* is a combination that the sources of the graph report no model for. That is no statement about the world: a
model may exist that no source reviews. Hence every gap comes with the rows that it rests on, and the ranking is tried
on years that are hidden from it (:mod:`hfm_kg.gaps.trial`).
"""

from __future__ import annotations

from hfm_kg.gaps.field import Field, read
from hfm_kg.gaps.ranking import NOT_REPORTED, Combination, Evidence, Gap, Witness, rank

__all__ = ["NOT_REPORTED", "Combination", "Evidence", "Field", "Gap", "Witness", "rank", "read"]

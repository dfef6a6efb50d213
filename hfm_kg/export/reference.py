"""The reference documentation: each class, property and concept with its axioms, its mappings and how it is used.

:func:`terms` gives it as data, and :func:`html` as one page that needs nothing else. What a term is, is read from the
triples of ``hfm.owl``; how often it is used is counted in the graph, what the reasoner inferred included.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import jinja2
from pyoxigraph import Literal, NamedNode, Triple

from hfm_kg import sparql
from hfm_kg.catalog import Catalog
from hfm_kg.export import ontology
from hfm_kg.export.manchester import CHARACTERISTICS, Axiom, Link, Manchester, Node, Statements
from hfm_kg.statement import Graph
from hfm_kg.terms import BASE, DCTERMS, HFM, IAO, OWL, RDF, RDFS, SKOS

CLASS: Final = "class"
SCHEME: Final = "concept scheme"
CONCEPT: Final = "concept"
DEPRECATED: Final = "deprecated term"
KINDS: Final[Mapping[NamedNode, str]] = {
    OWL.deprecated: DEPRECATED,
    OWL.Class: CLASS,
    OWL.ObjectProperty: "object property",
    OWL.DatatypeProperty: "data property",
    OWL.AnnotationProperty: "annotation property",
    SKOS.ConceptScheme: SCHEME,
    SKOS.Concept: CONCEPT,
}
"""The kinds of terms, by the class or mark that makes them one; what is deprecated is nothing else any more."""

HIERARCHY: Final = (RDFS.subClassOf, RDFS.subPropertyOf, SKOS.broader)

USERS: Final[Mapping[NamedNode, str]] = {HFM.FoundationModel: "models", HFM.Dataset: "datasets"}
"""The kinds of things that use concepts and are counted apart from all others."""
OTHERS: Final = "other things"

EXAMPLES: Final = 3
ROWS: Final = 10
"""Rows that an example query gives at most."""


@dataclass(frozen=True)
class Use:
    """How many of what use a term: members of a class, statements of a property, things that point to a concept."""

    what: str
    count: int
    by: Link | None = None
    """The property by which a concept is pointed to."""


@dataclass(frozen=True)
class Match:
    """A reviewed mapping onto a term of another vocabulary."""

    predicate: Link
    target: Link
    mapping_set: Link
    """The named graph that states it, and its title."""


@dataclass(frozen=True)
class Term:
    """All that the documentation says of one term."""

    iri: str
    kind: str
    label: str
    definition: str
    synonyms: tuple[str, ...]
    notations: tuple[str, ...]
    notes: tuple[str, ...]
    classes: tuple[Link, ...]
    """The classes of a concept."""
    schemes: tuple[Link, ...]
    sources: tuple[Link, ...]
    """The places in sources that the definition rests on."""
    parents: tuple[Link, ...]
    children: tuple[Link, ...]
    characteristics: tuple[str, ...]
    axioms: tuple[Axiom, ...]
    uses: tuple[Use, ...]
    examples: tuple[Link, ...]
    matches: tuple[Match, ...]
    replaced_by: tuple[Link, ...]
    query: str
    """A query that shows the term in use; empty for a deprecated one."""
    questions: tuple[str, ...]
    """The names of the catalogue's competency questions that ask with the term."""

    @property
    def name(self) -> str:
        """As a query writes it: a prefixed name, or the IRI in brackets."""
        return sparql.name(self.iri)

    @property
    def is_ours(self) -> bool:
        """Whether the term is not borrowed from another vocabulary."""
        return self.iri.startswith(BASE)

    @property
    def is_deprecated(self) -> bool:
        """Whether the term was taken out of use."""
        return self.kind == DEPRECATED

    @property
    def anchor(self) -> str:
        """The fragment of the term on the page."""
        return anchor(self.iri)


def anchor(iri: str) -> str:
    """The fragment of a term on the page: its local name, with its prefix if it is borrowed.

    >>> anchor("https://w3id.org/hfm/FoundationModel"), anchor("http://www.w3.org/2004/02/skos/core#Concept")
    ('FoundationModel', 'skos:Concept')
    """
    return iri.removeprefix(BASE) if iri.startswith(BASE) else sparql.name(iri).strip("<>")


def kind_of(marks: Collection[Node]) -> str:
    """The kind of a term by its classes, owl:deprecated being one of them; empty for what is none."""
    return next((kind for mark, kind in KINDS.items() if mark in marks), "")


def terms(graph: Graph, queries: Catalog) -> list[Term]:
    """Each term that ``hfm.owl`` declares, our own and borrowed ones: by kind, then by label."""
    return list(_Reader(graph, queries).terms())


class _Reader:
    """Looks up what is said of terms and what uses them; each index is made once, over the whole graph."""

    def __init__(self, graph: Graph, queries: Catalog) -> None:
        self.graph = graph
        self.triples = graph.triples()
        self.said = Statements(ontology.merged(graph))
        self.manchester = Manchester(self.said, self.link)
        self.questions = [(query.name, sparql.names(query.text)) for query in queries.of_kind("competency")]

    def terms(self) -> Iterator[Term]:
        """All terms by kind and label."""
        subjects = [node for node in self.said.about if isinstance(node, NamedNode)]
        kinds = {node: kind for node in subjects if (kind := self.kind(node))}
        order = list(KINDS.values())
        for node in sorted(kinds, key=lambda node: (order.index(kinds[node]), by_label(self.link(node)))):
            yield self.term(node, kinds[node])

    def kind(self, node: NamedNode) -> str:
        """The kind of a term, empty for what is none."""
        deprecated = {OWL.deprecated} if self.said.values(node, OWL.deprecated) else set()
        return kind_of({*self.said.values(node, RDF.type), *deprecated})

    def term(self, node: NamedNode, kind: str) -> Term:
        """All that is known of a term."""
        types = self.said.values(node, RDF.type)
        written = {sparql.name(node.value), f"<{node.value}>"}
        return Term(
            iri=node.value,
            kind=kind,
            label=self.link(node).label,
            definition=" ".join(self.texts(node, IAO.IAO_0000115)),
            synonyms=self.texts(node, SKOS.altLabel),
            notations=self.texts(node, SKOS.notation),
            notes=self.texts(node, IAO.IAO_0000116),
            classes=self.links(of for of in types if kind == CONCEPT and of.value.startswith(BASE)),
            schemes=self.links(self.said.values(node, SKOS.inScheme)),
            sources=self.links(self.said.values(node, DCTERMS.source)),
            parents=self.links(self.said.values(node, *HIERARCHY)),
            children=self.links(self.said.subjects(node, *HIERARCHY)),
            characteristics=tuple(CHARACTERISTICS[of] for of in types if of in CHARACTERISTICS),
            axioms=tuple(self.manchester.axioms(node)),
            uses=tuple(self.uses(node, kind)),
            examples=self.examples(node, kind),
            matches=self.matches.get(node, ()),
            replaced_by=self.links(self.said.values(node, IAO.IAO_0100001)),
            query=_query(sparql.name(node.value), kind),
            questions=tuple(name for name, names in self.questions if names & written),
        )

    def texts(self, node: NamedNode, predicate: NamedNode) -> tuple[str, ...]:
        """The literals that are said of a term."""
        return tuple(sorted({value.value for value in self.said.values(node, predicate) if isinstance(value, Literal)}))

    def link(self, node: NamedNode) -> Link:
        """A link to a term or thing."""
        return Link(self.labels.get(node) or sparql.name(node.value).strip("<>"), node.value)

    def links(self, nodes: Iterable[Node]) -> tuple[Link, ...]:
        """Links to those of the nodes that have a name, by label."""
        return tuple(sorted({self.link(node) for node in nodes if isinstance(node, NamedNode)}, key=by_label))

    @cached_property
    def labels(self) -> dict[Node, str]:
        """What everything is called."""
        named = sorted((triple for triple in self.triples if triple.predicate == RDFS.label), key=str, reverse=True)
        return {triple.subject: triple.object.value for triple in named if isinstance(triple.object, Literal)}

    @cached_property
    def matches(self) -> dict[Node, tuple[Match, ...]]:
        """The mappings of each concept."""
        found: dict[Node, list[Match]] = defaultdict(list)
        for quad in sorted((quad for quad in self.graph.quads if quad.predicate in ontology.MATCHES), key=str):
            if isinstance(quad.object, NamedNode) and isinstance(quad.graph_name, NamedNode):
                links = (self.link(quad.predicate), self.link(quad.object), self.link(quad.graph_name))
                found[quad.subject].append(Match(*links))
        return {node: tuple(matches) for node, matches in found.items()}

    @cached_property
    def types(self) -> dict[Node, set[Node]]:
        """The classes of each thing."""
        found: dict[Node, set[Node]] = defaultdict(set)
        for triple in self.triples:
            if triple.predicate == RDF.type:
                found[triple.subject].add(triple.object)
        return dict(found)

    @cached_property
    def members(self) -> dict[Node, list[Node]]:
        """The members of each class."""
        found: dict[Node, list[Node]] = defaultdict(list)
        for thing, classes in self.types.items():
            for of in classes:
                found[of].append(thing)
        return dict(found)

    @cached_property
    def statements(self) -> dict[Node, list[Triple]]:
        """The statements of each property."""
        found: dict[Node, list[Triple]] = defaultdict(list)
        for triple in self.triples:
            found[triple.predicate].append(triple)
        return dict(found)

    @cached_property
    def pointers(self) -> dict[Node, list[Triple]]:
        """What is said with each node by a property of ours; records of sources say nothing of the world."""
        found: dict[Node, list[Triple]] = defaultdict(list)
        for triple in self.triples:
            if triple.predicate.value.startswith(BASE) and not self.types.get(triple.subject, set()) & ontology.RECORDS:
                found[triple.object].append(triple)
        return dict(found)

    def user(self, thing: Node) -> str:
        """As what a thing that uses a concept is counted."""
        return next((word for of, word in USERS.items() if of in self.types.get(thing, ())), OTHERS)

    def uses(self, node: NamedNode, kind: str) -> Iterator[Use]:
        """How often a term is used."""
        if kind == CONCEPT:
            uses = Counter((self.link(said.predicate), self.user(said.subject)) for said in self.pointers.get(node, ()))
            for (by, what), count in sorted(uses.items(), key=lambda item: (item[0][0].name, item[0][1])):
                yield Use(what, count, by)
        for what, count in (
            ("members", len(self.members.get(node, ())) if kind == CLASS else 0),
            ("statements", len(self.statements.get(node, ()))),
            ("concepts", len(self.said.subjects(node, SKOS.inScheme))),
        ):
            if count:
                yield Use(what, count)

    def examples(self, node: NamedNode, kind: str) -> tuple[Link, ...]:
        """Some things that show a term in use: models first, then datasets, then others, by label."""
        things: Collection[Node] = self.said.subjects(node, SKOS.inScheme)
        if kind == CLASS:
            things = self.members.get(node, ())
        elif kind != SCHEME:
            statements = (self.pointers if kind == CONCEPT else self.statements).get(node, ())
            things = {said.subject for said in statements}
        ours = [thing for thing in things if isinstance(thing, NamedNode) and thing.value.startswith(BASE)]
        rank = [*USERS.values(), OTHERS]

        def order(thing: NamedNode) -> tuple[int, bool, tuple[str, str]]:
            return rank.index(self.user(thing)), thing not in self.labels, by_label(self.link(thing))

        return tuple(self.link(thing) for thing in sorted(ours, key=order)[:EXAMPLES])


def by_label(link: Link) -> tuple[str, str]:
    """The order of links."""
    return link.label.casefold(), link.iri


def _query(name: str, kind: str) -> str:
    """A query that shows a term of a kind in use."""
    if kind == DEPRECATED:
        return ""
    if kind == CONCEPT:
        return f"SELECT ?thing ?property WHERE {{\n  ?thing ?property {name} .\n}}\nLIMIT {ROWS}"
    if kind in (CLASS, SCHEME):
        return (
            f"SELECT ?member ?label WHERE {{\n  ?member {'a' if kind == CLASS else 'skos:inScheme'} {name} .\n"
            f"  OPTIONAL {{ ?member rdfs:label ?label }}\n}}\nORDER BY ?label\nLIMIT {ROWS}"
        )
    return f"SELECT ?subject ?value WHERE {{\n  ?subject {name} ?value .\n}}\nLIMIT {ROWS}"


TITLES: Final[Mapping[str, str]] = {
    CLASS: "Classes",
    "object property": "Object properties",
    "data property": "Data properties",
    "annotation property": "Annotation properties",
    SCHEME: "Concept schemes",
    CONCEPT: "Concepts without a scheme",
    DEPRECATED: "Deprecated terms",
}
"""The titles of the sections; the concepts of each scheme have a section of their own."""

TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.PackageLoader("hfm_kg.export"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Branch:
    """A term in a hierarchy, and what hangs below it."""

    term: Term
    below: tuple[Branch, ...]


@dataclass(frozen=True)
class Section:
    """Terms that are documented together."""

    name: str
    """What addresses call it."""
    title: str
    terms: tuple[Term, ...]


def section_of(kind: str, schemes: Sequence[Link]) -> tuple[str, str]:
    """The name and title of the section of a term.

    >>> section_of("object property", ())
    ('object-properties', 'Object properties')
    """
    if kind == CONCEPT and schemes:
        return re.split("[/#]", schemes[0].iri)[-1], schemes[0].label.capitalize()
    return TITLES[kind].lower().replace(" ", "-"), TITLES[kind]


def sections(documented: Sequence[Term]) -> list[Section]:
    """All sections: kinds in their order, then concept schemes by title."""
    order = list(TITLES)
    found: dict[str, tuple[tuple[int, str], list[Term]]] = {}
    for term in documented:
        name, title = section_of(term.kind, term.schemes)
        found.setdefault(name, ((order.index(term.kind), title), []))[1].append(term)
    return [
        Section(name, title, tuple(some))
        for name, ((_, title), some) in sorted(found.items(), key=lambda item: (item[1][0], item[0]))
    ]


def html(documented: Sequence[Term], version: str) -> bytes:
    """The documentation as one page."""
    anchors = {term.iri: f"#{term.anchor}" for term in documented}

    def href(iri: str) -> str:
        """Where a link leads: within the page if the term stands on it; nowhere if a browser could not follow it."""
        return anchors.get(iri) or (iri if iri.startswith(("http://", "https://")) else "")

    page = TEMPLATES.get_template("reference.html").render(
        version=version,
        sections=sections(documented),
        forest=forest,
        href=href,
        page_of=lambda iri: "",
        asked=lambda name: "",
    )
    return page.encode()


def forest(some: Sequence[Term]) -> tuple[Branch, ...]:
    """The hierarchy of some terms; one that has several parents among them hangs below each."""
    by_iri = {term.iri: term for term in some}

    def branch(term: Term, above: tuple[str, ...]) -> Branch:
        path = (*above, term.iri)
        below = [by_iri[child.iri] for child in term.children if child.iri in by_iri and child.iri not in path]
        return Branch(term, tuple(branch(child, path) for child in below))

    roots = [term for term in some if not any(parent.iri in by_iri for parent in term.parents)]
    return tuple(branch(root, ()) for root in roots)

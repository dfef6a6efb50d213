"""The graph in Python: one interface over a snapshot, an RDF file and a SPARQL endpoint.

>>> from hfm_kg import open_graph
>>> graph = open_graph()
>>> graph.query("models-by-subfield")
subfield        models
vision          67
multimodal      58
language        44
bioinformatics  31
[4 rows]
>>> [model.name for model in graph.models(modality="pathology", paradigm="CL", code=True)]
['Ciga et al.', 'CTransPath', 'MI-Zero']
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from pyoxigraph import Literal, NamedNode, QuerySolutions

from hfm_kg import binding, facets, kinds, result, session, source, sparql, values
from hfm_kg.binding import Term
from hfm_kg.catalog import Catalog
from hfm_kg.errors import UnknownNameError, UsageError
from hfm_kg.result import Result
from hfm_kg.search import Search, Thing
from hfm_kg.terms import BASE
from hfm_kg.things import Description, Provenance
from hfm_kg.values import Iri, Value

if TYPE_CHECKING:
    import networkx as nx

Name = str
"""An IRI, or what a thing is called: its label, a synonym, an abbreviation, the path of its IRI."""
Names = Name | Iterable[Name]
"""One name or several, of which a thing needs one."""

DESCRIPTION: Final = "SELECT DISTINCT ?property ?value WHERE { ?thing ?property ?value } ORDER BY ?property ?value"
MENTIONS: Final = """SELECT DISTINCT ?subject ?property WHERE {
  ?subject ?property ?thing .
  FILTER(ISIRI(?subject))
} ORDER BY ?property ?subject"""


def open_graph(
    place: str | Path | None = None, *, timeout: float | None = None, root: str | Path | None = None
) -> KnowledgeGraph:
    """Open the graph: a snapshot, a file, or an endpoint.

    ``place`` is a folder of snapshots or a snapshot, an RDF file (Turtle, N-Quads, TriG, RDF/XML, JSON-LD, gzipped or
    not), or the address of a SPARQL endpoint. Without one it is the snapshot of ``hfm-kg build``, which is built if
    there is none yet. ``timeout`` is how many seconds a query may take, unless it says otherwise; ``root`` is the
    folder of the query catalogue, that of this installation by default.

    Raises UsageError if there is nothing to open, SnapshotError if a snapshot cannot be read, and what a build raises.
    """
    settings = session.settings(root=None if root is None else Path(root))
    opened = source.opened(place, lambda: session.snapshot(settings))
    return KnowledgeGraph(opened, session.catalog(settings), timeout=timeout)


class KnowledgeGraph:
    """The knowledge graph, over anything that answers SPARQL; made by :func:`open_graph`."""

    def __init__(self, opened: source.Source, catalog: Catalog, *, timeout: float | None = None) -> None:
        self.source, self.catalog, self.timeout = opened, catalog, timeout

    # --- queries ---------------------------------------------------------------------------------------------------

    def query(self, query: str, /, *, timeout: float | None = None, **bindings: Any) -> Result:
        """Run SPARQL, or a query of the catalogue by its name, with values for some of its variables.

        A binding keeps the rows in which the variable has the value, or one of a list of values; where a query gives an
        example (``VALUES ?thing { … }``) the value takes its place, and may be a name. Values are numbers, truth
        values, dates, texts, which become plain strings, and IRIs (:class:`~hfm_kg.values.Iri`, or what a result
        holds); they are written as terms, so whatever a text holds it stays a text.

        Common prefixes need not be declared. ``timeout`` is in seconds; without one a query takes as long as it does.
        Raises QuerySyntaxError, UnknownQueryError and UsageError over the query, ForbiddenError over an update and over
        SERVICE, DeadlineError, and EndpointError.

        >>> years = "SELECT ?name ?year { ?model rdfs:label ?name ; hfm:publicationYear ?year }"
        >>> for model in graph.query(years, name=["UNI", "CONCH"]):
        ...     print(model.name, model.year)
        UNI 2024
        CONCH 2024
        >>> graph.query("notes-of-a-thing", thing="DeepLesion").columns
        ('note', 'kind', 'column', 'reported', 'corrected', 'errs', 'reason')
        >>> bool(graph.query("ASK { ?m hfm:modality hfm:Pathology }"))
        True
        """
        text = self.bound(query, **bindings)
        found = self.source.ask(text, timeout if timeout is not None else self.timeout)
        return result.from_engine(found, text, self._label)

    def bound(self, query: str, /, **bindings: Any) -> str:
        """The text of a query with values for some of its variables, as :meth:`query` asks it.

        >>> graph.bound("ASK { ?model hfm:publicationYear ?year }", year=2024)
        'ASK { VALUES ?year { "2024"^^<http://www.w3.org/2001/XMLSchema#integer> } ?model hfm:publicationYear ?year }'
        """
        text = self._text(query)
        if not bindings:
            return text
        source.check(text)  # a mistake is told in the words that were given
        return binding.bind(text, self._terms(text, bindings))

    @property
    def questions(self) -> Result:
        """The questions of the catalogue, with the names by which they are asked.

        >>> [question.name for question in graph.questions][:3]
        ['adapters-and-prompts', 'applications-by-subfield', 'bioinformatics-models']
        """
        return Result(["name", "question"], ([one.name, one.question] for one in self.catalog.of_kind("competency")))

    def _text(self, query: str) -> str:
        if not query.strip():
            raise UsageError("the query is empty")
        return query if any(letter in query for letter in "{}? \n") else self.catalog[query].text

    def _terms(self, query: str, bindings: Mapping[str, Any]) -> dict[str, list[Term]]:
        examples = binding.examples(query)
        terms = {}
        for name, value in bindings.items():
            several = value if isinstance(value, list | tuple | set | frozenset) else [value]
            if not several:
                raise UsageError(f"?{name} is given no value")
            is_thing = examples.get(name, "").startswith(("<", "hfm:"))
            terms[name] = [
                self._named(one) if is_thing and type(one) is str else values.to_term(one) for one in several
            ]
        return terms

    def _select(self, query: str) -> list[sparql.Solution]:
        return sparql.solutions(cast(QuerySolutions, self.source.ask(query, self.timeout)))

    # --- names -----------------------------------------------------------------------------------------------------

    @cached_property
    def names(self) -> Search:
        """The index of names; made when it is first needed."""
        return Search(self._select)

    def iri(self, name: Name) -> Iri:
        """The IRI of what is called so. Raises UnknownNameError, with near names.

        >>> graph.iri("BioBERT"), graph.iri("NER").label
        (Iri('https://w3id.org/hfm/model/BioBERT'), 'named entity recognition')
        """
        return Iri(self._named(name).value, self._label)

    def _named(self, name: Name) -> NamedNode:
        if isinstance(name, NamedNode):
            return name
        if "://" in name and not name.startswith(BASE):
            return cast(NamedNode, values.to_term(Iri(name)))
        return self.names.resolve(name)

    def _thing(self, iri: str) -> Thing | None:
        return self.names.things.get(iri.removeprefix(BASE)) if iri.startswith(BASE) else None

    def _label(self, iri: str) -> str | None:
        thing = self._thing(iri)
        return thing.label if thing else None

    def search(self, text: str, *, limit: int = 20, kinds: Iterable[str] = ()) -> Result:
        """What is called so or nearly so, the best first: columns thing, label, kind, score, reason, found.

        Case, accents, hyphens and small typos make no difference. ``kinds`` are such as model, dataset or task.

        >>> graph.search("bio bret", limit=1)[0].thing
        Iri('https://w3id.org/hfm/model/BioBERT')
        """
        rows = (
            [Iri(hit.thing.node.value, self._label), hit.thing.label, hit.thing.kind, hit.score, hit.reason, hit.text]
            for hit in self.names.search(text, limit, kinds)
        )
        return Result(["thing", "label", "kind", "score", "reason", "found"], rows)

    # --- lists -----------------------------------------------------------------------------------------------------

    def models(
        self,
        *,
        subfield: Names | None = None,
        paradigm: Names | None = None,
        pretrained: bool | None = None,
        adaptation: Names | None = None,
        modality: Names | None = None,
        task: Names | None = None,
        backbone: Names | None = None,
        technique: Names | None = None,
        application: Names | None = None,
        since: int | None = None,
        until: int | None = None,
        code: bool | None = None,
        unit: Names | None = None,
        size: int | None = None,
        order: str = "",
        limit: int | None = None,
    ) -> Result:
        """The models that have all of this: one of the names of each facet, a year, code that was found, a size.

        Broader concepts hold the narrower ones. Several values of a column are separated by ``|``. ``order`` is a
        column, with a minus before it for the greatest first; by name if empty. Raises UnknownNameError, with near
        names.

        >>> len(graph.models(subfield="vision", since=2023)), graph.models(task="NER", order="year", limit=1)[0].year
        (58, 2019)
        """
        given = {name: value for name, value in locals().items() if name not in ("self", "order", "limit")}
        return self._list("models", given, order, limit)

    def datasets(
        self,
        *,
        subfield: Names | None = None,
        modality: Names | None = None,
        task: Names | None = None,
        topic: Names | None = None,
        since: int | None = None,
        until: int | None = None,
        link: bool | None = None,
        unit: Names | None = None,
        size: int | None = None,
        order: str = "",
        limit: int | None = None,
    ) -> Result:
        """The datasets that have all of this; see :meth:`models`.

        >>> graph.datasets(modality="CT", unit="images", size=10_000)["name"]
        ['DeepLesion']
        """
        given = {name: value for name, value in locals().items() if name not in ("self", "order", "limit")}
        return self._list("datasets", given, order, limit)

    def references(
        self,
        *,
        kind: Names | None = None,
        citing: Names | None = None,
        subfield: Names | None = None,
        cited_by: Names | None = None,
        since: int | None = None,
        until: int | None = None,
        identifier: bool | None = None,
        survey: bool | None = None,
        order: str = "",
        limit: int | None = None,
    ) -> Result:
        """The entries of the reference list that have all of this; see :meth:`models`.

        >>> len(graph.references(survey=True))
        17
        """
        given = {name: value for name, value in locals().items() if name not in ("self", "order", "limit")}
        return self._list("references", given, order, limit)

    def concepts(
        self,
        *,
        scheme: Names | None = None,
        class_: Names | None = None,
        below: Names | None = None,
        mapped: Names | None = None,
        order: str = "",
        limit: int | None = None,
    ) -> Result:
        """The concepts of a scheme, of a class, below a concept, mapped onto a vocabulary; see :meth:`models`.

        >>> graph.concepts(scheme="subfields")["name"]
        ['bioinformatics', 'language', 'multimodal', 'vision']
        """
        given = {"scheme": scheme, "class": class_, "below": below, "mapped": mapped}
        return self._list("concepts", given, order, limit)

    def _list(self, kind_name: str, given: Mapping[str, object], order: str, limit: int | None) -> Result:
        kind = kinds.kind(kind_name)
        chosen = facets.choose(kind, given, self.names)
        return self.query(facets.query(kind, chosen, order, limit))

    # --- things ----------------------------------------------------------------------------------------------------

    def describe(self, name: Name) -> Description:
        """What the graph says of a thing, and what points at it. Raises UnknownNameError, with near names.

        >>> model = graph.describe("BioBERT")
        >>> model.label, model.kind, model["publicationYear"], [task.label for task in model["task"]][:2]
        ('BioBERT', 'model', [2019], ['named entity recognition', 'question answering'])
        """
        iri = self.iri(name)
        said, pointing = (self.query(text, thing=iri) for text in (DESCRIPTION, MENTIONS))
        if not said and not pointing:
            raise UnknownNameError(f"the graph says nothing of <{iri}>")
        thing = self._thing(iri)
        return Description(iri, iri.label, thing.kind if thing else "thing", said, pointing)

    def provenance(
        self,
        name: Name,
        property: Name | None = None,  # noqa: A002 # as the column is called
        value: Any = None,
    ) -> Provenance:
        """Where the sources say what the graph says of a thing, and the curators' notes on it.

        Narrowed to a property and a value, if these are given: a name, or a number or text where the property has such
        values. Raises UnknownNameError, with near names.

        >>> where = graph.provenance("SegVol", "modality", "CT").statements[0]
        >>> where.place, where.table, where.row
        ('Table 2', 2, 7)
        """
        iri = self.iri(name)
        given: dict[str, Any] = {"thing": iri}
        if property is not None:
            given["property"] = self.iri(property)
        if value is not None:
            given["value"] = self._value(value)
        said, notes = self.query("where-is-it-said", **given), self.query("notes-of-a-thing", thing=iri)
        return Provenance(iri, iri.label, said, notes)

    def _value(self, value: Any) -> Value | NamedNode | Literal:
        """A value as it is, or as the thing that is called so."""
        if type(value) is not str:
            return cast(Value, value)
        try:
            return self._named(value)
        except UnknownNameError:
            return value

    # --- other forms -----------------------------------------------------------------------------------------------

    def to_networkx(self, view: str = "everything") -> nx.Graph[str]:
        """A view of the graph for networkx; :data:`hfm_kg.network.VIEWS` lists them. Raises UsageError for another one.

        >>> graph.to_networkx("lineage").nodes["https://w3id.org/hfm/model/BioBERT"]["label"]
        'BioBERT'
        """
        from hfm_kg import network, rows

        return network.to_networkx(rows.of(self.source), view, self.catalog)

    def __repr__(self) -> str:
        return f"<KnowledgeGraph {self.source.name}>"

    def _repr_html_(self) -> str:
        counts = self.query("counts")
        return f"<p>HFM-KG, {values.html(self.source.name)}</p>{counts._repr_html_()}"

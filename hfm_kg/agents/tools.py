"""What agents can do beside listing: find, describe, ask, and read where it is said."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field
from rapidfuzz import process

from hfm_kg import binding, sparql
from hfm_kg.agents.answers import (
    Described,
    Example,
    Examples,
    Found,
    Hits,
    Link,
    Note,
    Rests,
    Schema,
    Source,
    Statement,
    Table,
    Word,
    cell,
    link,
    page,
    plain,
)
from hfm_kg.agents.citing import cite, placed, table
from hfm_kg.api import KnowledgeGraph
from hfm_kg.errors import UnknownNameError
from hfm_kg.result import Result, Row
from hfm_kg.search import fold, squeeze

Name = Annotated[str, Field(min_length=1, max_length=500, description="A name, abbreviation, path or IRI")]
Offset = Annotated[int, Field(ge=0, le=1_000_000, description="Rows to pass over")]
Limit = Annotated[int, Field(ge=1, le=100, description="Rows to give; fewer come where they are long")]
KindName = Literal["model", "dataset", "reference", "survey", "task", "modality", "backbone", "paradigm", "technique",
    "application", "challenge", "future direction", "topic", "sub-field", "unit", "class", "property"]  # fmt: skip

MOST_NOTES: Final = 10
MOST_HITS: Final = 1_000
"""Hits that are counted."""
SCHEMA: Final = {
    "classes": """SELECT ?term ?definition (COUNT(DISTINCT ?thing) AS ?uses) WHERE {
      ?thing a ?term .
      ?term a owl:Class .
      OPTIONAL { ?term obo:IAO_0000115 ?definition }
    } GROUP BY ?term ?definition ORDER BY DESC(?uses) ?term""",
    "properties": """SELECT ?term ?definition ?uses WHERE {
      { SELECT ?term (COUNT(*) AS ?uses) WHERE { ?thing ?term ?value } GROUP BY ?term }
      OPTIONAL { ?term obo:IAO_0000115 ?definition }
    } ORDER BY DESC(?uses) ?term""",
    "of a class": """SELECT ?term ?definition (COUNT(*) AS ?uses) WHERE {
      ?thing a ?class ; ?term ?value .
      OPTIONAL { ?term obo:IAO_0000115 ?definition }
    } GROUP BY ?term ?definition ORDER BY DESC(?uses) ?term""",
}


class Tools:
    """The tools over a graph; each is safe to call from several threads."""

    def __init__(self, graph: KnowledgeGraph) -> None:
        self.graph = graph

    def near(self, text: str, limit: int = 5) -> list[Link]:
        """What is called nearly so, or has nearly such an IRI."""
        name = text if " " in text else text.rstrip("/#").replace("#", "/").rpartition("/")[2].removeprefix("hfm:")
        things = self.graph.names.things
        ends = {path: path.rpartition("/")[2] for path in things}
        alike = process.extract(name, ends, processor=squeeze, score_cutoff=80, limit=2) if name else []
        found = [*(things[path] for _, _, path in alike), *(hit.thing for hit in self.graph.names.search(name, limit))]
        labels = {thing.node.value: thing.label for thing in found}
        return [Link(iri=iri, label=plain(label)) for iri, label in list(labels.items())[:limit]]

    # --- finding --------------------------------------------------------------------------------------------------

    def search(
        self,
        text: Annotated[str, Field(min_length=1, max_length=500, description="A name, or words of it")],
        kinds: Annotated[list[KindName] | None, Field(description="Give things of these kinds alone")] = None,
        limit: Limit = 10,
        offset: Offset = 0,
    ) -> Hits:
        """Find models, datasets, references and concepts by what they are called; typos are forgiven.

        Begin here if you know a name but no IRI. It finds names, not facts: for facts use the lists, ask or sparql.
        """
        found = self.graph.search(text, limit=MOST_HITS, kinds=kinds or ())
        hits = [
            Found(thing=link(row.thing), kind=row.kind, score=row.score, reason=row.reason, name=plain(row.found))
            for row in found[offset : offset + limit]
        ]
        kept, told = page(hits, len(found), offset, "more words of the name")
        return Hits(hits=kept, citations=cite(self.graph, kept), **told)

    def describe(self, name: Name, limit: Limit = 60, offset: Offset = 0) -> Described:
        """All that the graph says of one thing, each statement with the places of the sources that say so."""
        description, where = self.graph.describe(name), self.graph.provenance(name)
        places: dict[tuple[str, Any], list[Row]] = {}
        for row in where.statements:
            places.setdefault((row.property, row.value), []).append(row)
        statements = [
            Statement(
                property=link(key),
                value=cell(value),
                places=list(dict.fromkeys(placed(row.place, row.row) for row in places.get((key, value), ()))),
                references=sorted({row.reference for row in places.get((key, value), ())} - {None}),
            )
            for key, value in description.statements[offset : offset + limit]
        ]
        kept, told = page(statements, len(description.statements), offset, "the tool sparql for a single property")
        thing = link(description.iri)
        return Described(
            thing=thing,
            kind=description.kind,
            statements=kept,
            mentions=len(description.mentions),
            **_notes(where.notes),
            citations=cite(self.graph, [thing]),
            **told,
        )

    def provenance(
        self,
        name: Name,
        property: Annotated[str | None, Field(max_length=500, description="Of this property alone")] = None,  # noqa: A002 # as results call it
        value: Annotated[
            str | int | float | bool | None, Field(description="With this value alone; a name for a thing")
        ] = None,
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Rests:
        """Where the sources say what the graph says of a thing: table and row, section, reference; and notes on it."""
        found = self.graph.provenance(name, property, value)
        statements = [
            Source(
                property=link(row.property),
                value=cell(row.value),
                place=placed(row.place, row.row),
                source=plain(row.source),
                reference=row.reference,
            )
            for row in found.statements[offset : offset + limit]
        ]
        kept, told = page(statements, len(found.statements), offset, "name a property")
        return Rests(thing=link(found.iri), statements=kept, **_notes(found.notes), **told)

    # --- asking ---------------------------------------------------------------------------------------------------

    def sparql(
        self,
        query: Annotated[str, Field(min_length=1, max_length=100_000, description="SELECT, ASK, CONSTRUCT, DESCRIBE")],
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Table:
        """Run a SPARQL 1.1 query, read-only: no updates, no SERVICE, a deadline of seconds.

        The prefixes hfm, rdfs, skos, dcterms, prov, schema need not be declared. The tool schema gives the words. Ask
        for IRIs beside labels: what an IRI in the rows stands for is cited.
        """
        return table(self.graph, self.graph.query(query), limit, offset, "LIMIT or COUNT in the query")

    def ask(
        self,
        question: Annotated[str, Field(min_length=1, max_length=200, description="The name of an example")],
        bindings: Annotated[
            dict[str, Name | int | float | bool] | None,
            Field(description="Values for variables of the query, such as {'thing': 'UNI'}; a name for a thing"),
        ] = None,
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Table:
        """Run a question of the catalogue by its name; the tool examples lists them."""
        text = self.graph.bound(self.graph.catalog[question].text, **(bindings or {}))
        return table(self.graph, self.graph.query(text), limit, offset, "the tool sparql")

    # --- words ----------------------------------------------------------------------------------------------------

    def schema(
        self,
        of: Annotated[
            str, Field(max_length=500, description="'classes', 'properties', or a class for the properties it has")
        ] = "classes",
        limit: Limit = 60,
        offset: Offset = 0,
    ) -> Schema:
        """The words to ask with: classes and properties, how often each is used, and what it means."""
        found = self.words(of)
        words = [
            Word(
                term=link(row.term),
                name=row.term.short,
                uses=row.uses,
                definition=None if row.definition is None else plain(row.definition),
            )
            for row in found[offset : offset + limit]
        ]
        kept, told = page(words, len(found), offset, "name a class for its properties alone")
        return Schema(of=of, words=kept, prefixes=dict(sparql.PREFIXES), **told)

    def words(self, of: str) -> Result:
        """The same as rows: columns term, definition and uses."""
        if of in ("classes", "properties"):
            return self.graph.query(SCHEMA[of])
        named = self.graph.iri(of)
        found = self.graph.query(self.graph.bound(SCHEMA["of a class"], **{"class": named}))
        if not found:
            raise UnknownNameError(f"nothing in the graph is of the class <{named}>")
        return found

    def examples(
        self,
        about: Annotated[
            str, Field(max_length=200, description="The name of one, for its SPARQL; or a word of it")
        ] = "",
        limit: Limit = 60,
        offset: Offset = 0,
    ) -> Examples:
        """The questions of the catalogue, which the tool ask runs; one by its name with its SPARQL, to start from."""
        known = self.graph.catalog.of_kind("competency")
        chosen = [one for one in known if one.name == about] or [
            one for one in known if fold(about) in fold(f"{one.name} {one.question}")
        ]
        if not chosen:
            self.graph.catalog[about]  # which tells the nearest name
        found = [
            Example(
                name=one.name,
                question=one.question,
                columns=list(one.columns),
                binds=sorted(binding.examples(one.text)),
                query=one.body if len(chosen) == 1 else None,
            )
            for one in chosen[offset : offset + limit]
        ]
        kept, told = page(found, len(chosen), offset, "a word of the question")
        return Examples(examples=kept, **told)


def _notes(found: Result) -> dict[str, Any]:
    """The first notes, one for each, and how many there are more."""
    first: dict[str, Row] = {}
    for row in found:
        first.setdefault(row.note, row)
    notes = [
        Note(
            iri=iri,
            kind=str(row.kind),
            reported=plain(str(row.reported)),
            corrected=None if row.corrected is None else plain(str(row.corrected)),
            errs=plain(str(row.errs)),
            reason=plain(str(row.reason)),
        )
        for iri, row in list(first.items())[:MOST_NOTES]
    ]
    return {"notes": notes, "more_notes": len(first) - len(notes)}

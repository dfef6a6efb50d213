"""What people list: models, datasets, references and concepts, with the facets that narrow a list and its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from hfm_kg.errors import UsageError
from hfm_kg.tables import nearest
from hfm_kg.terms import BASE


class Asks(Enum):
    """What a facet asks of its values."""

    ANY = "one of these"
    AT_LEAST = "this or more"
    AT_MOST = "this or less"
    THERE = "whether there is one"


@dataclass(frozen=True)
class Facet:
    """A way to narrow a list. Patterns are SPARQL that binds ``?value`` of ``?item``."""

    name: str
    label: str
    pattern: str
    asks: Asks = Asks.ANY
    scheme: str = ""
    """The concept scheme whose concepts are its values, so that their names are understood."""
    folder: str = ""
    """The path below our namespace under which its values lie, which people need not write."""
    texts: tuple[str, ...] = ()
    """Its values, if they are these texts rather than things."""
    node: str = ""
    """A pattern that binds ``?node`` of ``?item``; facets with the same one ask the same node: 1,000 images or more."""
    listed: bool = True
    """Its values are few enough to choose from."""


@dataclass(frozen=True)
class Column:
    """A column of a list. The pattern binds ``?value`` of ``?item``."""

    name: str
    label: str
    pattern: str
    aggregate: str = "list"
    """``list``, or ``min`` for the one value by which rows are ordered."""
    literal: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind of things that people list; its name is the path of its page and of what else lists it."""

    name: str
    one: str
    pattern: str
    """Binds ``?item``."""
    facets: tuple[Facet, ...]
    columns: tuple[Column, ...]

    def facet(self, name: str) -> Facet:
        """The facet of that name. Raises UsageError with the nearest."""
        for facet in self.facets:
            if facet.name == name:
                return facet
        names = [facet.name for facet in self.facets]
        raise UsageError(
            f"{self.name} have no facet {name!r}{nearest(name, names) or '; take one of ' + ', '.join(names)}"
        )


SUBFIELD: Final = "?item hfm:subfield ?value ."
MODALITY: Final = "?item hfm:modality ?value ."
TASK: Final = "?item hfm:task ?value ."
CODE: Final = "?item hfm:codeRepository ?value ."
BUILT_ON: Final = "?item hfm:builtOn|hfm:backboneTransitive ?value ."
YEAR: Final = "?item hfm:publicationYear ?value ."
WORK_YEAR: Final = "?item hfm:reference/hfm:publicationYear ?value ."
PAGE: Final = "?item hfm:landingPage ?value ."
SAME_WORK: Final = "?item schema:sameAs ?value ."
SCHEME: Final = "?item skos:inScheme ?value ."
PUBLISHED_AS: Final = ("article", "conference", "preprint", "book", "chapter", "dataset", "web", "other")
OURS: Final = f'FILTER(STRSTARTS(STR(?value), "{BASE}"))'
MAPPED: Final = f"""GRAPH ?value {{ ?item ?mapping ?counterpart }}
  FILTER(STRSTARTS(STR(?value), "{BASE}mappings/"))"""


def _years(pattern: str) -> tuple[Facet, Facet]:
    return (
        Facet("since", "Since", pattern, Asks.AT_LEAST),
        Facet("until", "Until", pattern, Asks.AT_MOST),
    )


def _sizes(node: str) -> tuple[Facet, Facet]:
    return (
        Facet("unit", "Size in", "?node hfm:unit ?value .", scheme="units", node=node),
        Facet("size", "Size at least", "?node hfm:number ?value .", Asks.AT_LEAST, node=node),
    )


KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind(
            "models",
            "model",
            "?item a hfm:FoundationModel .",
            (
                Facet("subfield", "Sub-field", SUBFIELD, scheme="subfields"),
                Facet(
                    "paradigm", "Pre-training", "?item hfm:pretrainingParadigmTransitive ?value .", scheme="paradigms"
                ),
                Facet("adaptation", "Adaptation", "?item hfm:adaptationParadigm ?value .", scheme="paradigms"),
                Facet("modality", "Modality", "?item hfm:modalityTransitive ?value .", scheme="modalities"),
                Facet("task", "Task", "?item hfm:taskTransitive ?value .", scheme="tasks"),
                Facet(
                    "backbone",
                    "Backbone or initial weights",
                    BUILT_ON,
                    scheme="backbones",
                ),
                Facet("technique", "Technique", "?item hfm:technique ?value .", scheme="techniques"),
                Facet("application", "Application", "?item hfm:application ?value .", scheme="applications"),
                *_years(YEAR),
                Facet("code", "Code found", CODE, Asks.THERE),
                Facet("pretrained", "Pre-trained by its makers", "?item hfm:pretrainingParadigm ?value .", Asks.THERE),
                *_sizes("?item hfm:quantity ?node ."),
            ),
            (
                Column("subfield", "Sub-field", SUBFIELD),
                Column("paradigm", "Pre-training", "?item hfm:pretrainingParadigm ?value ."),
                Column("adaptation", "Adaptation", "?item hfm:adaptationParadigm ?value ."),
                Column("modality", "Modality", MODALITY),
                Column("task", "Task", TASK),
                Column("backbone", "Backbone", "?item hfm:backbone ?value ."),
                Column("year", "Year", YEAR, "min", literal=True),
                Column("code", "Code", CODE, literal=True),
            ),
        ),
        Kind(
            "datasets",
            "dataset",
            "?item a hfm:Dataset .",
            (
                Facet("subfield", "Sub-field", SUBFIELD, scheme="subfields"),
                Facet("modality", "Modality", "?item hfm:modalityTransitive ?value .", scheme="modalities"),
                Facet("task", "Task", "?item hfm:taskTransitive ?value .", scheme="tasks"),
                Facet("topic", "Topic", "?item hfm:topic ?value .", scheme="topics"),
                *_years(WORK_YEAR),
                Facet("link", "Address found", PAGE, Asks.THERE),
                *_sizes("?item hfm:size ?node ."),
            ),
            (
                Column("subfield", "Sub-field", SUBFIELD),
                Column("modality", "Modality", MODALITY),
                Column("task", "Task", TASK),
                Column("size", "Size as printed", "?item hfm:size/hfm:asReported ?value .", literal=True),
                Column("year", "Year of the work", WORK_YEAR, "min", literal=True),
                Column("link", "Address", PAGE, literal=True),
            ),
        ),
        Kind(
            "references",
            "reference",
            "?item a hfm:Publication .",
            (
                Facet("kind", "Published as", "?item hfm:publicationKind ?value .", texts=PUBLISHED_AS),
                Facet(
                    "citing",
                    "Cited for",
                    "?citing hfm:reference ?item ; a ?value . ?value a owl:Class . "
                    f"{OURS} FILTER(?value NOT IN (hfm:Row, hfm:Place))",
                ),
                Facet(
                    "subfield",
                    "Sub-field of what cites it",
                    "?citing hfm:reference ?item ; hfm:subfield ?value .",
                    scheme="subfields",
                ),
                Facet("cited_by", "Cited by", "?value hfm:reference ?item ; rdfs:label ?citing .", listed=False),
                *_years(YEAR),
                Facet("identifier", "DOI, arXiv or PubMed", SAME_WORK, Asks.THERE),
                Facet("survey", "A survey", "?item a hfm:Survey . BIND(hfm:Survey AS ?value)", Asks.THERE),
            ),
            (
                Column("number", "Number", "?item hfm:referenceNumber ?value .", "min", literal=True),
                Column("authors", "Authors", "?item hfm:authors ?value .", literal=True),
                Column("year", "Year", YEAR, "min", literal=True),
                Column("venue", "Venue", "?item hfm:venue ?value .", literal=True),
                Column("kind", "Published as", "?item hfm:publicationKind ?value .", literal=True),
                Column("identifier", "Identifier", SAME_WORK, literal=True),
            ),
        ),
        Kind(
            "concepts",
            "concept",
            "?item skos:inScheme ?someScheme .",
            (
                Facet("scheme", "Scheme", SCHEME, folder="scheme/"),
                Facet("class", "Class", f"?item a ?value . ?value a owl:Class . {OURS}"),
                Facet("below", "Narrower than", "?item skos:broaderTransitive ?value .", listed=False),
                Facet("mapped", "Mapped onto", MAPPED, folder="mappings/"),
            ),
            (
                Column("abbreviation", "Abbreviation", "?item skos:notation ?value .", literal=True),
                Column("scheme", "Scheme", SCHEME),
                Column("broader", "Broader", "?item skos:broader ?value ."),
                Column("mapped", "Mapped onto", MAPPED),
                Column("definition", "Definition", "?item obo:IAO_0000115 ?value .", "min", literal=True),
            ),
        ),
    )
}
"""The kinds by name, each with its facets and columns."""


def kind(name: str) -> Kind:
    """The kind of that name. Raises UsageError with the nearest."""
    if name not in KINDS:
        raise UsageError(f"nothing lists {name!r}{nearest(name, list(KINDS)) or '; take one of ' + ', '.join(KINDS)}")
    return KINDS[name]

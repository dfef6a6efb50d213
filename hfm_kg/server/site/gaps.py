"""The gaps of the field: combinations that no reviewed model covers, each with the evidence it is ranked by."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hfm_kg import sparql
from hfm_kg.errors import UsageError
from hfm_kg.gaps import NOT_REPORTED, Combination, Evidence, Field, Gap
from hfm_kg.gaps.field import FACETS, Facet
from hfm_kg.gaps.ranking import KINDS, REPORTED_ELSEWHERE, TUNED_ON
from hfm_kg.server.problems import HEADERS
from hfm_kg.server.site import layout
from hfm_kg.tables import nearest
from hfm_kg.terms import BASE

if TYPE_CHECKING:
    from hfm_kg.server.site.site import Site

SHOWN: Final = 15
MOST: Final = 200
"""Gaps that are ranked for a page; ``hfm-kg gaps`` gives more."""
NAMED: Final = 4
"""Witnesses of a kind that a page names; the data name all."""
LABELS: Final = {"modality": "Modality", "task": "Task", "paradigm": "Paradigm", "subfield": "Sub-field"}
QUERIES: Final = ("facets", "facet-concepts", "named-needs")
"""The queries of the catalogue that gaps are made of."""
PATHS: Final[Mapping[Facet, str]] = {
    "modality": "(hfm:modality|hfm:mentionedModality)",
    "task": "(hfm:task|hfm:mentionedTask)",
    "paradigm": "(hfm:pretrainingParadigm|hfm:adaptationParadigm)",
}
"""How a model has a concept of a facet, by the table or the text."""


@dataclass(frozen=True)
class State:
    """What an address asks for."""

    chosen: Mapping[Facet, str]
    limit: int = SHOWN

    def address(self, ending: str = "") -> str:
        """The address of it; with an ending, of its data."""
        given: dict[str, str] = {facet: iri.removeprefix(BASE) for facet, iri in self.chosen.items()}
        limit = {"limit": self.limit} if self.limit != SHOWN else {}
        query = urlencode({**given, **limit}, safe="/")
        return f"/gaps{ending}" + (f"?{query}" if query else "")


def read(parameters: QueryParams, field: Field) -> State:
    """What the parameters ask for. Raises UsageError."""
    for name in parameters:
        if name not in (*FACETS, "limit"):
            known = [*FACETS, "limit"]
            raise UsageError(f"gaps have no facet {name[:60]!r}{nearest(name, known) or '; take ' + ', '.join(known)}")
    limit = parameters.get("limit", str(SHOWN))
    if not limit.isascii() or not limit.isdigit() or not 0 < int(limit) <= MOST:
        raise UsageError(f"limit is a number from 1 to {MOST}, not {limit[:20]!r}")
    return State(field.chosen({facet: parameters.get(facet) for facet in FACETS}), int(limit))


def models_around(combination: Combination) -> str:
    """The SELECT query that gives the models with two of modality, task and paradigm; a gap's have never all three."""
    concepts = dict(zip(PATHS, combination.concepts, strict=False))
    within = f" ; hfm:subfield {sparql.name(combination.subfield)}" if combination.subfield else ""
    tests = "\n".join(
        f"  BIND(EXISTS {{ ?model {PATHS[facet]}/skos:broader* {sparql.name(iri)} }} AS ?{facet})"
        for facet, iri in concepts.items()
    )
    return f"""PREFIX hfm: <{BASE}>
PREFIX rdfs: <{sparql.PREFIXES["rdfs"]}>
PREFIX skos: <{sparql.PREFIXES["skos"]}>

SELECT ?model ?name ?modality ?task ?paradigm WHERE {{
  ?model a hfm:FoundationModel ; rdfs:label ?name{within} .
{tests}
  FILTER((?modality && ?task) || (?modality && ?paradigm) || (?task && ?paradigm))
}}
ORDER BY DESC(?modality && ?task) DESC(?modality) ?name
"""


def routes(site: Site) -> list[Route]:
    """``/gaps``, and the same as CSV and JSON."""

    def page(request: Request) -> Response:
        if "" in request.query_params.values():  # a form sends its empty fields too
            filled = [(name, value) for name, value in request.query_params.multi_items() if value]
            return RedirectResponse(f"/gaps?{urlencode(filled)}" if filled else "/gaps", 303)
        state = read(request.query_params, site.field)
        return layout.send(request, layout.render("gaps.html", state.address(), **shown(state, site)))

    async def data(request: Request) -> Response:
        ending = request.path_params["ending"]
        if ending not in DATA:
            raise HTTPException(404, f"gaps come as {', '.join(DATA)}")
        content_type, write = DATA[ending]
        body = await run_in_threadpool(lambda: write(found(read(request.query_params, site.field), site)))
        name = {"Content-Disposition": f'inline; filename="gaps.{ending}"'}
        return Response(body, media_type=content_type, headers={**HEADERS, **name})

    return [
        Route("/gaps", layout.page(page), methods=["GET"]),
        Route("/gaps.{ending}", data, methods=["GET"]),
    ]


def found(state: State, site: Site) -> Sequence[Gap]:
    """The best supported gaps."""
    return site.gaps(tuple(state.chosen.items()))[: state.limit]


@dataclass(frozen=True)
class Shown:
    """A gap as a page shows it."""

    gap: Gap
    facets: tuple[tuple[str, str, str], ...]
    """Facet, label, IRI."""
    evidence: tuple[Evidence, ...]
    text: str
    details: str


def shown(state: State, site: Site) -> dict[str, Any]:
    """What the template is given."""
    field = site.field
    named = [(LABELS[facet], field.label(iri), _without(state, facet).address()) for facet, iri in state.chosen.items()]
    words = ", ".join(label for _, label, _ in named)
    return {
        "title": f"Gaps: {words}" if words else "Gaps",
        "description": "Combinations of modality, task and paradigm that no reviewed model covers, with the evidence.",
        "state": state,
        "choices": [(facet, LABELS[facet], _choices(field, facet), state.chosen.get(facet, "")) for facet in FACETS],
        "chosen": named,
        "gaps": [_shown(gap) for gap in found(state, site)],
        "status": REPORTED_ELSEWHERE if "subfield" in state.chosen else NOT_REPORTED,
        "named": NAMED,
        "counted": counted,
        "tuned_on": TUNED_ON,
        "limits": [(limit, State(state.chosen, limit).address()) for limit in (SHOWN, 50, 100, MOST)],
        "queries": [site.queries[name] for name in QUERIES],
        "exports": [(ending, state.address(f".{ending}")) for ending in DATA],
    }


def counted(number: int, meaning: str) -> str:
    """So many witnesses, in words.

    >>> counted(1, "models with this task")
    '1 model with this task'
    """
    several, _, rest = meaning.partition(" ")
    return f"{number} {several.removesuffix('s') if number == 1 else several} {rest}"


def _without(state: State, facet: Facet) -> State:
    return State({name: iri for name, iri in state.chosen.items() if name != facet}, state.limit)


def _choices(field: Field, facet: Facet) -> list[tuple[str, str, str]]:
    """The concepts of a facet: path, label, IRI."""
    concepts = [concept for concept in field.concepts.values() if concept.facet == facet]
    return [
        (concept.iri.removeprefix(BASE), concept.label, concept.iri)
        for concept in sorted(concepts, key=lambda concept: concept.label.lower())
    ]


def _shown(gap: Gap) -> Shown:
    facets = tuple(zip(FACETS, gap.labels, gap.combination.concepts, strict=False))
    exact = State({facet: iri for facet, _, iri in facets}, 1).address(".json")
    evidence = tuple(sorted(gap.evidence, key=lambda each: -each.score))
    return Shown(gap, facets, evidence, models_around(gap.combination), exact)


# --- as data ------------------------------------------------------------------------------------------------------


def _csv(gaps: Sequence[Gap]) -> str:
    text = io.StringIO()
    facets = FACETS if gaps and gaps[0].combination.subfield else FACETS[:3]
    writer = csv.DictWriter(text, [*facets, "score", *KINDS])
    writer.writeheader()
    writer.writerows(gap.row() for gap in gaps)
    return text.getvalue()


def _json(gaps: Sequence[Gap]) -> str:
    return json.dumps([gap.as_dict() for gap in gaps], ensure_ascii=False, indent=1)


DATA: Final = {"csv": ("text/csv; charset=utf-8", _csv), "json": ("application/json", _json)}
"""What gaps are had as beside a page, by ending."""

"""The home page: what this is, how much there is, the survey's figures drawn anew, and ways in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hfm_kg.server.site import figures, layout
from hfm_kg.server.site.figures import Part
from hfm_kg.terms import BASE

if TYPE_CHECKING:
    from hfm_kg.server.site.site import Site

LISTS: Final = {"models": "/models", "datasets and databases": "/datasets", "references": "/references",
         "related surveys": "/references?survey=yes", "applications": "/concepts?scheme=applications",
         "challenges": "/challenges", "future directions": "/challenges#directions"}  # fmt: skip
"""What lies behind each figure of the catalogue query ``counts``."""
NONE: Final = "none"
"""What the query ``paradigm-flow`` calls the pre-training of models that only adapt what others pre-trained."""
NOT: Final = "adapted only"
"""What people are told instead."""
FEWEST: Final = 3
"""Models that a modality or task needs for a place in the heat map; the query gives them all."""
TITLE: Final = "HFM-KG: the knowledge graph of healthcare foundation models"
ABOUT: Final = (
    "Models, datasets, references and concepts of healthcare foundation models, from a survey of the field, "
    "with the place in the survey behind every statement."
)
QUERIES: Final = ("counts", "paradigm-flow", "models-by-year-and-subfield", "models-by-modality-and-task")
"""Of the catalogue: all numbers of the page are theirs."""


def routes(site: Site) -> list[Route]:
    """The page at ``/``."""

    def home(request: Request) -> Response:
        steps = flow(site.rows("paradigm-flow"))
        years = by_year(site.rows("models-by-year-and-subfield"))
        html = layout.render(
            "home.html",
            "/",
            TITLE,
            ABOUT,
            {"@type": "Dataset", "name": "HFM-KG", "version": site.version},
            counts=counts(site.rows("counts")),
            steps=steps,
            flow=figures.flow(steps, ends(steps)),
            years=years,
            bars=figures.bars(years),
            heat=figures.heat(by_task(site.rows("models-by-modality-and-task"))),
            fewest=FEWEST,
            queries={name: site.queries[name].body for name in QUERIES},
        )
        return layout.send(request, html)

    return [Route("/", layout.page(home), methods=["GET"])]


def counts(rows: list[dict[str, str]]) -> list[tuple[str, int, str]]:
    """Kinds of things with their numbers and lists: in the order of LISTS, others last."""
    order = {kind: place for place, kind in enumerate(LISTS)}
    rows = sorted(rows, key=lambda row: order.get(row["kind"], len(order)))
    return [(row["kind"], int(row["things"]), LISTS.get(row["kind"], "")) for row in rows]


def models(**facets: str) -> str:
    """The list of models narrowed by facets."""
    return f"/models?{urlencode(facets, quote_via=quote)}"


def _facet(kind: str, name: str) -> dict[str, str]:
    return {"pretrained": "no"} if name == NOT else {kind: name}


ENDS: Final = ("paradigm", "subfield", "adaptation")
"""What the columns of the flow are."""


def flow(rows: list[dict[str, str]]) -> tuple[list[Part], list[Part]]:
    """Models from pre-training to sub-field, and from there to adaptation."""
    steps: tuple[list[Part], list[Part]] = [], []
    for row in rows:
        step = int(row["step"]) - 1
        names = tuple(NOT if row[end] == NONE else row[end] for end in ("origin", "target"))
        facets = {**_facet(ENDS[step], names[0]), **_facet(ENDS[step + 1], names[1])}
        steps[step].append(Part(names, int(row["models"]), models(**facets)))
    return steps


def ends(steps: tuple[list[Part], list[Part]]) -> dict[tuple[int, str], str]:
    """The list behind each bar of the flow."""
    named = {(step + end, part.names[end]) for step, parts in enumerate(steps) for part in parts for end in (0, 1)}
    return {(column, name): models(**_facet(ENDS[column], name)) for column, name in named}


def by_year(rows: list[dict[str, str]]) -> list[Part]:
    """Models by year and sub-field."""
    return [
        Part(
            (row["year"], row["subfield"]),
            int(row["models"]),
            models(subfield=row["subfield"], since=row["year"], until=row["year"]),
        )
        for row in rows
    ]


def by_task(rows: list[dict[str, str]]) -> list[Part]:
    """Models by task and modality, without those that few have."""
    most: dict[str, int] = {}
    for row in rows:
        for thing in (row["task"], row["modality"]):
            most[thing] = max(most.get(thing, 0), int(row["models"]))
    return [
        Part(
            (row["taskName"], row["modalityName"]),
            int(row["models"]),
            models(modality=row["modality"].removeprefix(BASE), task=row["task"].removeprefix(BASE)),
        )
        for row in rows
        if most[row["task"]] >= FEWEST and most[row["modality"]] >= FEWEST
    ]

"""Models and datasets side by side: what the sources say of each, and where they differ."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from pyoxigraph import NamedNode
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hfm_kg import sparql
from hfm_kg.errors import HfmError, UsageError
from hfm_kg.listing import Cell, Item
from hfm_kg.search import squeeze
from hfm_kg.server.problems import HEADERS
from hfm_kg.server.site import layout
from hfm_kg.tables import nearest
from hfm_kg.terms import BASE, HFM

if TYPE_CHECKING:
    from hfm_kg.server.site.site import Site

KINDS: Final = ("models", "datasets")
MOST: Final = 6
THING: Final = "thing"

LINES: Final[Mapping[NamedNode, str]] = {
    HFM.subfield: "Sub-field",
    HFM.publicationYear: "Year",
    HFM.pretrainingParadigm: "Pre-training",
    HFM.adaptationParadigm: "Adaptation",
    HFM.technique: "Technique",
    HFM.backbone: "Backbone",
    HFM.initializedFrom: "Initial weights",
    HFM.modality: "Modality",
    HFM.mentionedModality: "Modality, in the text",
    HFM.task: "Task",
    HFM.mentionedTask: "Task, in the text",
    HFM.application: "Application",
    HFM.topic: "Topic",
    HFM.quantity: "Sizes, as reported",
    HFM.trainedOn: "Trained on",
    HFM.evaluatedOn: "Evaluated on",
    HFM.composedOf: "Composed of",
    HFM.codeRepository: "Code",
    HFM.landingPage: "Address",
    HFM.paperPage: "Paper",
    HFM.reference: "Reference",
}
"""The properties that are compared, in order, with what a page calls them."""

EXAMPLES: Final = (
    ("BioBERT", "PubMedBERT", "ClinicalBERT"),
    ("UNI", "CTransPath", "Virchow"),
    ("MedSAM", "SAM-Med2D", "Med-SA"),
    ("MIMIC-CXR", "CheXpert", "PadChest"),
)
"""Comparisons to begin with."""


@dataclass(frozen=True)
class Line:
    """A property of all things, and whether they differ in it."""

    label: str
    predicate: str
    cells: tuple[tuple[Cell, ...], ...]
    shared: frozenset[Cell]
    """The values that all of them have."""

    @property
    def differs(self) -> bool:
        """Whether one of the things has a value that another has not."""
        return any(set(cells) != self.shared for cells in self.cells)


def query(things: Sequence[Item]) -> str:
    """The SELECT query that gives what is compared."""
    values = " ".join(sparql.name(item.node.value) for item in things)
    properties = " ".join(sparql.name(each.value) for each in LINES if each != HFM.quantity)
    return f"""PREFIX hfm: <{BASE}>
PREFIX rdfs: <{sparql.PREFIXES["rdfs"]}>

SELECT DISTINCT ?thing ?property ?value ?label WHERE {{
  VALUES ?thing {{ {values} }}
  {{
    VALUES ?property {{ {properties} }}
    ?thing ?property ?value .
    OPTIONAL {{ ?value rdfs:label ?label }}
  }} UNION {{
    ?thing hfm:quantity/hfm:asReported ?value .
    BIND(hfm:quantity AS ?property)
  }} UNION {{
    ?thing a hfm:Dataset ; hfm:reference/hfm:publicationYear ?value .
    BIND(hfm:publicationYear AS ?property)
  }}
}}
ORDER BY ?thing ?property ?label ?value
"""


def lines(things: Sequence[Item], site: Site) -> list[Line]:
    """What is said of the things, a line a property of which something is said."""
    found: dict[tuple[str, str], dict[Cell, None]] = {}
    for row in site.select(query(things)):
        value = row["value"]
        cell = Cell(row.get("label", value).value, value.value if isinstance(value, NamedNode) else "")
        found.setdefault((row["property"].value, row["thing"].value), {})[cell] = None
    compared = []
    for node, label in LINES.items():
        cells = tuple(tuple(found.get((node.value, item.node.value), ())) for item in things)
        if any(cells):
            shared = frozenset(set(cells[0]).intersection(*cells[1:]))
            compared.append(Line(label, node.value, cells, shared))
    return compared


def find(name: str, site: Site) -> Item:
    """The model or dataset of that name or path. Raises UsageError, with the nearest names."""
    items = [item for kind in KINDS for item in site.listing(kind).items.values()]
    path = name.removeprefix(BASE)
    for item in items:
        if path == item.node.value.removeprefix(BASE):
            return item
    for same in (str, squeeze):  # ClinicalBERT and Clinical-BERT are two models
        for item in items:
            if same(name) == same(item.name):
                return item
    raise UsageError(f"no model or dataset is called {name[:60]!r}{nearest(name, [item.name for item in items])}")


def chosen(names: Sequence[str], site: Site) -> list[Item]:
    """The things that are named, each once. Raises UsageError over what is none, or too many."""
    things = list({item.node: item for item in (find(name, site) for name in names)}.values())
    if len(things) > MOST:
        raise UsageError(f"{len(things)} things are named; {MOST} fit side by side")
    return things


def address(things: Sequence[Item], ending: str = "") -> str:
    """Where things are compared."""
    pairs = [(THING, item.node.value.removeprefix(BASE)) for item in things]
    return f"/compare{ending}" + (f"?{urlencode(pairs, quote_via=quote, safe='/')}" if pairs else "")


def routes(site: Site) -> list[Route]:
    """``/compare?thing=…&thing=…``, and the same as CSV."""

    def page(request: Request) -> Response:
        names = request.query_params.getlist(THING)
        things: list[Item] = []
        mistake: HfmError | None = None
        try:
            things = chosen(list(filter(None, names)), site)
        except UsageError as error:
            mistake = error
            things = [item for name in names[:MOST] if (item := _known(name, site))]
        if not mistake and names != [item.node.value.removeprefix(BASE) for item in things]:
            return RedirectResponse(address(things), 303)  # one address for each comparison
        html = layout.render("compare.html", address(things), **shown(things, site), mistake=mistake)
        return layout.send(request, html, mistake.status if mistake else 200)

    async def data(request: Request) -> Response:
        body = await run_in_threadpool(lambda: written(chosen(request.query_params.getlist(THING), site), site))
        name = {"Content-Disposition": 'inline; filename="comparison.csv"'}
        return Response(body, media_type="text/csv; charset=utf-8", headers={**HEADERS, **name})

    return [
        Route("/compare", layout.page(page), methods=["GET"]),
        Route("/compare.csv", data, methods=["GET"]),
    ]


def _all(names: Sequence[str], site: Site) -> list[Item]:
    """The things of these names, none if one is missing in the graph."""
    found = [item for name in names if (item := _known(name, site))]
    return found if len(found) == len(names) else []


def _known(name: str, site: Site) -> Item | None:
    try:
        return find(name, site)
    except UsageError:
        return None


def shown(things: Sequence[Item], site: Site) -> dict[str, Any]:
    """What the template is given."""
    names = ", ".join(item.name for item in things)
    return {
        "title": f"Compare: {names}" if names else "Compare",
        "description": "Up to six models or datasets side by side: what sources say of each, and where they differ.",
        "things": [(item, address([other for other in things if other is not item])) for item in things],
        "lines": lines(things, site) if things else [],
        "most": MOST,
        "known": sorted({item.name for kind in KINDS for item in site.listing(kind).items.values()}, key=str.lower),
        "examples": [] if things else [some for names in EXAMPLES if (some := _all(names, site))],
        "address": address,
        "data": address(things, ".csv"),
        "text": query(things) if things else "",
    }


def written(things: Sequence[Item], site: Site) -> str:
    """The comparison as CSV (RFC 4180): a line a property, a column a thing, several values separated by ``|``."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["property", "differs", *(item.name for item in things)])
    for line in lines(things, site) if things else ():
        cells = ("|".join(cell.text for cell in cells) for cells in line.cells)
        writer.writerow([sparql.name(line.predicate), "yes" if line.differs else "no", *cells])
    return text.getvalue()

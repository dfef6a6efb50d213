"""The home page: what this is, how much there is, and ways in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hfm_kg.server.site import layout

if TYPE_CHECKING:
    from hfm_kg.server.site.site import Site

LISTS = {"models": "/models", "datasets and databases": "/datasets", "references": "/references",
         "related surveys": "/references?survey=yes", "applications": "/concepts?scheme=applications",
         "challenges": "/concepts?class=Challenge", "future directions": "/concepts?class=FutureDirection"}  # fmt: skip
"""The list behind each figure of the catalogue query ``counts``."""
TITLE = "HFM-KG: the knowledge graph of healthcare foundation models"
ABOUT = (
    "Models, datasets, references and concepts of healthcare foundation models, from a survey of the field, "
    "with the place in the survey behind every statement."
)


def routes(site: Site) -> list[Route]:
    """The page at ``/``."""

    def home(request: Request) -> Response:
        counts = [(row["kind"], int(row["things"]), LISTS.get(row["kind"], "")) for row in site.rows("counts")]
        structured = {"@type": "Dataset", "name": "HFM-KG", "version": site.version}
        return layout.send(request, layout.render("home.html", "/", TITLE, ABOUT, structured, counts=counts))

    return [Route("/", layout.page(home), methods=["GET"])]

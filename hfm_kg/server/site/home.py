"""The home page: what this is, how much there is, and ways in."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

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
NONE = "none"
"""What the query ``paradigm-flow`` calls the pre-training of models that only adapt what others pre-trained."""
TITLE = "HFM-KG: the knowledge graph of healthcare foundation models"
ABOUT = (
    "Models, datasets, references and concepts of healthcare foundation models, from a survey of the field, "
    "with the place in the survey behind every statement."
)


def routes(site: Site) -> list[Route]:
    """The page at ``/``."""

    def home(request: Request) -> Response:
        flow = [(_pair(row), row["models"]) for row in site.rows("paradigm-flow")]
        counts = [(row["kind"], int(row["things"]), LISTS.get(row["kind"], "")) for row in site.rows("counts")]
        structured = {"@type": "Dataset", "name": "HFM-KG", "version": site.version}
        return layout.send(
            request,
            layout.render(
                "home.html",
                "/",
                TITLE,
                ABOUT,
                structured,
                counts=counts,
                text=site.queries["paradigm-flow"].body,
                flow=[[origin, target, (models, address)] for (origin, target, address), models in flow],
            ),
        )

    return [Route("/", layout.page(home), methods=["GET"])]


def _pair(row: dict[str, str]) -> tuple[tuple[str, str], tuple[str, str], str]:
    """Both ends of a link of the flow with the lists behind them, and the list behind the link."""
    ends = ("paradigm", "subfield") if row["step"] == "1" else ("subfield", "adaptation")
    given = {name: value for name, value in zip(ends, (row["origin"], row["target"]), strict=True) if value != NONE}
    origin, target = (
        (value, f"/models?{urlencode({name: value})}" if name in given else "")
        for name, value in zip(ends, (row["origin"], row["target"]), strict=True)
    )
    return origin, target, f"/models?{urlencode(given)}" if len(given) == 2 else ""

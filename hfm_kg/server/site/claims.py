"""The claims page: what the survey says of its field, what the graph says, and whether the claim holds."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hfm_kg.claims import OUTCOMES, Outcome, recompute
from hfm_kg.errors import UsageError
from hfm_kg.server.site import layout
from hfm_kg.tables import nearest

if TYPE_CHECKING:
    from hfm_kg.server.site.site import Site

VERDICT: Final = "verdict"
"""The parameter that narrows the list."""
ABOUT: Final = "What the survey claims of its field, what the graph says, and whether the claim holds."


def outcomes(site: Site) -> list[Outcome]:
    """All claims, recomputed."""
    return site.once("claims", lambda: list(recompute(site.select, site.queries)))


def routes(site: Site) -> list[Route]:
    """The page at ``/claims``."""

    def page(request: Request) -> Response:
        verdict = request.query_params.get(VERDICT, "")
        if verdict and verdict not in OUTCOMES:
            known = nearest(verdict, list(OUTCOMES)) or f"; take one of {', '.join(OUTCOMES)}"
            raise UsageError(f"no claim has the verdict {verdict[:60]!r}{known}")
        every = outcomes(site)
        counts = Counter(one.outcome for one in every)
        shown = [one for one in every if verdict in ("", one.outcome)]
        html = layout.render(
            "claims.html",
            address(verdict),
            f"Claims that {verdict.replace('does', 'do').replace('holds', 'hold')}" if verdict else "Claims",
            ABOUT,
            {"@type": "CollectionPage", "mainEntity": {"@type": "ItemList", "numberOfItems": len(shown)}},
            outcomes=shown,
            verdict=verdict,
            verdicts=[
                ("all", address(), len(every)),
                *((one, address(one), counts[one]) for one in OUTCOMES),
            ],
            marks=MARKS,
        )
        return layout.send(request, html)

    return [Route("/claims", layout.page(page), methods=["GET"])]


MARKS: Final = dict(zip(OUTCOMES, "✓≈✗", strict=True))
"""Signs beside the words."""


def address(verdict: str = "") -> str:
    """The page, of one verdict or of all."""
    return f"/claims?{VERDICT}={verdict.replace(' ', '%20')}" if verdict else "/claims"

"""The HTTP application: SPARQL endpoint, linked data, pages.

Names are imported when they are used: evaluators are modules of this package too, and must start at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hfm_kg.server.app import create_app
    from hfm_kg.server.bounds import Limits, limits
    from hfm_kg.server.current import Inputs
    from hfm_kg.server.federation import Services
    from hfm_kg.server.running import Deployment, run
    from hfm_kg.server.upstream import Address

__all__ = ["Address", "Deployment", "Inputs", "Limits", "Services", "create_app", "limits", "run"]

PLACES: Final = {
    "Address": "upstream",
    "create_app": "app",
    "Inputs": "current",
    "Limits": "bounds",
    "Services": "federation",
    "limits": "bounds",
    "Deployment": "running",
    "run": "running",
}


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{PLACES[name]}"), name)

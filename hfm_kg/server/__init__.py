"""The HTTP application: SPARQL endpoint and start page."""

from hfm_kg.server.app import create_app, run
from hfm_kg.server.pool import Limits, limits

__all__ = ["Limits", "create_app", "limits", "run"]

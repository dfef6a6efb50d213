"""The HTTP application: SPARQL endpoint and start page."""

from hfm_kg.server.app import create_app, run

__all__ = ["create_app", "run"]

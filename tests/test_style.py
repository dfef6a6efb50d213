"""The checks of style and types are part of the tests, so that one command tells whether all is well."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

LAYERS: dict[str, set[str]] = {
    "errors": set(),
    "terms": set(),
    "tables": {"errors"},
    "catalog": {"errors", "tables"},
    "transcription": {"errors", "tables"},
    "statement": {"errors", "tables", "terms"},
    "facts": {"errors", "statement", "tables", "terms"},
    "graph": {"errors", "facts", "statement", "tables", "terms"},
    "hierarchy": {"errors", "graph", "tables"},
    "mappings": {"errors", "statement", "tables", "terms"},
    "claims": {"catalog", "errors", "sparql", "tables"},
    "validate": {"catalog", "errors", "graph", "statement", "tables", "terms"},
    "atomic": set(),
    "pictures": {"atomic", "errors"},
    "registry": {"atomic", "errors", "statement", "terms"},
    "reason": {"errors", "terms"},
    "owlapi": {"errors"},
    "inspection": {"errors", "owlapi", "terms"},
    "store": {"errors"},
    "sparql": {"errors"},
    "remote": {"errors", "sparql"},
    "publish": {"errors", "remote", "terms"},
    "gaps": {"catalog", "errors", "gaps", "pictures", "rows", "tables", "terms"},
    "network": {"catalog", "errors", "network", "pictures", "rows", "tables", "terms"},
    "search": {"errors", "sparql", "terms"},
    "matching": {"search", "terms"},
    "termlists": {"errors", "mappings"},
    "linking": {"errors", "mappings", "matching", "search", "termlists", "terms"},
    "kinds": {"errors", "tables", "terms"},
    "facets": {"errors", "kinds", "search", "sparql", "tables", "terms"},
    "listing": {"facets", "kinds", "sparql"},
    "present": {"catalog", "errors", "sparql"},
    "pipeline": {
        "catalog", "claims", "errors", "export", "facts", "graph", "hierarchy", "mappings", "reason", "registry",
        "statement", "store", "tables", "terms", "transcription", "validate",
    },
    "binding": {"errors", "sparql", "tables"},
    "values": {"errors", "sparql", "terms"},
    "result": {"errors", "sparql", "values"},
    "evaluation": {"errors", "sparql"},
    "source": {"errors", "evaluation", "remote", "sparql", "store"},
    "rows": {"errors", "source", "sparql", "values"},
    "things": {"result", "tables", "values"},
    "api": {
        "binding", "catalog", "errors", "facets", "kinds", "network", "result", "rows", "search", "session", "source",
        "sparql", "terms", "things", "values",
    },
    "information": {"catalog", "errors", "pipeline", "sparql", "store"},
    "session": {"catalog", "errors", "pipeline", "store"},
    "export": {"catalog", "errors", "export", "mappings", "registry", "sparql", "statement", "tables", "terms"},
    "admission": {"errors", "sparql"},
    "agents": {
        "admission", "agents", "api", "binding", "catalog", "errors", "kinds", "result", "search", "server", "source",
        "sparql", "store", "terms", "values",
    },
    "bench": {"bench", "catalog", "errors", "pictures", "present", "remote", "sparql", "store", "terms"},
    "server": {
        "admission", "catalog", "claims", "errors", "export", "facets", "gaps", "kinds", "listing", "mappings",
        "matching", "network", "remote", "rows", "search", "server", "sparql", "statement", "store", "tables",
        "terms", "values",
    },
}  # fmt: skip
"""What each module may import of the package; the command line may import all."""


@pytest.mark.parametrize(
    "command", [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",)], ids=" ".join
)
def test_style_and_types(command: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def imports(path: Path) -> set[str]:
    """The modules of the package that a file imports, by the name below ``hfm_kg``."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("hfm_kg"):
            if node.module == "hfm_kg":
                found |= {alias.name for alias in node.names if alias.name != "__version__"}
            else:
                found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("hfm_kg.")}
    return found


@pytest.mark.parametrize("module", sorted(LAYERS))
def test_a_module_imports_only_what_lies_below_it(module: str) -> None:
    place = ROOT / "hfm_kg" / module
    files = list(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    assert files
    for file in files:
        assert imports(file) <= LAYERS[module], file


def test_every_module_has_its_layer() -> None:
    modules = {
        path.stem for path in (ROOT / "hfm_kg").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert modules - {"__init__", "__main__", "cli"} == set(LAYERS)

"""The wheel carries everything, and works from any directory."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_data_ontology_and_queries_are_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("data", "ontology", "queries"):
        files = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*") if path.is_file()}
        assert files
        assert {f"hfm_kg/resources/{file}" for file in files} <= names
    assert "hfm_kg/py.typed" in names


def test_an_installed_wheel_builds_and_answers_from_any_directory(wheel: Path, tmp_path: Path) -> None:
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    zipfile.ZipFile(wheel).extractall(site)  # a wheel is unpacked as it is: PEP 427
    environment = {**os.environ, "PYTHONPATH": str(site), "HFM_KG_OUTPUT": str(tmp_path / "output")}

    def run(code: str) -> str:
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=elsewhere, env=environment, check=True, capture_output=True, text=True)
        return done.stdout

    assert run("import hfm_kg; print(hfm_kg.__file__)").startswith(str(site))
    run("from hfm_kg.cli import main; main(['build', '--no-shacl', '--no-reasoning'])")
    answer = run("from hfm_kg.cli import main; main(['query', 'counts', '--format', 'csv'])")
    assert "models,200" in answer.split()

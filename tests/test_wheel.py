"""The wheel carries everything, and works from any directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hfm_kg.server.site import static

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
    assert {"hfm_kg/py.typed", "hfm_kg/resources/CITATION.cff"} <= names


def test_browser_code_and_its_licences_are_in_the_wheel(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    folder = "hfm_kg/server/site/vendor/"
    made = {name.removeprefix(folder) for name in archive.namelist() if name.startswith(folder)}
    if not made and os.environ.get("CI") != "true":
        pytest.skip("the build could not fetch npm packages")
    assert {*static.EXPECTED, "stamp"} == made
    told = archive.read(folder + "licences.txt").decode()
    lock = json.loads((ROOT / "hfm_kg/server/site/assets/package-lock.json").read_text(encoding="utf-8"))
    packages = {path.rpartition("node_modules/")[2]: told for path, told in lock["packages"].items() if path}
    for name, package in packages.items():
        if not name.startswith(("esbuild", "@esbuild/")):
            assert f"{name} {package['version']}: " in told


def test_the_lock_file_pins_packages_and_names_no_registry() -> None:
    text = (ROOT / "hfm_kg/server/site/assets/package-lock.json").read_text(encoding="utf-8")
    assert "resolved" not in text
    packages = {path: package for path, package in json.loads(text)["packages"].items() if path}
    assert packages
    assert all(package["version"] and package["integrity"] for package in packages.values())


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

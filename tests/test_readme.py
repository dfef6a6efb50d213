"""README shows nothing that does not happen."""

from __future__ import annotations

import doctest
import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from hfm_kg import mappings, tables
from hfm_kg.cli import main
from hfm_kg.graph import CONCEPT_CLASSES
from hfm_kg.pipeline import Settings
from hfm_kg.store import Snapshot

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
TEST_COMMAND = "pip install -e '.[test]' && pytest"

SESSIONS = [
    (command, "\n".join(lines))
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for command, *lines in [block.rstrip("\n").split("\n")]
]


def test_there_are_sessions() -> None:
    assert len(SESSIONS) >= 4


@pytest.mark.parametrize(("command", "expected"), SESSIONS, ids=[command[:60] for command, _ in SESSIONS])
def test_a_session_shows_what_the_command_prints(command: str, expected: str, snapshot: Snapshot) -> None:
    prompt, program, *arguments = shlex.split(command)
    assert (prompt, program) == ("$", "hfm-kg")
    output = str(snapshot.path.parent.parent)
    result = CliRunner().invoke(main, arguments, env={"HFM_KG_OUTPUT": output})
    printed = result.output.replace("\r\n", "\n").rstrip("\n")
    if result.exit_code:
        printed += f"\n[exit code {result.exit_code}]"
    assert printed == expected


def test_the_python_shown_gives_what_is_shown(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HFM_KG_OUTPUT", str(snapshot.path.parent.parent))
    shown = "".join(re.findall(r"```python\n(.*?)```", README, re.DOTALL))
    example = doctest.DocTestParser().get_doctest(shown, {}, "README", "README.md", 0)
    assert len(example.examples) > 4
    assert doctest.DocTestRunner().run(example).failed == 0


def test_ci_runs_the_test_command_of_readme() -> None:
    assert TEST_COMMAND in README
    assert TEST_COMMAND in (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()


def test_files_that_readme_links_to_exist() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", README):
        assert (ROOT / target).exists(), target


def test_modules_that_readme_lists_exist() -> None:
    table = README.partition("| Module | What it is for |")[2].partition("\n\n")[0]
    names = [
        name.rstrip("/")
        for line in table.splitlines()
        for name in re.findall(r"`([a-z]+/?)`", line.split("|")[1:2][0] if "|" in line else "")
    ]
    modules = {
        path.stem
        for path in (ROOT / "hfm_kg").iterdir()
        if (path.is_dir() or path.suffix == ".py") and not path.stem.startswith("_") and path.stem != "resources"
    }
    assert set(names) == modules


def test_the_finding_that_readme_shows_is_real(tmp_path: Path) -> None:
    for name in ("data", "ontology", "queries"):
        shutil.copytree(ROOT / name, tmp_path / name)
    table = tmp_path / "data/models.tsv"
    text = table.read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("BioBERT\t"))
    table.write_text(
        text.replace(line, line.replace("NamedEntityRecognition", "NamedEntityRecogntion", 1)), encoding="utf-8"
    )
    result = CliRunner(mix_stderr=False).invoke(main, ["check", "--root", str(tmp_path)])
    shown = next(line for line in README.splitlines() if line.startswith("data/models.tsv:"))
    assert shown in result.stdout.splitlines()
    assert result.exit_code == 1


def test_the_figures_of_readme_are_those_of_the_graph(settings: Settings) -> None:
    read = tables.read(settings.data)
    concepts = sum(len(read[name]) for name in CONCEPT_CLASSES)
    sets = [one for one in mappings.read(settings.ontology / "mappings")[0] if one.path.name != mappings.REJECTED]
    for figure in (
        f"{len(read['statements']):,} facts",
        f"{concepts:,} concepts",
        f"{len(read['claims'])} claims",
        f"{len(read['notes'])} curation notes",
        f"{sum(len(one.rows) for one in sets)} reviewed mappings",
        f"{len(sets)} other vocabularies",
    ):
        assert figure in " ".join(README.split()), figure

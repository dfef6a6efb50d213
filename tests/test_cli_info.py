"""Facts of the installation, facts as JSON, and values for queries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import hfm_kg
from hfm_kg import tables
from hfm_kg.cli import main
from hfm_kg.pipeline import Settings
from hfm_kg.store import Snapshot
from tests.conftest import ROOT


def run(*arguments: str, output: Path) -> Result:
    return CliRunner(mix_stderr=False).invoke(main, arguments, env={"HFM_KG_OUTPUT": str(output)})


def facts(*arguments: str, output: Path) -> dict[str, object]:
    result = run(*arguments, output=output)
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


def test_info_tells_versions_places_and_counts(settings: Settings, snapshot: Snapshot) -> None:
    found = facts("info", "--json", output=settings.output)
    assert (found["version"], found["root"], found["snapshot"]) == (hfm_kg.__version__, str(ROOT), str(snapshot.path))
    assert (found["models"], found["datasets"], found["references"]) == (200, 114, 443)
    assert found["quads"] == snapshot.dump.read_bytes().count(b"\n")
    lines = run("info", output=settings.output).stdout.splitlines()
    assert lines[0] == "name\tvalue"
    assert [line.split("\t")[0] for line in lines[1:]] == list(found)


def test_info_builds_nothing(tmp_path: Path) -> None:
    found = facts("info", "--json", output=tmp_path / "none")
    assert found["snapshot"] is None
    assert "models" not in found
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("arguments", ["query", "query counts", "claims", "check --rules", "export file", "info"])
def test_json_is_the_format_json_in_short(arguments: str, settings: Settings, snapshot: Snapshot) -> None:
    words = arguments.split()
    short = run(*words, "--json", output=settings.output)
    assert (short.exit_code, short.stderr) == (0, "")
    assert json.loads(short.stdout)
    assert short.stdout == run(*words, "--format", "json", output=settings.output).stdout
    assert short.stdout != run(*words, output=settings.output).stdout


def test_findings_are_told_as_json(sandbox: Settings) -> None:
    table = sandbox.data / "models.tsv"
    table.write_text(
        table.read_text(encoding="utf-8").replace("ContrastiveLearning", "ContrastiveLaerning", 1), "utf-8"
    )
    result = run("check", "--json", "--root", str(sandbox.root), output=sandbox.output)
    (finding, *_) = json.loads(result.stdout)
    assert result.exit_code == 1
    assert set(finding) == {"file", "line", "column", "rule", "message"}
    assert (finding["file"], type(finding["line"])) == ("data/models.tsv", int)


def test_every_command_that_names_formats_knows_json() -> None:
    for name, command in _leaves(main):
        options = {option for parameter in command.params for option in parameter.opts}
        assert ("--json" in options) == ("--format" in options), name


def _leaves(group: click.Group, words: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _leaves(command, f"{words}{name} ")
        else:
            yield words + name, command


# --- values for queries ---------------------------------------------------------------------------------------


def test_a_query_takes_values(settings: Settings, snapshot: Snapshot, endpoint: str) -> None:
    for more in ([], ["--endpoint", f"{endpoint}/sparql"]):
        arguments = [
            "query",
            "notes-of-a-thing",
            "--bind",
            "thing=UNI",
            "--bind",
            "?thing=DeepLesion",
            "-f",
            "csv",
            *more,
        ]
        result = run(*arguments, output=settings.output)
        assert result.exit_code == 0
        assert "note/table-6-row-8-scale,unreliable" in result.stdout
    models = "SELECT ?m { ?m hfm:publicationYear ?year ; a hfm:FoundationModel }"
    early = run("query", models, "--bind", "year=2018", "--bind", "year=2019", "-f", "csv", output=settings.output)
    listed = tables.read(settings.data)["models"]
    assert len(early.stdout.splitlines()) - 1 == sum(row.integer("year") in (2018, 2019) for row in listed) > 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("thing", "--bind thing: write NAME=VALUE"),
        ("thing=DeepLesoin", "nothing is called 'DeepLesoin'; did you mean DeepLesion"),
        ("thign=DeepLesion", "the query has no variable ?thign; did you mean thing?"),
    ],
)
def test_a_value_that_does_not_fit_is_told(given: str, message: str, settings: Settings, snapshot: Snapshot) -> None:
    result = run("query", "notes-of-a-thing", "--bind", given, output=settings.output)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr

"""The notebook runs in a kernel of its own, and its answers are those of the tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import Store

from hfm_kg import sparql, tables
from hfm_kg.pipeline import Settings
from hfm_kg.store import Snapshot
from tests.conftest import ROOT

NOTEBOOK = ROOT / "queries/notebooks/ten-questions.ipynb"

TELL = """
import json as _json
_frames = {name: one.reset_index().to_dict("records") for name, one in globals().items() if hasattr(one, "pivot_table")}
print("ANSWERS " + _json.dumps({**_frames, "built_on": built_on, "deepest": deepest}, default=str))
"""
EXECUTE = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], 4)
notebook.cells.append(nbformat.v4.new_code_cell(open(sys.argv[2]).read()))
nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[3])
"""


Cell = dict[str, Any]


def cells(path: Path) -> list[Cell]:
    """The cells of a notebook, as its JSON has them."""
    found: list[Cell] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return found


@pytest.fixture(scope="module")
def done(settings: Settings, snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> list[Cell]:
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "tell.py").write_text(TELL, encoding="utf-8")
    command = [sys.executable, "-c", EXECUTE, str(NOTEBOOK), str(folder / "tell.py"), str(folder / "done.ipynb")]
    environment = {**os.environ, "HFM_KG_OUTPUT": str(settings.output), "PYTHONPATH": str(ROOT)}
    environment["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    run = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    return cells(folder / "done.ipynb")


@pytest.fixture(scope="module")
def answers(done: list[Cell]) -> dict[str, Any]:
    text = "".join(line for output in done[-1]["outputs"] for line in output.get("text", ()))
    found: dict[str, Any] = json.loads(text.partition("ANSWERS ")[2])
    return found


def test_the_notebook_is_committed_without_its_outputs() -> None:
    found = cells(NOTEBOOK)
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in found if "outputs" in cell)
    headings = [cell["source"][0] for cell in found if cell["source"][0].startswith("## ")]
    assert [heading.partition(".")[0] for heading in headings] == [f"## {number}" for number in range(1, 11)]


def test_tables_and_plots_are_shown(done: list[Cell]) -> None:
    outputs = [output for cell in done for output in cell.get("outputs", ())]
    shown = Counter(kind for output in outputs for kind in output.get("data", {}))
    assert shown["image/png"] == 2
    assert shown["text/html"] >= 9
    assert "error" not in {output["output_type"] for output in outputs}


def test_growth_is_that_of_the_tables(answers: dict[str, Any], settings: Settings) -> None:
    listed = Counter((row.integer("year"), row.text("subfield")) for row in tables.read(settings.data)["models"])
    told = {
        (year["year"], name.capitalize()): count
        for year in answers["growth"]
        for name, count in year.items()
        if name != "year" and count
    }
    assert told == listed
    assert sum(told.values()) == 200


def test_what_is_narrowed_is_what_plain_sparql_gives(answers: dict[str, Any], store: Store) -> None:
    unlabelled = """SELECT DISTINCT ?name { ?model a hfm:SelfSupervisedFoundationModel ; hfm:subfield hfm:Vision ;
      hfm:modality/skos:broader* hfm:Pathology ; hfm:codeRepository ?code ; rdfs:label ?name }"""
    pathology = """SELECT DISTINCT ?name { ?set a hfm:Dataset ; hfm:modality/skos:broader* hfm:Pathology ;
      hfm:landingPage ?page ; rdfs:label ?name }"""
    for name, query in (("unlabelled", unlabelled), ("pathology", pathology)):
        expected = {row["name"].value for row in sparql.select(store, query)}
        assert {row["name"] for row in answers[name]} == expected != set()


def test_counts_are_those_of_plain_sparql(answers: dict[str, Any], store: Store) -> None:
    for row in answers["modality_task"]:
        for task, count in row.items():
            if task != "modality":
                query = f"""SELECT (COUNT(DISTINCT ?model) AS ?n) {{ ?model a hfm:FoundationModel ;
                  hfm:modality/rdfs:label "{row["modality"]}"@en ; hfm:task/rdfs:label "{task}"@en }}"""
                assert sparql.select(store, query)[0]["n"].value == str(count), (row["modality"], task)
    adapted = "SELECT (COUNT(DISTINCT ?model) AS ?n) { ?model a hfm:FoundationModel ; hfm:adaptationParadigm ?way }"
    assert len(answers["adaptation"]) == len(answers["growth"])
    assert (
        0 < sum(row["fine-tuning"] for row in answers["adaptation"]) <= int(sparql.select(store, adapted)[0]["n"].value)
    )


def test_lineage_and_openness_are_those_of_the_graph(answers: dict[str, Any], store: Store) -> None:
    assert len(answers["deepest"]) >= 2
    pairs = [list(pair) for pair in zip(answers["deepest"], answers["deepest"][1:], strict=False)]
    assert all(pair in answers["built_on"] for pair in pairs)
    coded = """SELECT ?name (COUNT(DISTINCT ?model) AS ?n) { ?model a hfm:FoundationModel ; hfm:codeRepository ?code ;
      hfm:subfield/rdfs:label ?name } GROUP BY ?name"""
    expected = {row["name"].value: int(row["n"].value) for row in sparql.select(store, coded)}
    assert {row["subfield"]: row["addresses"] for row in answers["openness"]} == expected
    assert [row["place"] for row in answers["why"]] == ["Table 2"]
    assert "conflict" in {row["kind"] for row in answers["notes"]}
    assert len(answers["untouched"]) == 5
    assert answers["backbones"][0]["models"] >= answers["backbones"][1]["models"] > 0

"""Examples in docstrings: what they show is what happens."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import hfm_kg
from hfm_kg import KnowledgeGraph, open_graph
from hfm_kg.pipeline import Settings
from hfm_kg.store import Snapshot

MODULES = [
    "hfm_kg",
    *(
        module.name
        for module in pkgutil.walk_packages(hfm_kg.__path__, "hfm_kg.")
        if not module.name.endswith("__main__")
    ),
]
SHOWN = [
    name
    for name in MODULES
    if any(test.examples for test in doctest.DocTestFinder().find(importlib.import_module(name)))
]


@pytest.fixture(scope="module")
def graph(settings: Settings, snapshot: Snapshot) -> KnowledgeGraph:
    return open_graph(settings.output)


@pytest.mark.parametrize("name", SHOWN)
def test_examples_give_what_they_show(
    name: str, graph: KnowledgeGraph, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HFM_KG_OUTPUT", str(settings.output))  # for open_graph()
    failed, _ = doctest.testmod(importlib.import_module(name), extraglobs={"graph": graph})
    assert failed == 0


def test_the_ways_of_the_python_interface_have_examples() -> None:
    ways = {name for name in vars(KnowledgeGraph) if not name.startswith("_")} - {"names"}
    shown = {test.name.rpartition(".")[2] for test in doctest.DocTestFinder().find(KnowledgeGraph) if test.examples}
    assert ways <= shown

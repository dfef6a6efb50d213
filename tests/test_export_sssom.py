"""All mappings in one set: what the library of SSSOM reads, and row by row what the single files say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from pyoxigraph import QuerySolutions, Store

from hfm_kg import mappings
from hfm_kg.errors import FindingsError
from hfm_kg.export import sssom

from .conftest import ROOT

READ = """
import json, sys
from sssom.parsers import parse_sssom_table
from sssom.validators import validate

def read(path):
    found = parse_sssom_table(path)
    reports = validate(found, fail_on_error=False)
    columns = ["subject_id", "predicate_id", "object_id", "object_source", "mapping_source", "confidence"]
    return {
        "rows": found.df[columns].astype(str).values.tolist(),
        "metadata": found.metadata,
        "prefixes": dict(found.prefix_map),
        "problems": [result.message for report in reports.values() for result in report.results],
    }

print(json.dumps([read(path) for path in sys.argv[1:]], default=str))
"""
"""What the library of SSSOM reads in files, and what it finds wrong with them; it takes seconds to import."""


@pytest.fixture(scope="module")
def sets() -> list[mappings.MappingSet]:
    return mappings.read(ROOT / "ontology" / "mappings")[0]


def test_the_library_of_sssom_finds_nothing_wrong_and_reads_every_accepted_row(
    files: dict[str, bytes], sets: list[mappings.MappingSet], tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.sssom.tsv", tmp_path / "bad.sssom.tsv"
    good.write_bytes(files["hfm.sssom.tsv"])
    bad.write_bytes(files["hfm.sssom.tsv"].replace(b"#  aio: https://w3id.org/aio/\n", b"", 1))
    command = [sys.executable, "-c", READ, str(good), str(bad)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    read, spoiled = json.loads(done.stdout)
    assert read["problems"] == []
    assert spoiled["problems"] == ["Missing prefix: aio"]
    assert sorted(read["rows"]) == sorted(
        [
            row["subject_id"],
            row["predicate_id"],
            row["object_id"],
            row["object_source"],
            f"hfm:mappings/{one.path.name}",
            str(float(row["confidence"])),
        ]
        for one in sets
        if one.path.name != mappings.REJECTED
        for row in one.rows
    )
    assert read["metadata"]["license"] == "https://creativecommons.org/licenses/by/4.0/"
    assert read["metadata"]["mapping_set_id"] == "https://w3id.org/hfm/mappings/hfm.sssom.tsv"
    assert read["prefixes"]["MONDO"] == "http://purl.obolibrary.org/obo/MONDO_"


def test_the_links_are_those_of_the_graph(
    files: dict[str, bytes], sets: list[mappings.MappingSet], store: Store
) -> None:
    header, *lines = [
        line.split("\t") for line in files["hfm.sssom.tsv"].decode().splitlines() if not line.startswith("#")
    ]
    used = Counter(dict(zip(header, line, strict=True))["predicate_id"] for line in lines)
    query = """SELECT ?p (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o }
        FILTER(STRSTARTS(STR(?g), "https://w3id.org/hfm/mappings/")) } GROUP BY ?p"""
    solutions = store.query(query)
    assert isinstance(solutions, QuerySolutions)
    assert {f"skos:{p.value.partition('#')[2]}": int(n.value) for p, n in solutions} == used


def test_what_the_sets_do_not_agree_on_becomes_a_column(sets: list[mappings.MappingSet]) -> None:
    first, *others = sssom.accepted(sets)
    older = replace(first, metadata={**first.metadata, "mapping_date": "2025-01-01"})
    text = sssom.write([older, *others], "2026-11-23").decode()
    assert "#mapping_date" not in text
    assert "mapping_date" in next(line for line in text.splitlines() if not line.startswith("#")).split("\t")
    assert text.count("\t2025-01-01\t") == len(first.rows)


def test_a_prefix_with_two_meanings_is_found_at_its_file(sets: list[mappings.MappingSet]) -> None:
    first, second, *_ = sssom.accepted(sets)
    other = replace(
        second, metadata={**second.metadata, "curie_map": {**second.prefixes, "hfm": "https://example.org/"}}
    )
    with pytest.raises(FindingsError, match=f"{second.file}:1:1: sssom: curie_map: hfm stands for"):
        sssom.write([first, other], "2026-11-23")

"""All mappings in one set: what the library of SSSOM reads, and row by row what the single files say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from pyoxigraph import Store

from hfm_kg import mappings
from hfm_kg.errors import FindingsError
from hfm_kg.export import sssom

from .conftest import ROOT
from .test_mappings import sssom_validate

READ = """
import json, sys
from sssom.parsers import parse_sssom_table
read = parse_sssom_table(sys.argv[1])
columns = ["subject_id", "predicate_id", "object_id", "object_source", "mapping_source", "confidence"]
rows = read.df[columns].astype(str).values.tolist()
print(json.dumps({"rows": rows, "metadata": read.metadata, "prefixes": dict(read.prefix_map)}, default=str))
"""


@pytest.fixture(scope="module")
def sets() -> list[mappings.MappingSet]:
    return mappings.read(ROOT / "ontology" / "mappings")[0]


@pytest.fixture
def path(files: dict[str, bytes], tmp_path: Path) -> Path:
    (tmp_path / "hfm.sssom.tsv").write_bytes(files["hfm.sssom.tsv"])
    return tmp_path / "hfm.sssom.tsv"


def test_sssom_validates_it(path: Path) -> None:
    done = sssom_validate(path)
    assert (done.returncode, done.stderr) == (0, "")


def test_sssom_refuses_it_without_a_prefix(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "#  aio: https://w3id.org/aio/\n" in text
    path.write_text(text.replace("#  aio: https://w3id.org/aio/\n", ""), encoding="utf-8")
    assert "Missing prefix: aio" in sssom_validate(path).stderr


def test_sssom_reads_every_accepted_row_and_no_refused_one(path: Path, sets: list[mappings.MappingSet]) -> None:
    done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    expected = sorted(
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
    assert sorted(read["rows"]) == expected
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
    counted = {f"skos:{row['p'].value.partition('#')[2]}": int(row["n"].value) for row in store.query(query)}  # type: ignore[union-attr, index]
    assert counted == used


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

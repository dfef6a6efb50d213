"""The tables are in order, every rule of the reader fires on its planted defect, and csvw reads what we read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import csvw
import pytest

from hfm_kg import tables
from hfm_kg.errors import FindingsError
from hfm_kg.pipeline import Settings
from hfm_kg.tables import Column, Tables, Value, nearest
from tests.conftest import Edit

MODELS = "id\tlabel\tkind\tyear\tsize\ttags\n"
TEXTS = {
    "kinds.tsv": "id\nvision\nlanguage\n",
    "models.tsv": MODELS + "BERT\tBERT\tlanguage\t2018\t0.11\tlanguage\n"
    "MAE\tMasked autoencoder\tvision\t2022\t\t\n"
    "CLIP\tCLIP\tvision\t2021\t1\tvision|language\n",
}  # fmt: skip
METADATA: dict[str, Any] = {
    "@context": "http://www.w3.org/ns/csvw",
    "dialect": {"delimiter": "\t", "header": True, "encoding": "utf-8", "quoteChar": None, "lineTerminators": ["\n"]},
    "tables": [
        {
            "url": "kinds.tsv",
            "tableSchema": {
                "columns": [{"name": "id", "datatype": "string", "required": True}],
                "primaryKey": ["id"],
            },
        },
        {
            "url": "models.tsv",
            "tableSchema": {
                "columns": [
                    {"name": "id", "datatype": {"base": "string", "format": "[A-Z]+"}, "required": True},
                    {"name": "label", "datatype": "string", "required": True},
                    {"name": "kind", "datatype": "string"},
                    {"name": "year", "datatype": {"base": "integer", "minimum": "2018", "maximum": "2026"}},
                    {"name": "size", "datatype": {"base": "decimal", "minimum": "0"}},
                    {"name": "tags", "datatype": {"base": "string", "format": "[a-z]+"}, "separator": "|"},
                ],
                "primaryKey": ["id"],
                "foreignKeys": [
                    {"columnReference": ["kind"], "reference": {"resource": "kinds.tsv", "columnReference": ["id"]}},
                    {"columnReference": ["tags"], "reference": {"resource": "kinds.tsv", "columnReference": ["id"]}},
                ],
            },
        },
    ],
}
"""Two small tables that have every kind of column the schema knows."""


@pytest.fixture(scope="module")
def real(settings: Settings) -> Tables:
    return tables.read(settings.data)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / tables.METADATA).write_text(json.dumps(METADATA), encoding="utf-8")
    for file, text in TEXTS.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    return tmp_path


def found(folder: Path) -> list[str]:
    return [str(finding) for finding in tables.read(folder).findings]


def plant(folder: Path, old: str, new: str, file: str = "models.tsv") -> None:
    assert TEXTS[file].count(old) == 1, f"{old!r} is not one place of {file}"
    (folder / file).write_bytes(TEXTS[file].replace(old, new).encode())


# --- the real tables ------------------------------------------------------------------------------------------


def test_the_real_tables_have_no_finding(real: Tables) -> None:
    assert [str(finding) for finding in real.findings] == []
    assert real.require_clean() is real


@pytest.mark.parametrize(
    ("table", "column", "counts"),
    [
        ("models", "table", {"1": 44, "2": 67, "3": 31, "4": 58}),
        ("datasets", "table", {"5": 34, "6": 42, "7": 17, "8": 17, "9": 4}),
        ("challenges", "kind", {"pillar": 3, "challenge": 10, "aspect": 22}),
        ("directions", "kind", {"theme": 4, "direction": 12}),
    ],
)
def test_every_row_of_the_survey_is_there(real: Tables, table: str, column: str, counts: dict[str, int]) -> None:
    assert Counter(row.text(column) for row in real[table]) == counts


@pytest.mark.parametrize(("table", "count"), [("references", 443), ("related_surveys", 17), ("applications", 16)])
def test_every_item_of_the_survey_is_there(real: Tables, table: str, count: int) -> None:
    assert len(real[table]) == count


@pytest.mark.parametrize("table", ["models", "datasets"])
def test_the_rows_of_a_printed_table_are_numbered_without_a_gap(real: Tables, table: str) -> None:
    numbers: dict[str, list[int]] = {}
    for row in real[table]:
        numbers.setdefault(row.text("table"), []).append(int(row.text("row")))
    assert all(rows == list(range(1, len(rows) + 1)) for rows in numbers.values()), numbers


def test_the_references_are_numbered_without_a_gap(real: Tables) -> None:
    assert [row.integer("number") for row in real["references"]] == list(range(1, 444))


def test_a_row_knows_its_line_and_the_columns_of_its_cells(settings: Settings, real: Tables) -> None:
    lines = (settings.data / "models.tsv").read_text(encoding="utf-8").split("\n")
    row = next(row for row in real["models"] if row.text("id") == "BEHRT")
    for column in ("id", "subfield", "name_printed", "year_printed"):
        assert lines[row.line - 1][row.offsets[column] - 1 :].split("\t")[0] == row.text(column)


# --- planted defects ------------------------------------------------------------------------------------------


def test_the_small_tables_have_no_finding(folder: Path) -> None:
    assert found(folder) == []
    assert [tuple(row.values.values()) for row in tables.read(folder)["models"]] == [
        ("BERT", "BERT", "language", 2018, Decimal("0.11"), ("language",)),
        ("MAE", "Masked autoencoder", "vision", 2022, None, ()),
        ("CLIP", "CLIP", "vision", 2021, Decimal(1), ("vision", "language")),
    ]


CELLS = {
    "a pattern is not matched": (
        "BERT\tBERT", "Bert\tBERT",
        "2:1: datatype: id: 'Bert' does not have the form [A-Z]+"),
    "a pattern is matched in part only": (
        "BERT\tBERT", "BERT2\tBERT",
        "2:1: datatype: id: 'BERT2' does not have the form [A-Z]+"),
    "an item does not match the pattern": (
        "vision|language", "vision|Language",
        "4:25: datatype: tags: 'Language' does not have the form [a-z]+"),
    "a word stands for an integer": (
        "2022", "soon",
        "3:31: datatype: year: 'soon' is not an integer"),
    "a fraction stands for an integer": (
        "2022", "2022.5",
        "3:31: datatype: year: '2022.5' is not an integer"),
    "a word stands for a number": (
        "0.11", "110M",
        "2:25: datatype: size: '110M' is not a decimal number"),
    "a number has an exponent": (
        "0.11", "11e-2",
        "2:25: datatype: size: '11e-2' is not a decimal number"),
    "a year is impossibly early": (
        "2022", "1022",
        "3:31: datatype: year: 1022 is below 2018"),
    "a year lies in the future": (
        "2022", "2202",
        "3:31: datatype: year: 2202 is above 2026"),
    "a number is below its minimum": (
        "0.11", "-0.11",
        "2:25: datatype: size: -0.11 is below 0"),
    "a required cell is empty": (
        "MAE\tMasked autoencoder", "MAE\t",
        "3:5: required: label: is empty"),
    "a key is dangling, and another is near": (
        "autoencoder\tvision", "autoencoder\tVisoin",
        "3:24: foreign-key: kind: 'Visoin' is not in kinds.tsv; did you mean vision?"),
    "a key is dangling, and none is near": (
        "autoencoder\tvision", "autoencoder\tgenomics",
        "3:24: foreign-key: kind: 'genomics' is not in kinds.tsv"),
    "an item is dangling": (
        "vision|language", "vision|langauge",
        "4:25: foreign-key: tags: 'langauge' is not in kinds.tsv; did you mean language?"),
    "a key stands twice": (
        "CLIP\tCLIP", "BERT\tCLIP",
        "4:1: duplicate-key: 'BERT' stands in line 2 already"),
}  # fmt: skip
"""A change within a cell of models.tsv, and its finding; csvw refuses these as well."""


@pytest.mark.parametrize(("old", "new", "finding"), CELLS.values(), ids=CELLS)
def test_a_planted_defect_is_the_one_finding_at_its_cell(folder: Path, old: str, new: str, finding: str) -> None:
    plant(folder, old, new)
    assert found(folder) == [f"data/models.tsv:{finding}"]


OURS = {
    "an item is empty": (
        "vision|language", "vision||language",
        "4:25: datatype: tags: 'vision||language' has an empty item between '|'"),
    "a list ends with a separator": (
        "vision|language", "vision|",
        "4:25: datatype: tags: 'vision|' has an empty item between '|'"),
    "an item stands twice": (
        "vision|language", "vision|vision",
        "4:25: datatype: tags: 'vision' stands twice"),
    "a cell begins with a space": (
        "Masked autoencoder", " Masked autoencoder",
        "3:5: whitespace: label: ' Masked autoencoder' begins or ends with white space"),
    "a cell ends with a no-break space": (
        "Masked autoencoder", "Masked autoencoder\xa0",
        "3:5: whitespace: label: 'Masked autoencoder\\xa0' begins or ends with white space"),
    "an item begins with a space": (
        "vision|language", "vision| language",
        "4:25: whitespace: tags: ' language' begins or ends with white space"),
    "a number is infinite": (
        "0.11", "Infinity",
        "2:25: datatype: size: 'Infinity' is not a decimal number"),
    "a thousand is set off": (
        "0.11", "1_000",
        "2:25: datatype: size: '1_000' is not a decimal number"),
    "a cell too few": (
        "BERT\tBERT", "BERT",
        "2:1: cells: 5 cells, expected 6; a tab is missing or too many"),
    "a cell too many": (
        "BERT\tBERT", "BERT\t\tBERT",
        "2:1: cells: 7 cells, expected 6; a tab is missing or too many"),
    "a line is empty": (
        "MAE\t", "\nMAE\t",
        "3:1: cells: blank line; remove it"),
}  # fmt: skip
"""The same for what csvw lets pass."""


@pytest.mark.parametrize(("old", "new", "finding"), OURS.values(), ids=OURS)
def test_a_defect_that_csvw_lets_pass_is_the_one_finding(folder: Path, old: str, new: str, finding: str) -> None:
    plant(folder, old, new)
    assert found(folder) == [f"data/models.tsv:{finding}"]


HEADERS = {
    "a column is misspelt": (
        "year", "yaer",
        ["1:1: header: column 'year' is missing", "1:15: header: unknown column 'yaer'; did you mean year?"]),
    "a column is unknown": (
        "tags", "tags\tparameters",
        ["1:30: header: unknown column 'parameters'"]),
    "a column is missing": (
        "\ttags", "",
        ["1:1: header: column 'tags' is missing"]),
    "a column stands twice": (
        "tags", "tags\tlabel",
        ["1:30: header: column 'label' stands twice"]),
    "columns are out of order": (
        "year\tsize", "size\tyear",
        ["1:1: header: columns are out of order; expected id label kind year size tags"]),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "findings"), HEADERS.values(), ids=HEADERS)
def test_a_header_that_is_not_as_declared_is_told(folder: Path, old: str, new: str, findings: list[str]) -> None:
    plant(folder, MODELS, MODELS.replace(old, new))
    assert found(folder) == [f"data/models.tsv:{finding}" for finding in findings]


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("id\n", "name\nid\n", "data/kinds.tsv:1:1: header: column 'id' is missing"),
        ("vision", "vision\tx", "data/kinds.tsv:2:1: cells: 2 cells, expected 1; a tab is missing or too many"),
        ("vision", " vision", "data/kinds.tsv:2:1: whitespace: id: ' vision' begins or ends with white space"),
    ],
    ids=["header", "cells", "key"],
)
def test_keys_into_a_table_that_could_not_be_read_are_not_called_dangling(
    folder: Path, old: str, new: str, finding: str
) -> None:
    plant(folder, old, new, "kinds.tsv")
    assert finding in found(folder)
    assert {finding.split(":")[0] for finding in found(folder)} == {"data/kinds.tsv"}


def test_two_keys_that_could_not_be_read_are_no_duplicates(folder: Path) -> None:
    (folder / "models.tsv").write_text(MODELS + "\tA\t\t\t\t\n\tB\t\t\t\t\n", encoding="utf-8")
    assert found(folder) == [
        "data/models.tsv:2:1: required: id: is empty",
        "data/models.tsv:3:1: required: id: is empty",
    ]


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (
            lambda content: content.replace(b"Masked", "Masqué ".encode() + b"\xe9", 1),
            "3:12: encoding: byte 0xe9 is not UTF-8; save the file as UTF-8",
        ),
        (
            lambda content: content.replace(b"\nCLIP", b"\r\nCLIP"),
            "3:37: line-ending: CRLF; save the file with LF line ends",
        ),
        (
            lambda content: content.replace(b"\n", b"\r\n"),
            "1:29: line-ending: CRLF; save the file with LF line ends",
        ),
    ],
    ids=["a byte is not UTF-8", "a line ends with CRLF", "every line ends with CRLF"],
)
def test_a_file_saved_in_another_encoding_is_one_finding(
    folder: Path, change: Callable[[bytes], bytes], finding: str
) -> None:
    path = folder / "models.tsv"
    path.write_bytes(change(path.read_bytes()))
    assert found(folder) == [f"data/models.tsv:{finding}"]


def test_a_byte_order_mark_and_a_missing_last_line_end_are_no_findings(folder: Path) -> None:
    path = folder / "models.tsv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().removesuffix(b"\n"))
    assert found(folder) == []
    assert len(tables.read(folder)["models"]) == 3


def test_an_undeclared_table_is_told(folder: Path) -> None:
    (folder / "patients.tsv").write_text("id\n", encoding="utf-8")
    assert found(folder) == ["data/patients.tsv:0:0: undeclared: no table of this name in csv-metadata.json"]


def test_a_missing_table_is_told_once(folder: Path) -> None:
    (folder / "kinds.tsv").unlink()
    assert found(folder) == ["data/kinds.tsv:0:0: missing: declared in csv-metadata.json but not there"]


def test_missing_metadata_are_told(tmp_path: Path) -> None:
    with pytest.raises(FindingsError) as caught:
        tables.read(tmp_path)
    path = tmp_path / tables.METADATA
    assert str(caught.value) == f"data/csv-metadata.json:0:0: metadata: missing; expected at {path}"


def test_broken_metadata_are_told_with_their_place(folder: Path) -> None:
    (folder / tables.METADATA).write_text('{\n "tables": [\n  {"url": "kinds.tsv",}\n ]\n}\n', encoding="utf-8")
    with pytest.raises(FindingsError) as caught:
        tables.read(folder)
    place, rule, _ = str(caught.value).split(": ", 2)
    # the parsers of Python 3.11 and 3.13 point at either side of the comma
    assert place in ("data/csv-metadata.json:3:22", "data/csv-metadata.json:3:23")
    assert rule == "metadata"


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ('"integer"', '"gYear"', "models.tsv: year: datatype 'gYear' is none of string, integer, decimal"),
        (
            '"primaryKey": ["id"], "f',
            '"primaryKey": ["year of"], "f',
            "models.tsv: the key's column 'year of' is not declared; did you mean year?",
        ),
        ('["tags"]', '["tag"]', "models.tsv: the key's column 'tag' is not declared; did you mean tags?"),
        (
            '"resource": "kinds.tsv"',
            '"resource": "sorts.tsv"',
            "models.tsv: kind: no column 'id' is declared in sorts.tsv",
        ),
    ],
    ids=["datatype", "primary key", "foreign key", "target"],
)
def test_metadata_that_ask_for_what_is_not_there_are_told(folder: Path, old: str, new: str, finding: str) -> None:
    text = json.dumps(METADATA)
    assert old in text
    (folder / tables.METADATA).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(FindingsError) as caught:
        tables.read(folder)
    assert str(caught.value) == f"data/csv-metadata.json:0:0: metadata: {finding}"


def test_tables_with_findings_are_not_used(folder: Path) -> None:
    plant(folder, "2022", "1022")
    with pytest.raises(FindingsError, match="1022 is below 2018"):
        tables.read(folder).require_clean()


def test_findings_of_several_tables_come_in_the_order_of_the_files(sandbox: Settings, edit: Edit) -> None:
    edit("data/models.tsv", "\tLanguage\tContrastiveLearning", "\tLangauge\tContrastiveLearning")
    edit("data/datasets.tsv", "\the2024\t5\t1\t", "\the2024\tV\t1\t")
    assert found(sandbox.data) == [
        "data/datasets.tsv:2:22: datatype: table: 'V' is not an integer",
        "data/models.tsv:2:29: foreign-key: subfield: 'Langauge' is not in subfields.tsv; did you mean Language?",
    ]


def test_a_datatype_may_be_left_out() -> None:
    assert Column.from_metadata({"name": "label"}).parse("7") == "7"


def test_the_nearest_name_is_found_whatever_its_case() -> None:
    assert nearest("PATOLOGY", ["Pathology", "Text"]) == "; did you mean Pathology?"
    assert nearest("genomics", ["Pathology", "Text"]) == ""


# --- csvw, an independent reader ------------------------------------------------------------------------------


def by_csvw(folder: Path) -> Any:
    return csvw.TableGroup.from_file(folder / tables.METADATA)


def rows_of(table: Any) -> list[dict[str, Value]]:
    """The rows as csvw reads them; our lists are tuples."""
    return [
        {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
        for row in table.iterdicts()
    ]


def refuse(folder: Path) -> str:
    """What csvw says of a folder: it reads all tables, then checks keys. Empty if it has no complaint."""
    group = by_csvw(folder)
    try:
        for table in group.tables:
            rows_of(table)
            table.check_primary_key()
        group.check_referential_integrity()
    except ValueError as error:
        return str(error)
    return ""


def test_csvw_reads_the_same_values(settings: Settings, real: Tables) -> None:
    group = by_csvw(settings.data)
    assert sorted(group.tabledict) == sorted(schema.file for schema in real.schemas.values())
    for name, schema in real.schemas.items():
        theirs = rows_of(group.tabledict[schema.file])
        ours = [dict(row.values) for row in real[name]]
        assert theirs == ours, schema.file
        assert [list(map(type, row.values())) for row in theirs] == [list(map(type, row.values())) for row in ours]


def test_csvw_has_no_complaint_about_the_real_tables(settings: Settings) -> None:
    assert refuse(settings.data) == ""


def test_csvw_has_no_complaint_about_the_small_tables(folder: Path) -> None:
    assert refuse(folder) == ""


@pytest.mark.parametrize(("old", "new", "finding"), CELLS.values(), ids=CELLS)
def test_csvw_refuses_the_planted_defect_as_well(folder: Path, old: str, new: str, finding: str) -> None:
    plant(folder, old, new)
    assert refuse(folder) != "", f"csvw does not see {finding}"


def test_csvw_refuses_a_duplicate_key_in_the_real_tables(sandbox: Settings, edit: Edit) -> None:
    edit("data/units.tsv", "\nInstanceUnit\t", "\nTokenUnit\t")
    assert "units.tsv:3 duplicate primary key: TokenUnit" in refuse(sandbox.data)


def test_csvw_refuses_a_dangling_key_in_the_real_tables(sandbox: Settings, edit: Edit) -> None:
    edit("data/models.tsv", "\tNamedEntityRecognition|", "\tNamedEntityRecogniton|")
    assert "NamedEntityRecogniton" in refuse(sandbox.data)
    assert "tasks.tsv" in refuse(sandbox.data)

"""What is printed gives what is served, and every rule of the double entry fires on its planted defect."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from hfm_kg import tables, transcription
from hfm_kg.pipeline import Settings

SIZE = re.compile(r"(?P<over>over )?(?P<number>[0-9][0-9,.]*)(?P<factor>[KMB])?\b", re.IGNORECASE)
FACTORS = {"": 1, "K": 1_000, "M": 1_000_000, "B": 1_000_000_000}


class Folder:
    """A folder of tables that a test spoils cell by cell; it finds places on its own, without the reader under test."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def _lines(self, table: str) -> list[list[str]]:
        text = (self.path / f"{table}.tsv").read_text(encoding="utf-8")
        return [line.split("\t") for line in text.removesuffix("\n").split("\n")]

    def _write(self, table: str, lines: list[list[str]]) -> None:
        text = "".join("\t".join(line) + "\n" for line in lines)
        (self.path / f"{table}.tsv").write_text(text, encoding="utf-8")

    def _find(self, lines: list[list[str]], key: str) -> int:
        parts = key.split(" ")
        (number,) = [number for number, line in enumerate(lines) if line[: len(parts)] == parts]
        return number

    def place(self, table: str, key: str, column: str) -> str:
        """Where a cell begins: FILE:LINE:COLUMN."""
        lines = self._lines(table)
        number, index = self._find(lines, key), lines[0].index(column)
        return f"data/{table}.tsv:{number + 1}:{len(''.join(lines[number][:index])) + index + 1}"

    def cell(self, table: str, key: str, column: str) -> str:
        lines = self._lines(table)
        return lines[self._find(lines, key)][lines[0].index(column)]

    def put(self, table: str, key: str, column: str, text: str) -> None:
        lines = self._lines(table)
        row = lines[self._find(lines, key)]
        assert row[lines[0].index(column)] != text, "the change changes nothing"
        row[lines[0].index(column)] = text
        self._write(table, lines)

    def drop(self, table: str, key: str) -> None:
        lines = self._lines(table)
        del lines[self._find(lines, key)]
        self._write(table, lines)

    def add(self, table: str, **cells: str) -> None:
        lines = self._lines(table)
        lines.append([cells.pop(name, "") for name in lines[0]])
        assert not cells, f"{table}.tsv has no column {', '.join(cells)}"
        self._write(table, lines)

    def found(self) -> list[str]:
        read = tables.read(self.path).require_clean()
        return [str(finding) for finding in sorted(transcription.check(read))]


@pytest.fixture
def data(sandbox: Settings) -> Folder:
    return Folder(sandbox.data)


def test_the_real_tables_have_no_finding(settings: Settings) -> None:
    assert Folder(settings.data).found() == []


# --- printed against served -----------------------------------------------------------------------------------

SERVED = {
    "a model's name": ("models", "BEHRT", "label", "BEHERT", "BEHRT", "BEHRT"),
    "a model's reference": ("models", "BEHRT", "references", "81", "BEHRT [82]", "82"),
    "a pre-training paradigm": ("models", "BEHRT", "pretraining", "ContrastiveLearning", "GL", "GenerativeLearning"),
    "a pre-training paradigm that is not printed": (
        "models", "Alpacare", "pretraining", "GenerativeLearning", "-", ""),
    "an adaptation paradigm": ("models", "USFM", "adaptation", "FineTuning", "AT", "AdapterTuning"),
    "an adaptation paradigm too few": (
        "models", "MoleculeSTM", "adaptation", "FineTuning", "FT, PE", "FineTuning|PromptEngineering"),
    "a modality": ("models", "USFM", "modalities", "XRay", "US", "Ultrasound"),
    "a task too many": (
        "models", "MedCPT", "tasks", "InformationRetrieval|QuestionAnswering", "IR", "InformationRetrieval"),
    "tasks in another order": (
        "models", "USFM", "tasks", "ImageClassification|ImageSegmentation|ImageEnhancement", "SEG, CLS, IE",
        "ImageSegmentation|ImageClassification|ImageEnhancement"),
    "a year": ("models", "BEHRT", "year", "2021", "2020", "2020"),
    "a dataset's name": ("datasets", "MSD", "label", "MDS", "MSD", "MSD"),
    "a range of references cut short": (
        "datasets", "BraTS21", "references", "303|305", "BraTS21 [303]–[305]", "303|304|305"),
    "a dataset's modality": ("datasets", "MSD", "modalities", "CTVolume", "3D CT, 3D MRI", "CTVolume|MRIVolume"),
    "a dataset's task": ("datasets", "SUN", "tasks", "ImageSegmentation", "DET", "Detection"),
}  # fmt: skip
"""Table, row, column, a wrong served value; what is printed, and what that gives."""


@pytest.mark.parametrize(("table", "key", "column", "wrong", "printed", "right"), SERVED.values(), ids=SERVED)
def test_a_served_value_that_differs_from_the_printed_one_needs_a_note(
    data: Folder, table: str, key: str, column: str, wrong: str, printed: str, right: str
) -> None:
    data.put(table, key, column, wrong)
    assert data.found() == [
        f"{data.place(table, key, column)}: transcription: {column}: {printed!r} is printed, which gives {right!r}, "
        f"but {wrong!r} is served; correct one of them or add a note"
    ]


def test_a_note_that_explains_the_difference_settles_it(data: Folder) -> None:
    data.put("models", "BEHRT", "year", "2021")
    note = {"id": "planted", "source": "he2024", "place": "table/1/row/3", "column": "year", "reason": "Planted."}
    data.add("notes", **note, kind="value", errs="author", reported="2020", corrected="2021")
    assert data.found() == []


def test_a_note_without_a_correction_does_not_settle_it(data: Folder) -> None:
    data.put("models", "BEHRT", "year", "2021")
    note = {"id": "planted", "source": "he2024", "place": "table/1/row/3", "column": "year", "reason": "Planted."}
    data.add("notes", **note, kind="conflict", errs="none", reported="2020")
    (finding,) = data.found()
    assert finding.startswith(f"{data.place('models', 'BEHRT', 'year')}: transcription: year: '2020' is printed")


def test_a_note_about_the_same_place_of_another_source_does_not_settle_it(data: Folder) -> None:
    data.put("notes", "table-1-row-4-year", "source", "awesome-hfm")
    assert data.found() == [
        f"{data.place('models', 'BioBART', 'year')}: transcription: year: '2020' is printed, which gives '2020', "
        "but '2022' is served; correct one of them or add a note",
        f"{data.place('notes', 'table-1-row-4-year', 'place')}: note: place: 'table/1/row/4' is no row of awesome-hfm",
    ]


@pytest.mark.parametrize(
    ("table", "key", "column", "printed", "token", "hint"),
    [
        ("models", "BEHRT", "pretraining", "QX", "QX", ""),
        ("models", "USFM", "modalities", "Ultrasond", "Ultrasond", "; did you mean ultrasound?"),
        ("models", "USFM", "tasks", "SEG, CLSS, IE", "CLSS", "; did you mean cls?"),
        ("datasets", "MSD", "modalities", "3D CT,3D MRI", "3D CT,3D MRI", "; did you mean 3d mri?"),
    ],
)
def test_a_printed_token_must_be_the_name_of_a_concept(
    data: Folder, table: str, key: str, column: str, printed: str, token: str, hint: str
) -> None:
    data.put(table, key, f"{column}_printed", printed)
    place = data.place(table, key, f"{column}_printed")
    assert data.found() == [f"{place}: vocabulary: {column}: {token!r} is no name of a concept{hint}"]


# --- notes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["2019", "BioBART [83]"])
def test_a_note_must_report_what_is_printed(data: Folder, wrong: str) -> None:
    data.put("notes", "table-1-row-4-year", "reported", wrong)
    place = data.place("notes", "table-1-row-4-year", "reported")
    assert data.found() == [f"{place}: note: reported: {wrong!r} is not what year prints, '2020'"]


def test_a_note_reports_the_name_where_the_table_prints_nothing_else(data: Folder) -> None:
    data.put("models", "USFM", "modalities_printed", "")
    note = {
        "id": "planted",
        "source": "he2024",
        "place": "table/2/row/10",
        "column": "modalities",
        "reason": "Planted.",
    }
    data.add("notes", **note, kind="reading", errs="none", reported="USFM [125]", corrected="Ultrasound")
    assert data.found() == []


def test_a_note_must_correct_to_what_is_served(data: Folder) -> None:
    data.put("notes", "table-1-row-4-year", "corrected", "2021")
    place = data.place("notes", "table-1-row-4-year", "corrected")
    assert data.found() == [f"{place}: note: corrected: '2021' is not what is served, '2022'"]


def test_a_note_that_is_removed_leaves_its_correction_unexplained(data: Folder) -> None:
    data.drop("notes", "table-1-row-14-label")
    assert data.found() == [
        f"{data.place('models', 'AntGLM-Med-10B', 'label')}: transcription: label: 'ANTPLM-Med-10B' is printed, "
        "which gives 'ANTPLM-Med-10B', but 'AntGLM-Med-10B' is served; correct one of them or add a note"
    ]


def test_a_note_about_a_reference_must_report_what_is_printed(data: Folder) -> None:
    data.put("notes", "reference-65-arxiv", "reported", "2305.10451")
    place = data.place("notes", "reference-65-arxiv", "reported")
    assert data.found() == [f"{place}: note: reported: '2305.10451' is not what arxiv prints, '2305.10415'"]


@pytest.mark.parametrize("wrong", ["table/1/row/45", "table/10/row/1", "reference/444"])
def test_a_note_about_a_row_must_lead_to_one(data: Folder, wrong: str) -> None:
    data.put("notes", "table-1-row-1-backbone", "place", wrong)
    place = data.place("notes", "table-1-row-1-backbone", "place")
    assert data.found() == [f"{place}: note: place: {wrong!r} is no row of he2024"]


@pytest.mark.parametrize(
    ("note", "wrong", "finding"),
    [
        ("table-1-row-1-backbone", "backbones", "'backbones' is no column of models.tsv; did you mean backbone?"),
        ("reference-65-volume", "shelf", "'shelf' is no column of references.tsv"),
    ],
)
def test_a_note_about_a_cell_must_lead_to_its_column(data: Folder, note: str, wrong: str, finding: str) -> None:
    data.put("notes", note, "column", wrong)
    assert data.found() == [f"{data.place('notes', note, 'column')}: note: column: {finding}"]


# --- names ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "key", "column", "text", "name", "other"),
    [
        ("units", "ImageUnit", "label", "Token", "token", "TokenUnit"),
        ("modalities", "CT", "notation", "CT|radiograph", "radiograph", "XRay"),
        ("paradigms", "AdapterTuning", "synonyms", "adapter-based tuning|finetuning", "finetuning", "FineTuning"),
        (
            "backbones",
            "GPT",
            "synonyms",
            "Generative Pre-trained Transformer|Transformer",
            "transformer",
            "Transformer",
        ),
        ("techniques", "SimCLR", "synonyms", "mae", "mae", "MaskedAutoencoder"),
    ],
)
def test_two_concepts_of_a_table_share_no_name_whatever_its_case(
    data: Folder, table: str, key: str, column: str, text: str, name: str, other: str
) -> None:
    data.put(table, key, column, text)
    clash = f"{data.place(table, key, column)}: name-clash: {column}: {name!r} is a name of {other} too"
    assert [finding for finding in data.found() if ": name-clash: " in finding] == [clash]


def test_a_concept_may_have_one_name_twice(data: Folder) -> None:
    data.put("units", "TokenUnit", "synonyms", data.cell("units", "TokenUnit", "synonyms") + "|Token")
    assert data.found() == []


# --- parts of a cell ------------------------------------------------------------------------------------------


def test_a_backbone_that_has_no_row_is_missed(data: Folder) -> None:
    data.drop("model_backbones", "MoleculeSTM 1 2")
    cell = data.cell("models", "MoleculeSTM", "backbone_printed")
    assert data.found() == [
        f"{data.place('models', 'MoleculeSTM', 'backbone_printed')}: transcription: backbone_printed: "
        f"'GIN' of {cell!r} stands in no row of model_backbones.tsv"
    ]


def test_a_backbone_must_stand_in_the_cell(data: Folder) -> None:
    data.put("model_backbones", "MoleculeSTM 1 2", "printed", "GNN")
    cell = data.cell("models", "MoleculeSTM", "backbone_printed")
    assert data.found() == [
        f"{data.place('model_backbones', 'MoleculeSTM 1 2', 'printed')}: transcription: printed: "
        f"'GNN' is no part of the cell {cell!r}",
        f"{data.place('models', 'MoleculeSTM', 'backbone_printed')}: transcription: backbone_printed: "
        f"'GIN' of {cell!r} stands in no row of model_backbones.tsv",
    ]


def test_a_backbone_is_no_part_of_a_cell_that_prints_none(data: Folder) -> None:
    data.add("model_backbones", model="USFM", component="1", alternative="1", backbone="ViT", printed="ViT")
    place = data.place("model_backbones", "USFM", "printed")
    assert data.found() == [f"{place}: transcription: printed: 'ViT' is no part of the cell '-'"]


@pytest.mark.parametrize(
    ("dataset", "rest"), [("SUN 2", "158,690 frames"), ("MSD 1", "1,411 CT"), ("LINCS-L1000 2", "41k small molecules")]
)
def test_a_size_that_has_no_row_is_missed(data: Folder, dataset: str, rest: str) -> None:
    name = dataset.split(" ")[0]
    data.drop("dataset_sizes", dataset)
    cell = data.cell("datasets", name, "scale_printed")
    assert data.found() == [
        f"{data.place('datasets', name, 'scale_printed')}: transcription: scale_printed: "
        f"{rest!r} of {cell!r} stands in no row of dataset_sizes.tsv"
    ]


def test_a_size_must_stand_in_the_cell(data: Folder) -> None:
    data.put("dataset_sizes", "SUN 2", "printed", "158,960 frames")
    assert data.found() == [
        f"{data.place('dataset_sizes', 'SUN 2', 'printed')}: transcription: printed: "
        "'158,960 frames' is no part of the cell '1018 videos (158,690 frames)'",
        f"{data.place('datasets', 'SUN', 'scale_printed')}: transcription: scale_printed: "
        "'158,690 frames' of '1018 videos (158,690 frames)' stands in no row of dataset_sizes.tsv",
    ]


def test_the_number_of_a_size_is_the_one_that_is_printed(settings: Settings) -> None:
    in_words = []
    for row in tables.read(settings.data)["dataset_sizes"]:
        if not (match := SIZE.search(row.text("printed"))):
            in_words.append(row.text("dataset"))
            continue
        factor = (match["factor"] or "").upper()
        kind = "over" if "over" in row.text("printed") else "rounded" if factor else "exact"
        expected = (Decimal(match["number"].replace(",", "")) * FACTORS[factor], kind)
        assert (row.values["number"], row.text("qualifier")) == expected, row
    assert in_words == ["UK-Biobank"]  # half a million


# --- rows of a source's table ---------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["name_printed", "pretraining_printed", "year_printed"])
def test_a_row_of_a_table_says_what_is_printed(data: Folder, column: str) -> None:
    data.put("models", "BEHRT", column, "")
    message = f"{column}: is empty, but the row stands in table 1 of he2024"
    assert f"{data.place('models', 'BEHRT', column)}: transcription: {message}" in data.found()


def test_a_row_of_a_survey_names_its_table(data: Folder) -> None:
    for column in ("table", "row"):
        data.put("models", "BEHRT", column, "")
    place = data.place("models", "BEHRT", "table")
    assert f"{place}: place: table: is empty, but he2024 is a survey; name table and row" in data.found()


def test_a_model_found_elsewhere_needs_no_printed_cells(data: Folder) -> None:
    data.add("models", id="Found", label="Found", source="hfm", subfield="Vision", adaptation="FineTuning",
             tasks="ImageSegmentation", year="2025")  # fmt: skip
    data.add("model_backbones", model="Found", component="1", alternative="1", backbone="ViT")
    assert data.found() == []

"""Printed against served: the double entry of the survey's tables.

``models.tsv`` and ``datasets.tsv`` hold each cell twice, as printed and as served. The printed one, read through the
labels, notations and synonyms of the vocabulary, must give the served one, or ``notes.tsv`` must say why not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from hfm_kg.errors import Finding
from hfm_kg.tables import Row, Tables, nearest

Names = Mapping[str, str]

VOCABULARY = {"pretraining": "paradigms", "adaptation": "paradigms", "modalities": "modalities", "tasks": "tasks"}
REQUIRED = {
    "models": ("row", "name_printed", "pretraining_printed", "adaptation_printed", "tasks_printed", "year_printed"),
    "datasets": ("row", "name_printed"),
}
"""The columns that a row of a source's table cannot lack."""
NOTHING = "-"
"""What the survey prints in a cell that has no value."""


def check(tables: Tables) -> Iterator[Finding]:
    """Findings for each printed cell that does not give the served one and that no note explains."""
    surveys = {row.text("id") for row in tables["sources"] if row.text("kind") == "survey"}
    names = {table: names_of(tables[table]) for table in set(VOCABULARY.values())}
    notes = {(note.text("source"), note.text("place"), note.optional("column")): note for note in tables["notes"]}
    for table in ("models", "datasets"):
        for row in tables[table]:
            if row.integer("table") is None:
                if row.text("source") in surveys:
                    message = f"table: is empty, but {row.text('source')} is a survey; name table and row"
                    yield row.finding("table", "place", message)
                continue
            missing = [column for column in REQUIRED[table] if row.optional(column) is None]
            for column in missing:
                message = f"{column}: is empty, but the row stands in table {row.text('table')} of {row.text('source')}"
                yield row.finding(column, "transcription", message)
            if missing:
                continue
            place = f"table/{row.text('table')}/row/{row.text('row')}"
            for column, printed, served in _cells(row):
                known = names[VOCABULARY[column]] if column in VOCABULARY else {}
                note = notes.get((row.text("source"), place, column))
                yield from _compare(row, column, printed, served, known, note)
    yield from _notes(tables)
    yield from _clashes(tables)
    yield from _parts(tables, "models", "model_backbones", "model", "backbone_printed", "+/,")
    yield from _parts(tables, "datasets", "dataset_sizes", "dataset", "scale_printed", ",() with")


def names_of(rows: Sequence[Row]) -> dict[str, str]:
    """Every name of a vocabulary's concepts, folded, and the concept's identifier."""
    return {name: row.text("id") for row in rows for name in _names(row)}


def _names(row: Row) -> dict[str, str]:
    """The folded names of a concept, and the first column each stands in."""
    columns = {"label": (row.text("label"),), "notation": row.items("notation"), "synonyms": row.items("synonyms")}
    return {name.casefold(): column for column in reversed(columns) for name in columns[column]}


def _cells(row: Row) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Column, printed cell and served values of each cell that is entered twice."""
    name = row.text("name_printed")
    yield "label", re.split(r"\s*\[", name)[0], (row.text("label"),)
    yield "references", name, row.items("references")
    for column in VOCABULARY:
        if f"{column}_printed" in row.values:
            value = row.values[column]
            served = value if isinstance(value, tuple) else (() if value is None else (str(value),))
            yield column, row.optional(f"{column}_printed") or NOTHING, served
    if "year" in row.values:
        yield "year", row.text("year_printed"), (row.text("year"),)


def _compare(
    row: Row, column: str, printed: str, served: tuple[str, ...], names: Names, note: Row | None
) -> Iterator[Finding]:
    if note and note.optional("corrected"):
        corrected = tuple(note.text("corrected").split("|"))
        # where a table lacks the column, all that it prints of the row is the name
        if note.text("reported") not in (printed, row.text("name_printed") if printed == NOTHING else printed):
            message = f"reported: {note.text('reported')!r} is not what {column} prints, {printed!r}"
            yield note.finding("reported", "note", message)
        if corrected != served:
            message = f"corrected: {note.text('corrected')!r} is not what is served, {'|'.join(served)!r}"
            yield note.finding("corrected", "note", message)
        return
    reader: Callable[[str], tuple[str, ...]] = READERS.get(column, lambda cell: (cell,))
    tokens = reader(printed)
    if column not in VOCABULARY:
        expected = tokens
    else:
        unknown = [token for token in tokens if token.casefold() not in names]
        for token in unknown:
            message = f"{column}: {token!r} is no name of a concept{nearest(token, list(names))}"
            yield row.finding(f"{column}_printed", "vocabulary", message)
        if unknown:
            return
        expected = tuple(names[token.casefold()] for token in tokens)
    if expected != served:
        message = (
            f"{column}: {printed!r} is printed, which gives {'|'.join(expected)!r}, "
            f"but {'|'.join(served)!r} is served; correct one of them or add a note"
        )
        yield row.finding(column, "transcription", message)


def _listed(cell: str) -> tuple[str, ...]:
    return () if cell == NOTHING else tuple(cell.split(", "))


def _cited(cell: str) -> tuple[str, ...]:
    """Reference numbers of a cell, ranges such as [303]–[305] spelled out."""
    numbers: list[str] = []
    for first, last in re.findall(r"\[(\d+)\](?:–\[(\d+)\])?", cell):
        numbers += map(str, range(int(first), int(last or first) + 1))
    return tuple(numbers)


READERS: Mapping[str, Callable[[str], tuple[str, ...]]] = {"references": _cited, **dict.fromkeys(VOCABULARY, _listed)}


def _notes(tables: Tables) -> Iterator[Finding]:
    """A note about a row must lead to it, and one that corrects a reference must report what is printed there."""
    places = {
        (row.text("source"), f"table/{row.text('table')}/row/{row.text('row')}"): row
        for table in ("models", "datasets")
        for row in tables[table]
        if row.integer("table") is not None
    } | {(row.text("source"), f"reference/{row.text('number')}"): row for row in tables["references"]}
    for note in tables["notes"]:
        place, column = note.text("place"), note.optional("column")
        row = places.get((note.text("source"), place))
        if row is None:
            if "row" in place or place.startswith("reference/"):
                yield note.finding("place", "note", f"place: {place!r} is no row of {note.text('source')}")
        elif column is not None and not {column, f"{column}_printed"} & row.values.keys():
            known = sorted(name.removesuffix("_printed") for name in row.values)
            message = f"column: {column!r} is no column of {row.schema.file}{nearest(column, known)}"
            yield note.finding("column", "note", message)
        elif column is not None and row.schema.name == "references" and note.optional("corrected"):
            printed = row.optional(column) or NOTHING
            if note.text("reported") != printed:
                message = f"reported: {note.text('reported')!r} is not what {column} prints, {printed!r}"
                yield note.finding("reported", "note", message)


def _clashes(tables: Tables) -> Iterator[Finding]:
    """Two concepts of one table must not share a name."""
    for table in sorted({*VOCABULARY.values(), "backbones", "units", "techniques"}):
        seen: dict[str, str] = {}
        for row in tables[table]:
            for name, column in _names(row).items():
                if name in seen:
                    yield row.finding(column, "name-clash", f"{column}: {name!r} is a name of {seen[name]} too")
                seen[name] = row.text("id")


def _parts(tables: Tables, table: str, part_table: str, key: str, column: str, between: str) -> Iterator[Finding]:
    """The parts into which a cell was taken must make up the whole cell, but for the words between them."""
    parts: dict[str, list[Row]] = {}
    for part in tables[part_table]:
        parts.setdefault(part.text(key), []).append(part)
    for row in tables[table]:
        cell = row.optional(column)
        own = parts.get(row.text("id"), [])
        if cell is None:
            continue
        rest = cell.replace(NOTHING, "", 1) if cell == NOTHING else cell
        for part in sorted(own, key=lambda part: -len(part.optional("printed") or "")):
            if (part.optional("printed") or NOTHING) not in rest:
                message = f"printed: {part.text('printed')!r} is no part of the cell {cell!r}"
                yield part.finding("printed", "transcription", message)
            rest = rest.replace(part.text("printed"), " ", 1)
        marks, _, word = between.partition(" ")
        rest = (rest.replace(word, "") if word else rest).strip(f"{marks} ")
        if rest:
            message = f"{column}: {rest!r} of {cell!r} stands in no row of {part_table}.tsv"
            yield row.finding(column, "transcription", message)

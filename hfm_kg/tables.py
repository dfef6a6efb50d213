"""TSV tables with a CSVW schema → typed rows that know their file, line and column.

The schema is ``csv-metadata.json``, W3C "Metadata Vocabulary for Tabular Data" (CSVW). Read are ``datatype`` (string,
integer, decimal, with ``format``, ``minimum`` and ``maximum``), ``required``, ``separator``, ``primaryKey`` and
``foreignKeys``. We read the tables ourselves, since libraries for CSVW stop at the first error of a table and name no
column; a test reads them with the library ``csvw`` as well, and the two must agree.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from hfm_kg.errors import Finding, FindingsError

METADATA = "csv-metadata.json"
NUMBERS = {
    "integer": ("an integer", re.compile(r"[+-]?[0-9]+")),
    "decimal": ("a decimal number", re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")),
}
"""The lexical spaces of XSD, which are narrower than what Python takes for a number, such as 1e5 or 1_000."""
UNREAD = frozenset({"missing", "header", "cells"})
"""Rules whose findings cost a table rows; keys that point into such a table cannot be judged."""

Value = str | int | Decimal | tuple[str, ...] | None


@dataclass(frozen=True)
class Column:
    """A declared column: CSVW section 5.6."""

    name: str
    datatype: str = "string"
    format: re.Pattern[str] | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    required: bool = False
    separator: str | None = None

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any]) -> Column:
        """Read a column description; the datatype may be a name or an object."""
        datatype = metadata.get("datatype", "string")
        details: Mapping[str, Any] = datatype if isinstance(datatype, dict) else {"base": datatype}
        limit = {name: Decimal(details[name]) for name in ("minimum", "maximum") if name in details}
        return cls(
            metadata["name"],
            details["base"],
            re.compile(details["format"]) if "format" in details else None,
            limit.get("minimum"),
            limit.get("maximum"),
            metadata.get("required", False),
            metadata.get("separator"),
        )

    def parse(self, text: str) -> Value:
        """The value of a cell. Raises ValueError with what is wrong, in words for a curator."""
        if self.separator is not None:
            items = tuple(text.split(self.separator)) if text else ()
            if "" in items:
                raise ValueError(f"{text!r} has an empty item between {self.separator!r}")
            for item in items:
                if items.count(item) > 1:
                    raise ValueError(f"{item!r} stands twice")
                self._parse_one(item)
            return items
        return self._parse_one(text) if text else None

    def _parse_one(self, text: str) -> str | int | Decimal:
        if self.format and not self.format.fullmatch(text):
            raise ValueError(f"{text!r} does not have the form {self.format.pattern}")
        if self.datatype == "string":
            return text
        kind, form = NUMBERS[self.datatype]
        if not form.fullmatch(text):
            raise ValueError(f"{text!r} is not {kind}")
        number = Decimal(text)
        if self.minimum is not None and number < self.minimum:
            raise ValueError(f"{text} is below {self.minimum}")
        if self.maximum is not None and number > self.maximum:
            raise ValueError(f"{text} is above {self.maximum}")
        return int(number) if self.datatype == "integer" else number


@dataclass(frozen=True)
class ForeignKey:
    """A column whose values must stand in a column of another table: CSVW section 5.5.2.3."""

    column: str
    table: str
    target: str


@dataclass(frozen=True)
class Schema:
    """What is declared about one table."""

    file: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    foreign_keys: tuple[ForeignKey, ...]

    @property
    def name(self) -> str:
        """The file's name without its ending; so tables are called in code."""
        return self.file.removesuffix(".tsv")


@dataclass(frozen=True)
class Row:
    """One row: typed values by column name, and where each cell stands."""

    schema: Schema
    line: int
    values: Mapping[str, Value] = field(repr=False)
    offsets: Mapping[str, int] = field(repr=False)

    def text(self, column: str) -> str:
        """A cell that must have a value, as text."""
        value = self.values[column]
        assert value is not None, f"{self.schema.file}:{self.line}: {column} is empty"
        return str(value)

    def optional(self, column: str) -> str | None:
        """A cell as text, None if it is empty."""
        value = self.values[column]
        return None if value is None else str(value)

    def items(self, column: str) -> tuple[str, ...]:
        """The values of a cell that holds several."""
        value = self.values[column]
        assert isinstance(value, tuple), f"{column} of {self.schema.file} has no separator"
        return value

    def integer(self, column: str) -> int | None:
        """A cell as a whole number, None if it is empty."""
        value = self.values[column]
        assert value is None or isinstance(value, int), f"{column} of {self.schema.file} is no integer"
        return value

    def key(self) -> tuple[str, ...]:
        """The values of the primary key."""
        return tuple(str(self.values[name]) for name in self.schema.primary_key)

    def finding(self, column: str, rule: str, message: str) -> Finding:
        """A finding at one of this row's cells."""
        return Finding(f"data/{self.schema.file}", self.line, self.offsets.get(column, 1), rule, message)


@dataclass(frozen=True)
class Tables:
    """All tables of a folder."""

    schemas: Mapping[str, Schema]
    rows: Mapping[str, tuple[Row, ...]]
    findings: tuple[Finding, ...]

    def __getitem__(self, name: str) -> tuple[Row, ...]:
        return self.rows[name]

    def require_clean(self) -> Tables:
        """These tables, if nothing is wrong with them. Raises FindingsError otherwise."""
        if self.findings:
            raise FindingsError(self.findings)
        return self


def nearest(value: str, known: Sequence[str]) -> str:
    """A hint that names the closest known value, or nothing if none is close.

    >>> nearest("Patology", ["Pathology", "Text"])
    '; did you mean Pathology?'
    """
    folded = {item.casefold(): item for item in known}
    close = difflib.get_close_matches(value.casefold(), list(folded), n=1, cutoff=0.6)
    return f"; did you mean {folded[close[0]]}?" if close else ""


def read_schemas(folder: Path) -> dict[str, Schema]:
    """Read the CSVW metadata of a folder. Raises FindingsError if it is not there, not JSON, or not to be followed."""
    path = folder / METADATA
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FindingsError([Finding(f"data/{METADATA}", 0, 0, "metadata", f"missing; expected at {path}")]) from None
    except json.JSONDecodeError as error:
        raise FindingsError([Finding(f"data/{METADATA}", error.lineno, error.colno, "metadata", error.msg)]) from None
    schemas = {}
    for table in metadata["tables"]:
        declared = table["tableSchema"]
        schema = Schema(
            table["url"],
            tuple(map(Column.from_metadata, declared["columns"])),
            tuple(declared["primaryKey"]),
            tuple(
                ForeignKey(
                    key["columnReference"][0],
                    key["reference"]["resource"].removesuffix(".tsv"),
                    key["reference"]["columnReference"][0],
                )
                for key in declared.get("foreignKeys", ())
            ),
        )
        schemas[schema.name] = schema
    if findings := [Finding(f"data/{METADATA}", 0, 0, "metadata", problem) for problem in _unusable(schemas)]:
        raise FindingsError(findings)
    return schemas


def _unusable(schemas: Mapping[str, Schema]) -> Iterator[str]:
    """What a table's description asks for that is not there."""
    for schema in schemas.values():
        names = [column.name for column in schema.columns]
        for column in schema.columns:
            if column.datatype not in ("string", *NUMBERS):
                yield f"{schema.file}: {column.name}: datatype {column.datatype!r} is none of string, integer, decimal"
        for name in (*schema.primary_key, *(key.column for key in schema.foreign_keys)):
            if name not in names:
                yield f"{schema.file}: the key's column {name!r} is not declared{nearest(name, names)}"
        for key in schema.foreign_keys:
            targets = [column.name for column in schemas[key.table].columns] if key.table in schemas else []
            if key.target not in targets:
                yield f"{schema.file}: {key.column}: no column {key.target!r} is declared in {key.table}.tsv"


def read(folder: Path) -> Tables:
    """Read and check every table that the folder's metadata declares; findings are collected, not raised."""
    schemas = read_schemas(folder)
    findings: list[Finding] = []
    rows: dict[str, tuple[Row, ...]] = {}
    for name, schema in schemas.items():
        rows[name] = tuple(_read_table(folder / schema.file, schema, findings))
    for path in sorted(folder.glob("*.tsv")):
        if path.stem not in schemas:
            findings.append(Finding(f"data/{path.name}", 0, 0, "undeclared", f"no table of this name in {METADATA}"))
    unread = {finding.file for finding in findings if finding.rule in UNREAD}
    for name in schemas:
        findings += _duplicate_keys(rows[name])
        findings += _foreign_keys(schemas[name], rows, unread)
    return Tables(schemas, rows, tuple(sorted(findings)))


def _read_table(path: Path, schema: Schema, findings: list[Finding]) -> Iterator[Row]:
    file = f"data/{schema.file}"
    try:
        lines = _lines(path.read_bytes(), file, findings)
    except FileNotFoundError:
        findings.append(Finding(file, 0, 0, "missing", f"declared in {METADATA} but not there"))
        return
    names = [column.name for column in schema.columns]
    header = lines[0].split("\t") if lines else []
    if header != names:
        findings += _header(file, header, names)
        return
    for number, text in enumerate(lines[1:], start=2):
        cells = text.split("\t")
        if len(cells) != len(names):
            message = f"{len(cells)} cells, expected {len(names)}; a tab is missing or too many"
            if not text.strip():
                message = "blank line; remove it"
            findings.append(Finding(file, number, 1, "cells", message))
            continue
        offsets = dict(zip(names, _offsets(cells), strict=True))
        values: dict[str, Value] = {}
        for column, cell in zip(schema.columns, cells, strict=True):
            problem = _problem(column, cell, values)
            if problem:
                rule, message = problem
                findings.append(Finding(file, number, offsets[column.name], rule, f"{column.name}: {message}"))
        yield Row(schema, number, values, offsets)


def _lines(content: bytes, file: str, findings: list[Finding]) -> list[str]:
    """The lines of a file; one that is not UTF-8 is reported and replaced by nothing that could be mistaken.

    CRLF is reported once a file, since an editor that writes it does so in every line.
    """
    lines = []
    line_ending = False
    for number, raw in enumerate(content.removesuffix(b"\n").split(b"\n"), start=1):
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            place = len(raw[: error.start].decode("utf-8", "replace")) + 1
            message = f"byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8"
            findings.append(Finding(file, number, place, "encoding", message))
            text = raw.decode("utf-8", "replace")
        if text.endswith("\r"):
            if not line_ending:
                message = "CRLF; save the file with LF line ends"
                findings.append(Finding(file, number, len(text), "line-ending", message))
            line_ending = True
            text = text.removesuffix("\r")
        lines.append(text.removeprefix("\ufeff") if number == 1 else text)
    return lines


def _header(file: str, header: Sequence[str], names: Sequence[str]) -> Iterator[Finding]:
    offsets = list(_offsets(header))
    for name, offset in zip(header, offsets, strict=True):
        if name not in names:
            yield Finding(file, 1, offset, "header", f"unknown column {name!r}{nearest(name, names)}")
        elif offset != offsets[header.index(name)]:
            yield Finding(file, 1, offset, "header", f"column {name!r} stands twice")
    for name in names:
        if name not in header:
            yield Finding(file, 1, 1, "header", f"column {name!r} is missing")
    if sorted(header) == sorted(names):
        yield Finding(file, 1, 1, "header", f"columns are out of order; expected {' '.join(names)}")


def _offsets(cells: Sequence[str]) -> Iterator[int]:
    offset = 1
    for cell in cells:
        yield offset
        offset += len(cell) + 1


def _problem(column: Column, cell: str, values: dict[str, Value]) -> tuple[str, str] | None:
    values[column.name] = () if column.separator else None
    for part in [cell, *(cell.split(column.separator) if column.separator else ())]:
        if part != part.strip():
            return "whitespace", f"{part!r} begins or ends with white space"
    if column.required and not cell:
        return "required", "is empty"
    try:
        values[column.name] = column.parse(cell)
    except ValueError as error:
        return "datatype", str(error)
    return None


def _duplicate_keys(rows: Sequence[Row]) -> Iterator[Finding]:
    first: dict[tuple[str, ...], int] = {}
    for row in rows:
        if any(row.values[name] is None for name in row.schema.primary_key):
            continue  # reported where the cell was read
        key = row.key()
        if key in first:
            column = row.schema.primary_key[0]
            yield row.finding(column, "duplicate-key", f"{' '.join(key)!r} stands in line {first[key]} already")
        first.setdefault(key, row.line)


def _foreign_keys(schema: Schema, rows: Mapping[str, Sequence[Row]], unread: Container[str]) -> Iterator[Finding]:
    for key in schema.foreign_keys:
        known = [target for row in rows[key.table] if (target := row.optional(key.target))]
        if f"data/{key.table}.tsv" in unread or len(known) < len(rows[key.table]):
            continue  # the table is reported already, and any key may be one of those that could not be read
        valid = set(known)
        for row in rows[schema.name]:
            value = row.values[key.column]
            for item in value if isinstance(value, tuple) else (() if value is None else (str(value),)):
                if item not in valid:
                    message = f"{key.column}: {item!r} is not in {key.table}.tsv{nearest(item, known)}"
                    yield row.finding(key.column, "foreign-key", message)

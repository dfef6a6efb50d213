"""Lists as tables for programs."""

from __future__ import annotations

import csv as comma_separated
import io
import json as notation
from collections.abc import Sequence

from hfm_kg.kinds import Kind
from hfm_kg.listing import Item


def csv(kind: Kind, items: Sequence[Item]) -> str:
    """A list as CSV (RFC 4180), with the columns of its query; several values of a cell are separated by ``|``."""
    text = io.StringIO()
    writer = comma_separated.writer(text)
    writer.writerow([kind.one, "name", *(column.name for column in kind.columns)])
    for item in items:
        cells = ("|".join(cell.text for cell in item.cells[column.name]) for column in kind.columns)
        writer.writerow([item.node.value, item.name, *cells])
    return text.getvalue()


def json(kind: Kind, items: Sequence[Item]) -> str:
    """A list as JSON: an object a thing, a list a column, in which a thing has its IRI and its label."""
    return notation.dumps(
        [
            {"iri": item.node.value, "name": item.name}
            | {
                column.name: [{"iri": cell.iri, "label": cell.text} if cell.iri else cell.text for cell in cells]
                for column in kind.columns
                if (cells := item.cells[column.name])
            }
            for item in items
        ],
        ensure_ascii=False,
        indent=1,
    )

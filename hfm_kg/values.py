"""RDF terms as Python values, and back.

=====================================  ===========================================
``xsd:integer`` and what derives       :class:`int`
``xsd:decimal``, ``double``, ``float``  :class:`float`
``xsd:boolean``                        :class:`bool`
``xsd:date``, ``xsd:dateTime``         :class:`datetime.date`, :class:`datetime.datetime`
``xsd:gYear``                          :class:`int`
other literals                         :class:`str`, without their language
IRIs                                   :class:`Iri`, a :class:`str` with a label
=====================================  ===========================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from html import escape
from typing import Any, Final

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from hfm_kg import sparql
from hfm_kg.errors import UsageError
from hfm_kg.terms import BASE, XSD

Labels = Callable[[str], str | None]
"""Tells what an IRI is called, None if nothing does."""


class Iri(str):
    """An IRI: a string that knows what the graph calls the thing.

    >>> Iri("https://w3id.org/hfm/model/BioBERT")
    Iri('https://w3id.org/hfm/model/BioBERT')
    >>> Iri("https://w3id.org/hfm/Pathology").short
    'hfm:Pathology'
    """

    __slots__ = ("_labels",)
    _labels: Labels | None

    def __new__(cls, text: str, labels: Labels | None = None) -> Iri:
        """An IRI, and where its label is looked up."""
        made = super().__new__(cls, text)
        made._labels = labels
        return made

    @property
    def label(self) -> str:
        """What the thing is called; its short form if the graph has no label for it."""
        found = self._labels(self) if self._labels else None
        if found is None and self.startswith(BASE):
            return self.rstrip("/#").replace("#", "/").rpartition("/")[2] or str(self)
        return found or self.short.strip("<>")

    @property
    def short(self) -> str:
        """The IRI as a query writes it: by a known prefix, or in full."""
        return sparql.name(self)

    def __reduce__(self) -> tuple[type[Iri], tuple[str]]:
        return Iri, (str(self),)  # the graph that knows the labels stays behind

    def __repr__(self) -> str:
        return f"Iri({str(self)!r})"

    def _repr_html_(self) -> str:
        return html(self)


Value = Iri | str | int | float | bool | date | Decimal
"""What a result holds, besides None where a variable is unbound; ``Decimal`` only goes in."""


def _boolean(text: str) -> bool:
    return {"true": True, "1": True, "false": False, "0": False}[text]


INTEGERS: Final = (
    "integer", "int", "long", "short", "byte", "nonNegativeInteger", "positiveInteger", "nonPositiveInteger",
    "negativeInteger", "unsignedInt", "unsignedLong", "unsignedShort", "unsignedByte", "gYear",
)  # fmt: skip

READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    XSD.base + name: reader
    for reader, names in (
        (int, INTEGERS),
        (float, ("decimal", "double", "float")),
        (_boolean, ("boolean",)),
        (date.fromisoformat, ("date",)),
        (datetime.fromisoformat, ("dateTime",)),
    )
    for name in names
}
"""How literals of a datatype are read."""


def to_python(term: object, labels: Labels | None = None) -> Any:
    """A term as a Python value; a literal whose text does not fit its datatype as that text.

    >>> [to_python(Literal(value)) for value in (7, 0.5, True, "text")]
    [7, 0.5, True, 'text']
    """
    match term:
        case None:
            return None
        case NamedNode():
            return Iri(term.value, labels)
        case Literal():
            try:
                return READERS[term.datatype.value](term.value) if term.datatype.value in READERS else term.value
            except (ValueError, KeyError):
                return term.value
        case BlankNode() | Triple():
            return str(term)
    raise TypeError(f"{term!r} is no term of a result")


def to_term(value: Value | NamedNode | Literal) -> NamedNode | Literal:
    """A Python value as a term; text becomes a plain string.

    Raises UsageError for what no term can be made of.

    >>> to_term(Iri("https://w3id.org/hfm/CT")), to_term(2024)
    (<NamedNode value=https://w3id.org/hfm/CT>, <Literal value=2024 datatype=<NamedNode value=http://www.w3.org/2001/XMLSchema#integer>>)
    """
    match value:
        case NamedNode() | Literal():
            return value
        case Iri():
            try:
                return NamedNode(value)
            except ValueError as error:
                raise UsageError(f"{str(value)!r} is no IRI: {error}") from None
        case bool() | int() | float() | str():
            return Literal(value)
        case Decimal():
            return Literal(str(value), datatype=XSD.decimal)
        case datetime():
            return Literal(value.isoformat(), datatype=XSD.dateTime)
        case date():
            return Literal(value.isoformat(), datatype=XSD.date)
    raise UsageError(f"a value of type {type(value).__name__} is no RDF term: {value!r}")


def read(text: str) -> Value:
    """A value as people write it: a number, true or false, an IRI in angle brackets, else a text.

    >>> read("2024"), read("0.5"), read("true"), read("<http://a/>"), read("UNI")
    (2024, 0.5, True, Iri('http://a/'), 'UNI')
    """
    if re.fullmatch(r"[+-]?\d+", text, re.ASCII):
        return int(text)
    if re.fullmatch(r"[+-]?\d*\.\d+", text, re.ASCII):
        return float(text)
    if text in ("true", "false"):
        return text == "true"
    return Iri(text[1:-1]) if text.startswith("<") and text.endswith(">") else text


def shown(value: object) -> str:
    """A value as plain text: an IRI of ours by its path, another one as a query writes it.

    >>> shown(Iri("https://w3id.org/hfm/model/BioBERT")), shown(None), shown(True)
    ('hfm:model/BioBERT', '', 'true')
    """
    match value:
        case None:
            return ""
        case Iri():
            return f"hfm:{value.removeprefix(BASE)}" if value.startswith(BASE) else value.short.strip("<>")
        case bool():
            return str(value).lower()
    return str(value)


def html(value: object) -> str:
    """A value as HTML, escaped; an address on the web becomes a link with its label, if it has one.

    >>> html(Iri("https://w3id.org/hfm/CT")), html("<b>")
    ('<a href="https://w3id.org/hfm/CT">CT</a>', '&lt;b&gt;')
    """
    text = escape(value.label if isinstance(value, Iri) else shown(value))
    if isinstance(value, Iri) and value.startswith(("http://", "https://")):
        return f'<a href="{escape(value)}">{text}</a>'
    return text


def html_table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table as HTML, escaped."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(f'<td>{html(value)}</td>' for value in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

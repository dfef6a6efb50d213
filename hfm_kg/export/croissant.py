"""What a release says of itself in JSON-LD: ``croissant.json`` for machine learning, ``dataset.jsonld`` for searches.

Both carry their context, so that nothing has to be fetched to read them. Files are named relative to the description.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from hfm_kg.export import kgx
from hfm_kg.export.describe import DESCRIPTION, KEYWORDS, LICENCE, PUBLISHER, TITLE, Release
from hfm_kg.export.files import ReleaseFile
from hfm_kg.terms import BASE

CONTEXT: Final[Mapping[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context that the specification asks for (Croissant 1.0, appendix 1)."""

RECORD_SETS: Final[Mapping[str, tuple[str, tuple[str, ...], str]]] = {
    "nodes": ("hfm_nodes.tsv", kgx.NODE_COLUMNS, "the models, datasets, publications and concepts"),
    "edges": ("hfm_edges.tsv", kgx.EDGE_COLUMNS, "how the nodes relate, and where in the source that is said"),
}
"""File, columns and description of the tables that can be loaded as records."""

NODES: Final = ("subject", "object")
"""The columns of edges whose values are identifiers of nodes."""


def _about(release: Release) -> dict[str, Any]:
    """What both descriptions say of the release."""
    return {
        "@id": release.dataset.value,
        "name": TITLE,
        "description": DESCRIPTION,
        "version": release.version,
        "datePublished": release.version,
        "license": LICENCE,
        "url": BASE,
        "keywords": list(KEYWORDS),
        "creator": {"@type": "Organization", "name": PUBLISHER},
        "publisher": {"@type": "Organization", "name": PUBLISHER},
        "isLiveDataset": False,
    }


def _file(file: ReleaseFile) -> dict[str, Any]:
    encoding = ["application/gzip", file.media_type] if file.is_compressed else file.media_type
    return {
        "name": file.name,
        "description": file.title,
        "contentUrl": file.name,
        "contentSize": f"{len(file.content)} B",
        "encodingFormat": encoding,
        "sha256": file.sha256,
    }


def croissant(release: Release, files: Iterable[ReleaseFile]) -> bytes:
    """``croissant.json``: all files, and the tables of the property graph as records (Croissant 1.0)."""
    return _dump(
        {
            "@context": CONTEXT,
            "@type": "sc:Dataset",
            "conformsTo": "http://mlcommons.org/croissant/1.0",
            "citeAs": f"{PUBLISHER}. {TITLE}, release {release.version}. {BASE}",
        }
        | _about(release)
        | {
            "version": _semantic(release.version),
            "distribution": [{"@type": "cr:FileObject", "@id": file.name} | _file(file) for file in files],
            "recordSet": [_records(name, *parts) for name, parts in RECORD_SETS.items()],
        }
    )


def _semantic(version: str) -> str:
    """A date as a version of three numbers, which Croissant asks for.

    >>> _semantic("2026-01-05")
    '2026.1.5'
    """
    return ".".join(str(int(part)) for part in version.split("-"))


def _records(name: str, file: str, columns: tuple[str, ...], description: str) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": description,
        "key": {"@id": f"{name}/id"},
        "field": [_field(name, file, column) for column in columns],
    }


def _field(records: str, file: str, column: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{records}/{column}",
        "name": column,
        "dataType": "sc:Text",
        "source": {"fileObject": {"@id": file}, "extract": {"column": column}},
    } | ({"references": {"field": {"@id": "nodes/id"}}} if column in NODES else {})


def dataset(release: Release, files: Iterable[ReleaseFile]) -> bytes:
    """``dataset.jsonld``: a schema.org ``Dataset`` with all files."""
    address = {"@type": "@id"}
    context = {"@vocab": "https://schema.org/", "contentUrl": address, "license": address, "url": address}
    about = {key: value for key, value in _about(release).items() if key != "isLiveDataset"}
    downloads = [{"@type": "DataDownload"} | _file(file) for file in files]
    return _dump({"@context": context, "@type": "Dataset"} | about | {"distribution": downloads})


def _dump(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"

"""What schema.org's JSON-LD tells of a thing, for search engines and reference managers."""

from __future__ import annotations

from typing import Any, Final

from hfm_kg.export.manchester import Link
from hfm_kg.server.site.things.view import View
from hfm_kg.terms import BASE, HFM, SCHEMA, SKOS

TYPES: Final = {
    "model": "SoftwareApplication",
    "mentioned model": "SoftwareApplication",
    "dataset": "Dataset",
    "mentioned dataset": "Dataset",
    "reference": "CreativeWork",
    "survey": "ScholarlyArticle",
    "mentioned work": "CreativeWork",
    "scheme": "DefinedTermSet",
    "class": "DefinedTerm",
    "property": "DefinedTerm",
    "source": "CreativeWork",
    "claim of a survey": "Claim",
}
"""The types by kind; every other concept is a defined term, every other thing just a thing."""
WORKS: Final = {"article": "ScholarlyArticle", "conference": "ScholarlyArticle", "preprint": "ScholarlyArticle",
                "book": "Book", "chapter": "Chapter", "thesis": "Thesis", "web": "WebPage"}  # fmt: skip
"""The types of publications."""

Json = dict[str, Any]


def of(view: View) -> Json:
    """What a page about a thing tells beside that it is a page."""
    return {"@type": "WebPage", "url": view.title.iri, "mainEntity": _thing(view)}


def _thing(view: View) -> Json:
    schemes = view.links(SKOS.inScheme)
    kind = TYPES.get(view.kind, "DefinedTerm" if schemes else "Thing")
    told: Json = {"@id": view.title.iri, "@type": kind, "name": view.title.label, "url": view.title.iri}
    if view.definition:
        told["description"] = view.definition
    if same := [one.iri for one in view.links(SCHEMA.sameAs, SKOS.exactMatch, HFM.paperPage, HFM.landingPage)]:
        told["sameAs"] = same
    if names := [name for name in view.also if name != view.title.label]:
        told["alternateName"] = names
    if kind in ("SoftwareApplication", "Dataset"):
        about = view.links(HFM.subfield, HFM.modality, HFM.task, HFM.topic)
        told |= _list("about", [{"@id": one.iri, "name": one.label} for one in about])
        told |= _list("citation", [_named(one) for one in view.links(HFM.reference)])
        told.setdefault("description", _told(view))
    if kind == "SoftwareApplication":
        told["applicationCategory"] = "healthcare foundation model"
        told |= _list("isBasedOn", [one.iri for one in view.links(HFM.builtOn) if one.iri.startswith(BASE)])
    if kind in ("CreativeWork", "ScholarlyArticle", "WebPage"):
        told |= _work(view)
    if kind == "DefinedTerm":
        told |= _list("inDefinedTermSet", [_named(one) for one in schemes])
        told |= _list("termCode", view.texts(SKOS.notation))
    if kind == "Claim":
        told["text"] = view.title.label
    return told


def _work(view: View) -> Json:
    kinds = view.texts(HFM.publicationKind)
    told: Json = {"headline": view.title.label, **_list("author", view.texts(HFM.authors))}
    told |= _list("datePublished", view.texts(HFM.publicationYear))
    told |= _list("identifier", [f"doi:{one}" for one in view.texts(HFM.doi)])
    if kinds and (kind := WORKS.get(kinds[0])):
        told["@type"] = kind
    if venues := view.texts(HFM.venue):
        told["isPartOf"] = {"@type": "CreativeWork", "name": venues[0]}
    return told


def _told(view: View) -> str:
    """A sentence of what is known of a model or dataset."""
    properties = (HFM.subfield, HFM.modality, HFM.task)
    words = [", ".join(one.label for one in view.links(each)) for each in properties]
    told = "; ".join(word for word in words if word)
    return f"{view.title.label}, a {view.kind} of healthcare foundation models" + (f": {told}." if told else ".")


def _named(link: Link) -> Json:
    return {"@id": link.iri, "name": link.label}


def _list(name: str, values: list[Any]) -> Json:
    return {name: values} if values else {}

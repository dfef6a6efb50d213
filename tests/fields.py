"""Small fields of research, as graphs that the queries of the catalogue are run over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, Store

from hfm_kg.terms import BASE, HFM, PROV, RDF, RDFS, SKOS

FACETS = {
    "modality": (HFM.modality, HFM.Modality),
    "task": (HFM.task, HFM.Task),
    "pretraining": (HFM.pretrainingParadigm, HFM.PretrainingParadigm),
    "adaptation": (HFM.adaptationParadigm, HFM.AdaptationParadigm),
    "subfield": (HFM.subfield, HFM.Subfield),
    "technique": (HFM.technique, HFM.Technique),
    "backbone": (HFM.backbone, HFM.PretrainedModel),
    "topic": (HFM.topic, HFM.Topic),
}


def node(path: str) -> NamedNode:
    return NamedNode(BASE + path)


class FieldBuilder:
    """Writes a field of research as the program's graphs have it: each row in its graph, and all in the default one."""

    def __init__(self) -> None:
        self.store = Store()

    def say(self, row: str, subject: NamedNode, predicate: NamedNode, value: NamedNode | Literal) -> None:
        place = node(f"source/test/{row}")
        self.store.add(Quad(place, RDF.type, HFM.Row, DefaultGraph()))
        for graph in (place, DefaultGraph()):
            self.store.add(Quad(subject, predicate, value, graph))

    def concept(self, name: str, facet: str, broader: str | None = None) -> None:
        row, subject = f"concept/{name}", node(name)
        self.say(row, subject, RDF.type, FACETS[facet][1])
        self.say(row, subject, RDF.type, SKOS.Concept)
        for label in (SKOS.prefLabel, RDFS.label):
            self.say(row, subject, label, Literal(name.lower(), language="en"))
        if broader:
            self.say(row, subject, SKOS.broader, node(broader))

    def thing(self, path: str, year: int | None = None, **facets: str | Iterable[str]) -> NamedNode:
        """A model or dataset with its concepts, which are made known too."""
        row, subject = f"row/{path}", node(path)
        self.say(row, subject, RDF.type, HFM.FoundationModel if path.startswith("model/") else HFM.Dataset)
        self.say(row, subject, RDFS.label, Literal(path.partition("/")[2]))
        if year is not None:
            self.say(row, subject, HFM.publicationYear, Literal(year))
        for facet, given in facets.items():
            for name in [given] if isinstance(given, str) else given:
                self.concept(name, facet)
                self.say(row, subject, FACETS[facet][0], node(name))
        return subject

    def need(self, name: str, kind: NamedNode, predicate: NamedNode, concept: str) -> None:
        row, subject = f"statement/{name}-{concept}", node(name)
        self.say(row, subject, RDF.type, kind)
        self.say(row, subject, SKOS.prefLabel, Literal(name.lower(), language="en"))
        self.say(row, subject, predicate, node(concept))
        self.say(row, node(f"source/test/{row}"), HFM.sentence, Literal(f"{name} and {concept}.", language="en"))
        self.say(row, node(f"source/test/{row}"), PROV.wasDerivedFrom, node("source/test/section/1"))
        self.say(row, node("source/test/section/1"), RDFS.label, Literal("Section 1"))


def of_models(models: Mapping[str, Mapping[str, str | Iterable[str]]], year: int = 2020) -> FieldBuilder:
    """A field of models alone, all of one year."""
    field = FieldBuilder()
    for name, facets in models.items():
        field.thing(f"model/{name}", year, **facets)
    return field

"""Keys, SHACL and ontology checks → findings that name file, line and column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pyshacl
import rdflib
from pyoxigraph import Literal, NamedNode, Quad, QuerySolutions, RdfFormat, Store, Triple, serialize

from hfm_kg.catalog import Catalog
from hfm_kg.errors import Finding, QuerySyntaxError
from hfm_kg.graph import ONTOLOGY_FILES, SHAPES_FILE, read_turtle
from hfm_kg.statement import Graph, Origin
from hfm_kg.terms import BASE, RDF

SH = rdflib.Namespace("http://www.w3.org/ns/shacl#")


class Tracer:
    """Leads from a term or triple of the graph back to the cell it was made from."""

    def __init__(self, graph: Graph, ontology: Path) -> None:
        self.origins = graph.origins
        self.by_path: dict[tuple[object, object], Origin] = {}
        self.by_subject: dict[object, Origin] = {}
        # the row that gives a thing its class is the one that makes it
        for triple, origin in sorted(graph.origins.items(), key=lambda item: item[0].predicate != RDF.type):
            self.by_path.setdefault((triple.subject, triple.predicate), origin)
            self.by_subject.setdefault(triple.subject, origin)
        self.lines: dict[str, tuple[str, int]] = {}
        for file in reversed(ONTOLOGY_FILES):
            self.lines |= dict(_subjects(ontology / file))

    def finding(
        self, rule: str, message: str, subject: object, predicate: object = None, value: object = None
    ) -> Finding:
        """A finding at the cell of the triple; failing that, of its subject and predicate, or of its subject."""
        origin = self.by_path.get((subject, predicate)) or self.by_subject.get(subject)
        match subject, predicate, value:
            case NamedNode(), NamedNode(), NamedNode() | Literal():
                origin = self.origins.get(Triple(subject, predicate, value)) or origin
        if origin is not None:
            return origin.finding(rule, message)
        name = subject.value if isinstance(subject, NamedNode) else str(subject)
        file, line = self.lines.get(name, ("hfm.ttl", 0))
        return Finding(f"ontology/{file}", line, 1 if line else 0, rule, message)

    def contradiction(self, triple: Triple, culprits: Sequence[Triple]) -> Finding:
        """A finding at one of the statements that cannot all be true."""
        others = " and ".join(_sentence(other) for other in culprits if other != triple)
        message = f"{_sentence(triple)}: contradicts {others or 'the ontology'}"
        return self.finding("owl", message, triple.subject, triple.predicate, triple.object)


def _subjects(path: Path) -> Iterator[tuple[str, tuple[str, int]]]:
    """The IRIs that begin a line of a Turtle file, and where each does so first."""
    prefixes: dict[str, str] = {}
    found: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        match line.split():
            case ["@prefix", prefix, address, *_]:
                prefixes[prefix.removesuffix(":")] = address.strip("<>")
            case [name, *_] if line.startswith(name):
                prefix, _, local = name.partition(":")
                if name.startswith("<"):
                    found.setdefault(name.strip("<>"), (path.name, number))
                elif prefix in prefixes:
                    found.setdefault(prefixes[prefix] + local, (path.name, number))
    yield from found.items()


def _sentence(triple: Triple) -> str:
    return " ".join(_short(_shown(term)) for term in (triple.subject, triple.predicate, triple.object))


def check_shapes(graph: Graph, ontology: Path, tracer: Tracer) -> list[Finding]:
    """Validate the graph against ``ontology/shapes.ttl`` (SHACL), without inference."""
    read_turtle(ontology / SHAPES_FILE)  # a syntax error is told with its line
    shapes = rdflib.Graph().parse(ontology / SHAPES_FILE)
    data = rdflib.Graph()
    data.parse(data=serialize(graph.triples(), format=RdfFormat.N_TRIPLES) or b"", format="nt")
    _, report, _ = pyshacl.validate(data, shacl_graph=shapes, inference="none", advanced=True)
    assert isinstance(report, rdflib.Graph)
    results = report.subjects(rdflib.RDF.type, SH.ValidationResult)
    return sorted(_violation(report, result, tracer) for result in results)


def _violation(report: rdflib.Graph, result: rdflib.term.Node, tracer: Tracer) -> Finding:
    def value(predicate: rdflib.URIRef) -> rdflib.term.Node | None:
        return report.value(result, predicate)

    focus, path, bad = value(SH.focusNode), value(SH.resultPath), value(SH.value)
    message = str(value(SH.resultMessage) or "violates a shape")
    shown = f" ({_short(bad)})" if bad is not None and bad != focus else ""
    place = _short(focus) if path is None else f"{_short(focus)} {_path(report, path)}"
    text = f"{place}: {message}{shown}"
    return tracer.finding("shacl", " ".join(text.split()), _term(focus), _term(path), _term(bad))


def _path(report: rdflib.Graph, path: rdflib.term.Node) -> str:
    """A path as SPARQL writes it; the blank node of a path would tell nobody anything."""
    if (alternatives := report.value(path, SH.alternativePath)) is not None:
        return "|".join(_path(report, each) for each in report.items(alternatives))
    inverse = report.value(path, SH.inversePath)
    text = _short(path if inverse is None else inverse)
    return ("" if inverse is None else "^") + text.rpartition("/")[2]


def _term(node: rdflib.term.Node | None) -> NamedNode | Literal | None:
    """The same term in pyoxigraph; None for blank nodes, which no cell makes."""
    if isinstance(node, rdflib.URIRef):
        return NamedNode(str(node))
    if isinstance(node, rdflib.Literal):
        if node.language:
            return Literal(str(node), language=node.language)
        return Literal(str(node), datatype=NamedNode(str(node.datatype))) if node.datatype else Literal(str(node))
    return None


def _short(node: object) -> str:
    text = str(node)
    return f"hfm:{text.removeprefix(BASE)}" if text.startswith(BASE) else text.rpartition("#")[2] or text


def check_ontology(store: Store, catalog: Catalog, tracer: Tracer) -> list[Finding]:
    """Run each query below ``queries/checks``; every solution is a finding about its ``?subject``."""
    findings = []
    for check in catalog.of_kind("checks"):
        solutions = store.query(check.text)
        assert isinstance(solutions, QuerySolutions), f"{check.path} is no SELECT query"
        for solution in solutions:
            values: Mapping[str, object] = {
                variable.value: solution[variable] for variable in solutions.variables if solution[variable] is not None
            }
            subject = values["subject"]
            others = {name: _shown(value) for name, value in values.items() if name not in ("subject", "path")}
            shown = ", ".join(f"{name} {value}" for name, value in others.items())
            message = f"{_short(_shown(subject))}: {check.title}{f' ({shown})' if shown else ''}; {check.header['fix']}"
            findings.append(tracer.finding(check.name, message, subject, values.get("path"), values.get("value")))
    return sorted(findings)


def _shown(value: object) -> str:
    return value.value if isinstance(value, (NamedNode, Literal)) else str(value)


def check_queries(catalog: Catalog) -> Iterator[Finding]:
    """Every catalogue query must parse, and give the columns that its header tells."""
    empty = Store()
    for query in catalog:
        file = query.file
        try:
            result = empty.query(query.text)
        except SyntaxError as error:
            place = QuerySyntaxError.from_engine(error, query.text)
            yield Finding(file, place.line, place.column, "sparql", place.message)
            continue
        if isinstance(result, QuerySolutions) and query.columns:
            columns = tuple(variable.value for variable in result.variables)
            if columns != query.columns:
                yield Finding(file, 1, 1, "columns", f"the query gives {', '.join(columns)}, the header says otherwise")


def in_memory(quads: Iterable[Quad]) -> Store:
    """A store in memory over these quads."""
    store = Store()
    store.bulk_extend(quads)
    return store

"""What the engine plans longest: shapes of queries, each as large as the limits admit.

Run as ``python -m tests.planning``: seconds of a processor that parsing and planning take, over an empty store.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Mapping
from typing import Final

from pyoxigraph import Store

from hfm_kg import sparql
from hfm_kg.admission import Shape, admit
from hfm_kg.errors import HfmError, QueryLimitError

C: Final = "SELECT * { ?s ?p ?o "
LONGEST: Final = 30
"""Seconds after which a plan is given up."""


def rep(part: Callable[[int], str], n: int, between: str = " ") -> str:
    """A part n times."""
    return between.join(part(i) for i in range(n))


PLANS: Final[Mapping[str, Callable[[int], str]]] = {
    "star paths": lambda n: "ASK { " + rep(lambda i: f"?s <urn:p{i}>/<urn:q> ?o{i}", n, " . ") + " }",
    "star long path": lambda n: (
        "ASK { " + rep(lambda i: f"?s <urn:p{i}>/<urn:q>/<urn:q>/<urn:q> ?o{i}", n, " . ") + " }"
    ),
    "star + path": lambda n: (
        "ASK { ?s " + "/".join(["<urn:q>"] * 90) + " ?z . " + rep(lambda i: f"?s <urn:p{i}> ?o{i}", n, " . ") + " }"
    ),
    "lists -1": lambda n: "ASK { ?s ?p (" + "-1" * n + ") }",
    "lists one": lambda n: "ASK { ?s ?p (1)" + rep(lambda i: f", ({i})", n) + " }",
    "lists sep": lambda n: "ASK { ?s ?p (1)" + rep(lambda i: f" . (1) ?p{i} ({i})", n) + " }",
    "filter tp": lambda n: "SELECT * {" + rep(lambda i: f"?s ?p{i} ?o{i} FILTER({i})", n) + "}",
    "graph star": lambda n: "SELECT * {" + rep(lambda i: f"GRAPH ?g {{ ?s ?p{i} ?o{i} }}", n) + "}",
    "triples disjoint": lambda n: "ASK { " + rep(lambda i: f"?s{i} ?p{i} ?o{i}", n, " . ") + " }",
    "triples shared p": lambda n: "ASK { " + rep(lambda i: f"?s{i} ?p ?o{i}", n, " . ") + " }",
    "triples const p": lambda n: "ASK { " + rep(lambda i: f"?s{i} <urn:p> ?o{i}", n, " . ") + " }",
    "triples chain": lambda n: "ASK { " + rep(lambda i: f"?s{i} <urn:p> ?s{i + 1}", n, " . ") + " }",
    "triples star": lambda n: "ASK { " + rep(lambda i: f"?s <urn:p{i}> ?o{i}", n, " . ") + " }",
    "triples ;": lambda n: "ASK { ?s " + rep(lambda i: f"<urn:p{i}> ?o{i}", n, " ; ") + " }",
    "triples ,": lambda n: "ASK { ?s <urn:p> " + rep(lambda i: f"?o{i}", n, " , ") + " }",
    "triples anon": lambda n: "ASK { " + rep(lambda i: f"[] <urn:p> ?o{i}", n, " . ") + " }",
    "brackets seq": lambda n: "ASK { ?s ?p " + rep(lambda i: f"[ ?p{i} ?o{i} ]", n, " , ") + " }",
    "brackets nested": lambda n: "ASK { ?s ?p " + "[ ?p " * n + "1" + "]" * n + " }",
    "list nested": lambda n: "ASK { ?s ?p " + "(" * n + "1" + ")" * n + " }",
    "list long": lambda n: "ASK { ?s ?p (" + rep(lambda i: f"?o{i}", n) + ") }",
    "list long consts": lambda n: "ASK { ?s ?p (" + "1 " * n + ") }",
    "lists many": lambda n: "ASK { ?s ?p (1 2 3 4 5 6 7 8) " + rep(lambda i: f", (1 2 3 4 5 6 7 8 ?a{i})", n) + " }",
    "optional": lambda n: C + rep(lambda i: f"OPTIONAL {{ ?s ?p{i} ?o{i} }}", n) + "}",
    "optional const": lambda n: C + rep(lambda i: f"OPTIONAL {{ ?s <urn:p{i}> ?o{i} }}", n) + "}",
    "optional 4tp": lambda n: (
        C
        + rep(lambda i: f"OPTIONAL {{ ?s ?p{i} ?o{i} . ?o{i} ?q{i} ?r{i} . ?r{i} ?t{i} ?u{i} . ?a{i} ?b{i} ?c{i} }}", n)
        + "}"
    ),
    "optional nested": lambda n: C + "OPTIONAL { ?s ?p ?o " * n + "}" * n + "}",
    "optional nested vars": lambda n: (
        C + "".join(f"OPTIONAL {{ ?s{i} ?p{i} ?s{i + 1} " for i in range(n)) + "}" * n + "}"
    ),
    "optional filter": lambda n: C + rep(lambda i: f"OPTIONAL {{ ?s ?p{i} ?o{i} FILTER(?o{i} > ?o) }}", n) + "}",
    "union": lambda n: "ASK { " + rep(lambda i: f"{{ ?s <urn:p{i}> ?o }}", n, " UNION ") + " }",
    "union join": lambda n: (
        "ASK { ?s ?p ?o . " + rep(lambda i: f"{{ ?s <urn:p{i}> ?o }}", n, " UNION ") + " ?o ?q ?r }"
    ),
    "unions joined": lambda n: (
        "ASK { " + rep(lambda i: f"{{ ?s <urn:p{i}> ?o{i} }} UNION {{ ?s <urn:q{i}> ?o{i} }}", n, " ") + " }"
    ),
    "groups joined": lambda n: "ASK { " + rep(lambda i: f"{{ ?s{i} ?p{i} ?o{i} }}", n, " ") + " }",
    "minus": lambda n: C + rep(lambda i: f"MINUS {{ ?s <urn:p{i}> ?o{i} }}", n) + "}",
    "exists": lambda n: C + rep(lambda i: f"FILTER EXISTS {{ ?s <urn:p{i}> ?o{i} }}", n) + "}",
    "exists &&": lambda n: C + "FILTER (" + rep(lambda i: f"EXISTS {{ ?s <urn:p{i}> ?o{i} }}", n, "&&") + ")}",
    "not exists nested": lambda n: (
        C + "".join(f"FILTER NOT EXISTS {{ ?s <urn:p{i}> ?o{i} " for i in range(n)) + "}" * n + "}"
    ),
    "path /": lambda n: "ASK { ?s " + rep(lambda i: f"<urn:p{i}>", n, "/") + " ?o }",
    "path / anchored": lambda n: "ASK { <urn:s> " + rep(lambda i: f"<urn:p{i}>", n, "/") + " ?o }",
    "path |": lambda n: "ASK { ?s " + rep(lambda i: f"<urn:p{i}>", n, "|") + " ?o }",
    "path ^/": lambda n: "ASK { ?s " + rep(lambda i: f"^<urn:p{i}>", n, "/") + " ?o }",
    "path */": lambda n: "ASK { ?s " + rep(lambda i: f"<urn:p{i}>*", n, "/") + " ?o }",
    "path (|)/": lambda n: "ASK { ?s " + rep(lambda i: f"(<urn:p{i}>|<urn:q{i}>)", n, "/") + " ?o }",
    "path !(|)": lambda n: "ASK { ?s !(" + rep(lambda i: f"<urn:p{i}>", n, "|") + ") ?o }",
    "path nested ()*": lambda n: "ASK { ?s " + "(" * n + "<urn:p>" + "*)" * n + " ?o }",
    "path nested (/)*": lambda n: "ASK { ?s " + "(" * n + "<urn:p>" + "/<urn:q>)*" * n + " ?o }",
    "paths + triples": lambda n: "ASK { " + rep(lambda i: f"?s{i} <urn:p>/<urn:q> ?o{i}", n, " . ") + " }",
    "paths*": lambda n: "ASK { " + rep(lambda i: f"?s{i} <urn:p>* ?o{i}", n, " . ") + " }",
    "groups nested": lambda n: "ASK " + "{" * n + " ?s ?p ?o " + "}" * n,
    "groups nested tp": lambda n: "ASK " + "".join(f"{{ ?s{i} ?p{i} ?o{i} " for i in range(n)) + "}" * n,
    "subselect nested": lambda n: "SELECT * " + "{ SELECT * " * n + "{ ?s ?p ?o }" + "}" * n,
    "subselect joined": lambda n: "SELECT * { " + rep(lambda i: f"{{ SELECT ?s ?a{i} {{ ?s ?p ?a{i} }} }}", n) + "}",
    "parens": lambda n: "ASK { ?s ?p ?o FILTER" + "(" * n + "?s = 1" + ")" * n + " }",
    "STR": lambda n: "ASK { ?s ?p ?o FILTER(" + "STR(" * n + "?s" + ")" * n + "='x') }",
    "IF nested": lambda n: "ASK { ?s ?p ?o FILTER(" + "IF(?s,?p," * n + "?s" + ")" * n + ") }",
    "COALESCE nested": lambda n: "ASK { ?s ?p ?o FILTER(" + "COALESCE(" * n + "?s" + ",?p)" * n + ") }",
    "not": lambda n: "ASK { ?s ?p ?o FILTER(" + "!" * n + "?s) }",
    "plus chain": lambda n: "ASK { ?s ?p ?o FILTER(" + rep(lambda i: "?o", n, " + ") + ") }",
    "mul chain": lambda n: "ASK { ?s ?p ?o FILTER(" + rep(lambda i: "?o", n, "*") + ") }",
    "or chain": lambda n: "ASK { ?s ?p ?o FILTER(" + rep(lambda i: f"?o={i}", n, "||") + ") }",
    "and chain": lambda n: "ASK { ?s ?p ?o FILTER(" + rep(lambda i: f"?o!={i}", n, "&&") + ") }",
    "and chain vars": lambda n: "ASK { ?s ?p ?o . ?o ?q ?r FILTER(" + rep(lambda i: f"?v{i}!={i}", n, "&&") + ") }",
    "in": lambda n: "ASK { ?s ?p ?o FILTER(?o IN (" + rep(lambda i: f"{i}", n, ",") + ")) }",
    "in with 50 optional": lambda n: (
        C + "OPTIONAL {?s ?q ?r} " * 40 + "FILTER(?o IN (" + rep(lambda i: f"{i}", n, ",") + ")) }"
    ),
    "bind": lambda n: C + rep(lambda i: f"BIND({i} AS ?b{i})", n) + "}",
    "bind chain": lambda n: C + "BIND(1 AS ?b0)" + rep(lambda i: f"BIND(?b{i} AS ?b{i + 1})", n) + "}",
    "bind tp": lambda n: "SELECT * {" + rep(lambda i: f"?s{i} ?p{i} ?o{i} BIND({i} AS ?b{i})", n) + "}",
    "filters": lambda n: C + rep(lambda i: f"FILTER(?o != {i})", n) + "}",
    "filters unused": lambda n: C + rep(lambda i: f"FILTER(?x{i} != {i})", n) + "}",
    "filters bool": lambda n: C + "FILTER(?s) " * n + "}",
    "project": lambda n: "SELECT " + rep(lambda i: f"(1 AS ?a{i})", n) + " {?s ?p ?o}",
    "project chain": lambda n: "SELECT (1 AS ?a0) " + rep(lambda i: f"(?a{i} AS ?a{i + 1})", n) + " {?s ?p ?o}",
    "project vars": lambda n: "SELECT " + rep(lambda i: f"?a{i}", n) + " {?s ?p ?o}",
    "aggregates": lambda n: "SELECT " + rep(lambda i: f"(COUNT(?s{i}) AS ?a{i})", n) + " {?s ?p ?o}",
    "order by": lambda n: C + "} ORDER BY " + rep(lambda i: f"?v{i}", n),
    "group by": lambda n: "SELECT (COUNT(*) AS ?n) {?s ?p ?o} GROUP BY " + rep(lambda i: f"?v{i}", n),
    "having": lambda n: (
        "SELECT (COUNT(*) AS ?n) {?s ?p ?o} GROUP BY ?s HAVING " + rep(lambda i: f"(COUNT(?v{i})>1)", n)
    ),
    "values rows": lambda n: "SELECT * { VALUES ?v {" + rep(lambda i: f"{i}", n) + "} ?s ?p ?v }",
    "values joined": lambda n: "SELECT * { " + rep(lambda i: f"VALUES ?v{i} {{1}}", n) + " }",
    "values joined tp": lambda n: "SELECT * { " + rep(lambda i: f"VALUES ?v{i} {{1}} ?s{i} ?p{i} ?v{i}", n, ".") + " }",
    "values wide": lambda n: "SELECT * { VALUES (" + rep(lambda i: f"?v{i}", n) + ") {(" + "1 " * n + ")} }",
    "values + optional": lambda n: (
        "SELECT * { VALUES ?s {" + rep(lambda i: f"<urn:{i}>", n) + "} " + "OPTIONAL {?s ?q ?r} " * 40 + "}"
    ),
    "values + union": lambda n: (
        "SELECT * { VALUES ?s {"
        + rep(lambda i: f"<urn:{i}>", n)
        + "} "
        + rep(lambda i: f"{{ ?s <urn:p{i}> ?o }}", 40, " UNION ")
        + "}"
    ),
    "graph nested": lambda n: "ASK {" + "GRAPH ?g { ?s ?p ?o " * n + "}" * n + "}",
    "graph seq": lambda n: "ASK {" + rep(lambda i: f"GRAPH ?g{i} {{ ?s{i} ?p ?o{i} }}", n) + "}",
    "construct": lambda n: "CONSTRUCT {" + rep(lambda i: f"?s <urn:p{i}> ?o", n, ".") + "} WHERE {?s ?p ?o}",
    "describe": lambda n: "DESCRIBE " + rep(lambda i: f"<urn:{i}>", n),
    "reifier": lambda n: "ASK { ?s ?p ?o " + "{| <urn:p> ?o " * n + "|} " * n + " }",
}
"""Shapes by name, each for a size."""


def largest(shape: Callable[[int], str], limits: Shape) -> int:
    """The greatest size of a shape that is admitted."""

    def is_admitted(n: int) -> bool:
        try:
            admit(shape(n), limits)
        except QueryLimitError:
            return False
        return True

    low, high = 1, 2
    while is_admitted(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if is_admitted(middle) else (low, middle)
    return low


def seconds(query: str) -> str:
    """How long a process of its own takes, or how it ends."""
    began = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    process = os.fork()
    if process == 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (LONGEST, LONGEST + 1))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try:
            sparql.evaluate(Store(), query)
        except HfmError:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(process, 0)
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - began
    return f"{used:6.2f} s{f', signal {os.WTERMSIG(status)}' if os.WIFSIGNALED(status) else ''}"


if __name__ == "__main__":
    for name, shape in PLANS.items():
        size = largest(shape, Shape())
        print(f"{name:22}{size:6}{seconds(shape(size))}")

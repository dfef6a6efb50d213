"""The survey's own claims, each recomputed from the graph by the query of its name under ``queries/claims``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from hfm_kg.catalog import Catalog
from hfm_kg.errors import Finding
from hfm_kg.sparql import Select
from hfm_kg.tables import Tables, nearest

OUTCOMES = ("holds", "holds in part", "does not hold")


@dataclass(frozen=True)
class Outcome:
    """What the source says and what the graph says."""

    claim: str
    place: str
    statement: str
    reported: str
    computed: str
    outcome: str
    iri: str

    def as_dict(self) -> dict[str, str]:
        """The fields by name, without the IRI, which ends in the claim's name."""
        return {name: value for name, value in asdict(self).items() if name != "iri"}


CLAIMS = """
PREFIX hfm: <https://w3id.org/hfm/>
PREFIX prov: <http://www.w3.org/ns/prov#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
SELECT ?claim ?statement ?reported (SAMPLE(?where) AS ?place) WHERE {
  ?claim a hfm:Claim ; hfm:sentence ?statement ; hfm:reportedValue ?reported .
  ?row hfm:describes ?claim ; prov:wasDerivedFrom ?source .
  ?source rdfs:label ?where .
}
GROUP BY ?claim ?statement ?reported
ORDER BY ?place ?claim
"""


def recompute(select: Select, catalog: Catalog) -> Iterator[Outcome]:
    """The outcome of every claim of the graph, in the order of the source."""
    for claim in select(CLAIMS):
        name = claim["claim"].value.rpartition("/")[2]
        (solution,) = select(catalog[name].text)
        place, statement, reported = (claim[key].value for key in ("place", "statement", "reported"))
        computed, outcome = solution["computed"].value, solution["outcome"].value
        yield Outcome(name, place, statement, reported, computed, outcome, claim["claim"].value)


def check(tables: Tables, catalog: Catalog) -> Iterator[Finding]:
    """Findings for claims without a query, and for queries without a claim."""
    queries = {query.name: query for query in catalog.of_kind("claims")}
    claims = {row.text("id"): row for row in tables["claims"]}
    for name, row in claims.items():
        if name not in queries:
            message = f"id: no queries/claims/{name}.rq recomputes this claim{nearest(name, list(queries))}"
            yield row.finding("id", "claim", message)
    for name, query in queries.items():
        if name not in claims:
            yield Finding(query.file, 1, 1, "claim", f"no claim {name!r} in data/claims.tsv")
        elif query.columns != ("computed", "outcome"):
            yield Finding(query.file, 1, 1, "claim", "columns must be computed, outcome")

"""The survey's claims: each is recomputed, and its outcome is pinned."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from pyoxigraph import Store

from hfm_kg import catalog, claims, sparql, tables
from hfm_kg.cli import main
from hfm_kg.pipeline import Settings
from hfm_kg.store import Snapshot

EXPECTED = Path(__file__).parent / "claims.tsv"


@pytest.fixture(scope="module")
def outcomes(store: Store, queries: catalog.Catalog) -> list[claims.Outcome]:
    return list(claims.recompute(partial(sparql.select, store), queries))


def test_outcomes_are_pinned(outcomes: list[claims.Outcome]) -> None:
    frozen = [line.split("\t") for line in EXPECTED.read_text(encoding="utf-8").splitlines()[1:]]
    assert {one.claim: (one.computed, one.outcome) for one in outcomes} == {
        name: (computed, outcome) for name, computed, outcome in frozen
    }


def test_there_are_claims_of_every_outcome(outcomes: list[claims.Outcome]) -> None:
    assert len(outcomes) >= 25
    assert {one.outcome for one in outcomes} == set(claims.OUTCOMES)


def test_the_command_prints_them_all(outcomes: list[claims.Outcome], snapshot: Snapshot) -> None:
    output = str(snapshot.path.parent.parent)
    printed = CliRunner().invoke(main, ["claims", "--format", "json", "--output", output])
    assert json.loads(printed.stdout) == [one.as_dict() for one in outcomes]
    shown = CliRunner().invoke(main, ["claims", "--format", "table", "--output", output]).stdout
    assert all(one.claim in shown.replace("\n", "") for one in outcomes[:3])


def test_a_claim_without_query_and_a_query_without_claim_are_found(sandbox: Settings) -> None:
    queries = sandbox.queries / "claims"
    first, second = sorted(queries.glob("*.rq"))[:2]
    first.rename(queries / "no-such-claim.rq")
    second.write_text(
        second.read_text(encoding="utf-8").replace("#+ columns: computed, outcome", "#+ columns: outcome")
    )
    found = list(claims.check(tables.read(sandbox.data), catalog.read(sandbox.queries)))
    files = {"data/claims.tsv", "queries/claims/no-such-claim.rq", f"queries/claims/{second.name}"}
    assert {finding.file for finding in found} == files
    assert {finding.rule for finding in found} == {"claim"}

"""The page of claims: the outcomes of the queries, narrowed by verdict."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from hfm_kg import claims
from tests.test_claims import outcomes as outcomes
from tests.test_pages import tree
from tests.test_reference import XHTML


@pytest.mark.parametrize("verdict", ["", *claims.OUTCOMES])
def test_the_claims_are_those_of_the_queries(verdict: str, web: httpx.Client, outcomes: list[claims.Outcome]) -> None:
    page = tree(web.get("/claims", params={"verdict": verdict} if verdict else {}))
    body = next(page.iter(f"{XHTML}tbody"))
    shown = [[" ".join("".join(cell.itertext()).split()) for cell in row] for row in body]
    wanted = [one for one in outcomes if verdict in ("", one.outcome)]
    assert [row[:3] for row in shown] == [[one.statement, one.reported, one.computed] for one in wanted]
    assert [row[3].split(" ", 1)[1] for row in shown] == [one.outcome for one in wanted]
    assert [row[4] for row in shown] == [one.place for one in wanted]


def test_a_verdict_that_there_is_not_is_told(web: httpx.Client) -> None:
    page = tree(web.get("/claims?verdict=hold"), 400)
    assert "did you mean holds?" in "".join(page.itertext())


def test_a_claim_leads_to_its_query(page: Page) -> None:
    page.goto("/claims")
    page.get_by_role("navigation", name="Verdicts").get_by_role("link", name="does not hold").click()
    rows = page.get_by_role("row")
    expect(page.get_by_role("heading", level=1)).to_have_text("Claims that do not hold")
    expect(rows).to_have_count(3)
    rows.last.get_by_role("link", name=re.compile("^open the query")).click()
    expect(page.locator("textarea").first).to_have_value(re.compile("SELECT"))

"""Requests that schemathesis makes of the OpenAPI document: each answer is one that the document tells of."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import load_all_checks
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hfm_kg.server.openapi import document

load_all_checks()
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


OPERATIONS: list[Any] = [
    found.ok()  # type: ignore[union-attr] # one that is none would fail here
    for found in schemathesis.openapi.from_dict(document("")).get_all_operations()
]
CASES = [
    *((operation, GenerationMode.POSITIVE) for operation in OPERATIONS),
    # a path, and what has no parameters, cannot be against the document
    *((operation, GenerationMode.NEGATIVE) for operation in OPERATIONS if operation.query),
]


@pytest.mark.parametrize(("operation", "mode"), CASES, ids=lambda one: getattr(one, "label", None) or one.name.lower())
def test_the_server_keeps_to_its_interface(operation: Any, mode: GenerationMode, endpoint: str) -> None:
    @settings(
        max_examples=20,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        response = case.call(base_url=endpoint, timeout=300)
        assert response.status_code != 500
        case.validate_response(response, checks=CHECKS)

    ask()
    assert httpx.get(f"{endpoint}/sparql", params={"query": "ASK {}"}, timeout=300).json()["boolean"] is True

"""Asking a running program by its own description: so many requests an address, made by schemathesis, each answer held against it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
MANY = int(os.environ.get("TWOFOLD_OPENAPI", "0"))
"""How many requests an address in `make openapi`; 0: as few as a test says."""


def ask_all(
    description: Mapping[str, Any], url: str, few: int, headers: Mapping[str, str], *, unwell: tuple[int, ...] = ()
) -> dict[str, set[int]]:
    """Every operation, with valid and with broken requests; operation to the statuses that it was seen to answer.

    ``unwell``: statuses of 500 and more that the description has and that are no fault here.
    """
    schema = schemathesis.openapi.from_dict(dict(description))
    seen: dict[str, set[int]] = {}
    session = requests.Session()
    for result in schema.get_all_operations():
        operation = result.ok()
        statuses = seen.setdefault(operation.label, set())
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
            _ask(operation, mode, url, MANY or few, headers, session, statuses, unwell)
    session.close()
    return seen


def _ask(
    operation: Any, mode: Any, url: str, count: int, headers: Mapping[str, str], session: requests.Session,
    statuses: set[int], unwell: tuple[int, ...],
) -> None:  # fmt: skip
    try:
        strategy = operation.as_strategy(generation_mode=mode)
    except Exception as err:  # an operation without anything to break
        if mode is schemathesis.GenerationMode.POSITIVE:
            raise AssertionError(f"{operation.label} cannot be asked") from err
        return

    @seed(20261128)
    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=strategy)
    def one(case: Any) -> None:
        answer = case.call(base_url=url, headers=dict(headers), session=session, timeout=60)
        statuses.add(answer.status_code)
        checks = [c for c in CHECKS if not (c is not_a_server_error and answer.status_code in unwell)]
        case.validate_response(answer, checks=checks)

    try:
        one()
    except Exception as err:
        if type(err).__name__ == "Unsatisfiable" and mode is schemathesis.GenerationMode.NEGATIVE:
            return  # nothing of it can be broken
        raise

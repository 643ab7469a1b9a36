"""The short form of the chaos harness, as CI runs it."""

from __future__ import annotations

import pytest

from tests.chaos.harness import SHORT, Row, run


@pytest.mark.long
@pytest.mark.timeout(900)
def test_nothing_is_lost_over_the_faults_that_find_most() -> None:
    rows: list[Row] = run(SHORT, seed=7, count=60, show=print)
    assert [(row.fault, row.failure) for row in rows] == [(name, "") for name in SHORT]

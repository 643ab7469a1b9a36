"""The short form of the chaos harness, as CI runs it: one suite, a fault a test."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.chaos.harness import ALL, SHORT, Chaos, Row, told

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def chaos(tmp_path_factory: pytest.TempPathFactory) -> Generator[Chaos]:
    chaos = Chaos(Path(tmp_path_factory.mktemp("chaos")), seed=7, count=60)
    try:
        chaos.start()
        yield chaos
    finally:
        chaos.close()


@pytest.fixture(scope="module")
def failed() -> list[str]:
    return []


@pytest.mark.parametrize("name", SHORT)
def test_nothing_is_lost_over(chaos: Chaos, failed: list[str], name: str) -> None:
    assert not failed, f"the suite met {failed[0]} before, and did not come out of it whole"
    row: Row = chaos.run(getattr(chaos, name))
    print(f"{row.fault}: {row.articles} articles, {row.repeats} repeats, {row.seconds} s: {told(row)}")
    if row.failure:
        failed.append(name)
    assert not row.failure, row.failure
    if row.skipped:
        pytest.skip(row.skipped)


def test_the_short_form_is_part_of_the_whole() -> None:
    assert set(SHORT) < set(ALL)
    assert all(callable(getattr(Chaos, name)) for name in ALL)

"""What a process logs, and what is kept out of its log."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from services.runtime import logging as json_logging


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


def test_what_kafka_cannot_read_of_a_membership_is_not_logged_and_all_else_is(
    root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    del root
    json_logging.configure("INFO")
    admin = logging.getLogger("kafka.admin._groups")
    admin.warning("Unable to decode member_metadata for DescribedGroup(...)/faust-1")
    admin.warning("Unable to decode member_assignment for DescribedGroup(...)/faust-1")
    logging.getLogger("services.observer.service").warning("Unable to decode member_metadata")
    logged = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["logger"], line["message"][:32]) for line in logged] == [
        ("kafka.admin._groups", "Unable to decode member_assignme"),
        ("services.observer.service", "Unable to decode member_metadata"),
    ]

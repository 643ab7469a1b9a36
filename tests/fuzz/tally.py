"""What a run of the fuzzer saw: outcomes, the slowest input, and one input for each cause of failure."""

from __future__ import annotations

import base64
from collections import Counter
from typing import Any

from tests.fuzz.targets import FuzzFailure, Target


class Tally:
    """Counts the inputs of one target as they are run."""

    def __init__(self, target: Target) -> None:
        # models and tables are loaded with the first input, which is not counted
        target.run(b"<p>first</p>")
        self.target = target
        self.inputs = 0
        self.outcomes: Counter[str] = Counter()
        self.slowest_seconds = 0.0
        self.failures: dict[str, tuple[str, bytes]] = {}

    def run(self, data: bytes) -> None:
        """Run one input. A failure is kept, and the run goes on: one cause must not hide the next."""
        try:
            outcome, seconds = self.target.run(data)
            self.outcomes[outcome] += 1
            self.slowest_seconds = max(self.slowest_seconds, seconds)
        except FuzzFailure as failure:
            self.outcomes["failed"] += 1
            kept = self.failures.get(failure.where)
            # the smallest input of a cause says most
            if kept is None or len(data) < len(kept[1]):
                self.failures[failure.where] = (str(failure), data)
        self.inputs += 1

    def as_dict(self) -> dict[str, Any]:
        """The tally as JSON."""
        return {
            "inputs": self.inputs,
            "outcomes": dict(self.outcomes),
            "slowest_seconds": self.slowest_seconds,
            "failures": {
                where: [what, base64.b64encode(data).decode()] for where, (what, data) in self.failures.items()
            },
        }

"""Real servers for tests: started when the first test asks, ended with the session. A broker that cannot start fails
the tests that need it; nothing is skipped."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import Any

import hypothesis
import pytest

from services.local.broker import Broker
from services.local.redis_server import RedisServer
from tests.support import FIGURES

# a machine that does something else beside is no failure: what is tested is what holds, not how soon
hypothesis.settings.register_profile(
    "newsloom",
    parent=hypothesis.settings.default,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("newsloom")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many processes run the tests: two for everything, each with servers of its own; one for what was named."""
    everything = config.args == list(config.getini("testpaths")) and config.option.capture != "no"
    return 2 if everything else 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test counted goes with its report, from whichever process ran it."""
    report = yield
    report.user_properties.extend(("figure", line) for line in FIGURES)
    FIGURES.clear()
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What tests counted, such as panels, queries and alerts, at the end of the run."""
    reports = [each for kind in ("passed", "failed", "error") for each in terminalreporter.stats.get(kind, ())]
    if lines := [line for each in reports for name, line in each.user_properties if name == "figure"]:
        terminalreporter.section("figures")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def kafka() -> Iterator[Broker]:
    """The session's broker; `kafka.bootstrap` is its address. Not for tests that stop it: those take `fresh_broker`."""
    with Broker() as broker:
        yield broker


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """The session's Redis. Tests use `redis_url`; those that stop or fill it take `fresh_redis`."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The address of an empty Redis database, this test's own until it ends."""
    import redis

    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
        # scripts are cached by the server, not by the database: a test must not find those of another
        client.script_flush()
    return redis_server.url


@pytest.fixture
def topic_prefix() -> str:
    """Begins topic and group names of this test and of no other, as in `f"{topic_prefix}raw-articles"`."""
    return f"test-{uuid.uuid4().hex[:8]}-"


@pytest.fixture
def fresh_broker() -> Iterator[Callable[..., Broker]]:
    """Makes started brokers of the test's own, to stop, kill and restart; arguments as for `Broker`."""
    with ExitStack() as stack:
        yield lambda **arguments: stack.enter_context(Broker(**arguments))


@pytest.fixture
def fresh_redis() -> Iterator[Callable[..., RedisServer]]:
    """Makes started Redis servers of the test's own, as in `fresh_redis(arguments=("--maxmemory", "3mb"))`."""

    def make(**arguments: Any) -> RedisServer:
        return stack.enter_context(RedisServer(**arguments))

    with ExitStack() as stack:
        yield make

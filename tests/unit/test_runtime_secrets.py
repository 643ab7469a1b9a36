"""No secret is quoted in an error, a log or a representation; what the broker says of a clock is no record's fault."""

from __future__ import annotations

import pytest
from aiokafka.errors import InvalidTimestampError, MessageSizeTooLargeError
from pydantic import SecretStr

from services.runtime.cache import Cache
from services.runtime.engine import Message, RefusedError
from services.runtime.errors import ConfigurationError, DependencyError
from services.runtime.settings import RuntimeSettings, read_settings
from services.runtime.stream import _translated  # pyright: ignore[reportPrivateUsage]

SECRET = "s3cret-of-redis"


@pytest.mark.parametrize(
    "url", [f"redis://user:{SECRET}/x@host:1/0", f"redis://u:{SECRET}#@h:1/0", f"http://{SECRET}@h"]
)
def test_an_address_of_redis_that_cannot_be_read_is_not_quoted(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Cache(RuntimeSettings(redis_url=SecretStr(url)), "cleaner")
    assert "NEWSLOOM_REDIS_URL" in str(refused.value)
    assert SECRET not in str(refused.value)
    # nor in what a traceback would print
    assert refused.value.__suppress_context__
    assert refused.value.__cause__ is None


def test_settings_never_show_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = RuntimeSettings(kafka_password=SecretStr(SECRET), redis_url=SecretStr(f"redis://:{SECRET}@h/0"))
    for shown in (repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())):
        assert SECRET not in shown
    monkeypatch.setenv("NEWSLOOM_BATCH_RECORDS", SECRET)
    with pytest.raises(ConfigurationError) as refused:
        read_settings(RuntimeSettings)
    assert SECRET not in str(refused.value)


def test_a_wrong_clock_is_waited_for_and_a_record_too_large_is_refused() -> None:
    message = Message("clean-articles", b"k", b"v", ())
    waited = _translated(InvalidTimestampError(), message)
    assert isinstance(waited, DependencyError)
    assert "clock" in str(waited)
    assert isinstance(_translated(MessageSizeTooLargeError(), message), RefusedError)

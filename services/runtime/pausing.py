"""Pauses in work that runs inline, so that the event loop turns; a stopping worker does not come back from one."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Final, TypeVar, cast

from services.runtime import clock

T = TypeVar("T")

# A turn of the loop costs some 20 us: a fifth of what a small record costs altogether. The producer's
# acknowledgements and SIGTERM may wait this long.
_TURN_SECONDS: Final = 0.005

_stopping = False
_turned_at = 0.0


def stop_at_next_pause() -> None:
    """From now on no `pause` returns: what is under way waits to be cancelled, and the loop is free to stop."""
    global _stopping
    _stopping = True


def pause_is_due() -> bool:
    """Whether the work has gone on for so long since the last pause that the next one lets the loop turn."""
    return _stopping or clock.seconds() - _turned_at >= _TURN_SECONDS


async def pause() -> None:
    """Let the event loop turn once, unless it did a moment ago.

    Work of a service runs on the loop's thread, one worker a core: without pauses a SIGTERM would wait for the end of
    the batch, and stopping takes Faust some dozen turns, each of them behind another piece of work.
    """
    global _turned_at
    if _stopping:
        await asyncio.Event().wait()
    if not pause_is_due():
        return
    await asyncio.sleep(0)
    _turned_at = clock.seconds()
    if _stopping:
        await asyncio.Event().wait()


async def until_it_waits(work: Awaitable[T], then: Callable[[Awaitable[T]], Awaitable[T]]) -> T:
    """What `work` returns; from where it first waits, what `then` makes of the rest of it.

    So that whoever guards waits (a time limit costs a timer, several times what a small record does) guards only those.
    """
    if not isinstance(work, types.CoroutineType):
        return await then(work)
    started = cast("Coroutine[Any, Any, T]", work)
    try:
        waits_for = started.send(None)
    except StopIteration as done:
        return cast("T", done.value)
    return await then(_rest(started, waits_for))


@types.coroutine
def _rest(started: Coroutine[Any, Any, T], waits_for: object) -> Generator[Any, Any, T]:
    """The rest of a coroutine that waits: what it waits for goes to the loop, what the loop answers goes to it."""
    while True:
        try:
            yield waits_for
        except BaseException as error:  # whatever it is belongs to the coroutine, a cancellation above all
            try:
                waits_for = started.throw(error)
            except StopIteration as done:
                return cast("T", done.value)
        else:
            try:
                waits_for = started.send(None)
            except StopIteration as done:
                return cast("T", done.value)

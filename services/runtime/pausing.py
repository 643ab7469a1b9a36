"""Pauses in work that runs inline, so that the event loop turns; a stopping worker does not come back from one."""

from __future__ import annotations

import asyncio

_stopping = False


def stop_at_next_pause() -> None:
    """From now on no `pause` returns: what is under way waits to be cancelled, and the loop is free to stop."""
    global _stopping
    _stopping = True


async def pause() -> None:
    """Let the event loop turn once.

    Work of a service runs on the loop's thread, one worker a core: without pauses a SIGTERM would wait for the end of
    the batch, and stopping takes Faust some dozen turns, each of them behind another piece of work.
    """
    if _stopping:
        await asyncio.Event().wait()
    await asyncio.sleep(0)
    if _stopping:
        await asyncio.Event().wait()

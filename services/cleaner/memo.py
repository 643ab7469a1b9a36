"""What a page said last, and to whom that belongs: how an unchanged refetch is told from a redelivery."""

from __future__ import annotations

from typing import Final

from schemas.events import content_hash

_LENGTH: Final = 65


def memo_key(page_id: str, *, version: str, generation: str) -> str:
    """Where a page's memo lies. Another release of the cleaner, or another generation, finds none and emits again."""
    return f"newsloom:cleaner:{{{page_id[:2]}}}:page:{page_id}:{content_hash(version, generation)[:12]}"


def memo_of(said: str, owner: str) -> bytes:
    """The memo: what the page said (a hash) and which record it was (H of its value)."""
    return f"{said}:{owner}".encode()


def is_unchanged(memo: bytes | None, *, said: str, owner: str) -> bool:
    """Whether another record has said the same before.

    The same record again is a redelivery: its events are written again, because the first time may have been lost.
    """
    if memo is None or len(memo) != _LENGTH:
        return False
    last_said, _, last_owner = memo.decode("ascii", "replace").partition(":")
    return last_said == said and last_owner != owner

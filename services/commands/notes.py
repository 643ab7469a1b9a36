"""Which dead letters were put back, as Kafka keeps it: an offset that a group commits, and the text beside it.

All letters before the offset were put back. Those put back beyond it (by their ids, by their reason, or behind one that
was refused) stand in the text, a bit for each offset, packed: 4096 bytes hold any choice among the next 25 000 letters,
and millions of them in long runs. Nothing else outlives a command, and a letter's own record cannot be written on.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_TEXT: Final = re.compile(r"newsloom ahead=([\x21-\x7e]+)")
# the broker's offset.metadata.max.bytes, unless someone set another
_MOST_BYTES: Final = 4096
# so far beyond the offset are letters noted; an unpacked text is never larger than a bit for each
_MOST_AHEAD: Final = 8 * 2**20


@dataclass(frozen=True)
class Noted:
    """The letters of one partition that were put back: all before `position`, and those at the offsets `ahead`."""

    position: int
    ahead: frozenset[int] = frozenset()

    def __contains__(self, offset: int) -> bool:
        return offset < self.position or offset in self.ahead

    @classmethod
    def read(cls, committed: int | None, text: str, *, beginning: int) -> Noted:
        """What was committed, for a partition that holds letters from `beginning` on; a text not ours says nothing."""
        position = committed or 0
        match = _TEXT.fullmatch(text)
        ahead = _unpacked(match[1], position) if match is not None else ()
        return cls(max(position, beginning)).adding(ahead)

    def adding(self, offsets: Iterable[int]) -> Noted:
        """The same with the letters at `offsets`; the position moves over those that lie there."""
        position, ahead = self.position, {*self.ahead, *offsets}
        while position in ahead:
            position += 1
        return Noted(position, frozenset(offset for offset in ahead if offset > position))

    def fitting(self) -> Noted:
        """As much of it as Kafka keeps: where that is not all, the newest are left out."""
        kept = sorted(offset for offset in self.ahead if offset - self.position < _MOST_AHEAD)
        while len((fits := Noted(self.position, frozenset(kept))).text()) > _MOST_BYTES:
            kept = kept[: len(kept) * 9 // 10]
        return fits

    def text(self) -> str:
        """What is committed beside `position`."""
        if not self.ahead:
            return ""
        bits = bytearray((max(self.ahead) - self.position) // 8 + 1)
        for offset in self.ahead:
            place, bit = divmod(offset - self.position, 8)
            bits[place] |= 1 << bit
        return f"newsloom ahead={base64.b85encode(zlib.compress(bytes(bits), 9)).decode()}"


def _unpacked(packed: str, position: int) -> Iterable[int]:
    try:
        bits = zlib.decompressobj().decompress(base64.b85decode(packed), _MOST_AHEAD // 8)
    except (ValueError, zlib.error):
        return ()
    return [
        position + place * 8 + bit for place, byte in enumerate(bits) if byte for bit in range(8) if byte >> bit & 1
    ]

"""GUM's annotation as this suite sees it: texts, names with their entities, and what summaries call salient."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from schemas.entities import Label
from services.entities.names import TITLES

_LABELS: dict[str, Label] = {"person": "PER", "organization": "ORG", "place": "LOC"}
_PART = re.compile(r"\([^()]*\)|\([^()]*|[^()]+\)")


@dataclass
class GoldName:
    """A name in `text[start:end]`; `entity` is GUM's id of what it names, `summaries` how many of five name that."""

    start: int
    end: int
    label: Label
    entity: str
    summaries: int
    in_human_summary: bool


@dataclass
class GumDocument:
    """One document: paragraphs joined by newlines."""

    name: str
    genre: str
    text: str
    title: str
    names: list[GoldName] = field(default_factory=list)


@dataclass
class _Token:
    form: str
    tag: str
    head: int
    space: bool
    entity: str
    start: int = 0
    end: int = 0


def documents(path: Path) -> Iterator[GumDocument]:
    """The documents of a CoNLL-U file with GUM's `Entity=` annotation."""
    name = genre = title = ""
    paragraphs: list[list[_Token]] = []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        base = 0
        glued: set[int] = set()
        for line in lines:
            line = line.rstrip("\n")
            if line.startswith("# newdoc id"):
                if name:
                    yield _document(name, genre, title, paragraphs)
                name, title, paragraphs, base = line.split("= ")[1], "", [], 0
            elif line.startswith("# meta::genre"):
                genre = line.split("= ")[1]
            elif line.startswith("# meta::title"):
                title = line.partition("= ")[2]
            elif line.startswith("# newpar"):
                if not paragraphs or paragraphs[-1]:
                    paragraphs.append([])
                base = 0
            elif line.startswith("# sent_id"):
                if not paragraphs:
                    paragraphs.append([])
                base, glued = len(paragraphs[-1]), set()
            elif line and line[0].isdigit():
                cells = line.split("\t")
                if "-" in cells[0]:  # words written together: whether a space follows them is noted here
                    together, last = "SpaceAfter=No" not in cells[9], int(cells[0].split("-")[1])
                    glued = set(range(int(cells[0].split("-")[0]), last + (not together)))
                    continue
                if not cells[0].isdigit():
                    continue
                misc = dict(part.split("=", 1) for part in cells[9].split("|") if "=" in part)
                head = base + int(cells[6]) - 1 if cells[6] != "0" else -1
                space = misc.get("SpaceAfter") != "No" and int(cells[0]) not in glued
                paragraphs[-1].append(_Token(cells[1], cells[4], head, space, misc.get("Entity", "")))
    if name:
        yield _document(name, genre, title, paragraphs)


def _document(name: str, genre: str, title: str, paragraphs: list[list[_Token]]) -> GumDocument:
    text = ""
    tokens: list[_Token] = []
    for paragraph in paragraphs:
        if not paragraph:
            continue
        if text:
            text = text.rstrip(" ") + "\n"
        base = len(tokens)
        for token in paragraph:
            token.start = len(text)
            text += token.form
            token.end = len(text)
            if token.space:
                text += " "
            if token.head >= 0:
                token.head += base
            tokens.append(token)
    document = GumDocument(name, genre, text, title)
    open_: list[tuple[list[str], int]] = []
    seen: set[tuple[int, int]] = set()
    for i, token in enumerate(tokens):
        for part in _PART.findall(token.entity):
            if part.startswith("("):
                fields = part.strip("()").split("-", 7)
                open_.append((fields, i))
                if not part.endswith(")"):
                    continue
                fields, start = open_.pop()
            else:
                number = part.strip("()").split("-")[0]
                at = max(k for k, (fields, _) in enumerate(open_) if fields[0] == number)
                fields, start = open_.pop(at)
            found = _name(tokens, fields, start, i)
            if found and (found.start, found.end) not in seen:
                seen.add((found.start, found.end))
                document.names.append(found)
    document.names.sort(key=lambda n: (n.start, n.end))
    # of names that overlap the longer stands: University of Portsmouth, not Portsmouth inside it
    kept: list[GoldName] = []
    for gold in sorted(document.names, key=lambda n: -(n.end - n.start)):
        if all(gold.end <= other.start or gold.start >= other.end for other in kept):
            kept.append(gold)
    document.names = sorted(kept, key=lambda n: n.start)
    return document


def _name(tokens: list[_Token], fields: list[str], start: int, end: int) -> GoldName | None:
    """The proper name that heads the mention tokens[start..end], if one does."""
    label = _LABELS.get(fields[1])
    if label is None or len(fields) < 6:
        return None
    head = next((i for i in range(start, end + 1) if not start <= tokens[i].head <= end), None)
    # a plural person is a people (Afghans, Muslims): no name of anyone
    if head is None or tokens[head].tag not in (("NNP",) if label == "PER" else ("NNP", "NNPS")):
        return None
    first = last = head

    def joins(i: int) -> bool:
        return tokens[i].tag in ("NNP", "NNPS")

    def hyphen(i: int) -> bool:
        return tokens[i].form == "-" and i > start and joins(i - 1)

    while first > start and (joins(first - 1) or hyphen(first - 1)):
        first -= 1
    while last < end:
        if joins(last + 1) or (tokens[last + 1].form in "-." and not tokens[last].space):
            last += 1
        elif label != "PER" and tokens[last + 1].form in ("of", "for", "and") and last + 2 <= end:
            after = last + 2 + (tokens[last + 2].form == "the")
            if after <= end and joins(after):
                last = after
            else:
                break
        else:
            break
    if tokens[last].form == "-":
        last -= 1
    if label == "PER":  # offices and what they are offices of: U.S. President Donald Trump
        titles = [i for i in range(first, last) if tokens[i].form.casefold().strip(".") in TITLES]
        first = titles[-1] + 1 if titles else first
        if tokens[first].form.casefold().strip(".") in TITLES and first == last:
            return None
    marks = fields[3]
    return GoldName(tokens[first].start, tokens[last].end, label, fields[0], marks.count("s"), marks.startswith("s"))

"""Mentions of one article that name the same person, organisation or place, brought together under the fullest name."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from schemas.entities import Label
from services.entities.document import Article, Span
from services.entities.names import (
    TITLES,
    Person,
    folded,
    gender_of,
    is_acronym_of,
    listed,
    person,
    persons_agree,
    similarity,
    tokens,
    without_company_form,
)
from services.entities.places import country, state

_POSSESSIVE: Final = re.compile(r"['’][sS]$|(?<=s)['’]$")
_TITLE_BEFORE: Final = re.compile(r"([^\W\d_]+)\.?\s+$")

# One word of these alone, or after a place's name, is any such body and not one of them in particular.
_GENERIC: Final = listed(
    "academy agency army assembly association authority bank board bureau cabinet center centre club "
    "college commission committee company conference congress corporation council court department "
    "federation force forces foundation fund government group house institute international league "
    "ministry museum national navy office organization parliament party police school senate service "
    "society state states supreme team times trust union united university"
)
_PLACE_ENDINGS: Final = listed("city county district island islands oblast province region republic state valley")


@dataclass(slots=True)
class Group:
    """Mentions that name one thing, as indices into the article's spans, in reading order."""

    label: Label
    members: list[int] = field(default_factory=list[int])
    name: str = ""
    country: str | None = None


def grouped(article: Article, spans: Sequence[Span]) -> list[Group]:
    """Groups that together hold every span once, in order of their first mention; each has its fullest name."""
    groups: list[Group] = []
    for label, gather in (("PER", _people), ("ORG", _organisations), ("LOC", _places), ("MISC", _others)):
        chosen = [i for i, span in enumerate(spans) if span.label == label]
        if chosen:
            groups.extend(gather(article, spans, chosen))
    for group in groups:
        group.members.sort()
        group.name = fullest(group.label, [spans[i].surface for i in group.members])
    return sorted(groups, key=lambda group: group.members[0])


def clean(surface: str, label: Label) -> str:
    """`surface` as a name: without possessive, leading article, and, for people, titles."""
    name = _POSSESSIVE.sub("", surface.strip()) or surface
    words = name.split()
    if label == "PER":
        while len(words) > 1 and words[0].casefold().strip(".,") in TITLES:
            words.pop(0)
    elif len(words) > 1 and words[0] in ("the", "The") and label in ("LOC", "ORG"):
        words.pop(0)
    return " ".join(words)


def fullest(label: Label, surfaces: Sequence[str]) -> str:
    """The form with most words; among those the most frequent, then the first. Capitals throughout come last."""
    forms = [clean(surface, label) for surface in surfaces]
    counts = Counter(forms)
    order = {form: i for i, form in reversed(list(enumerate(forms)))}

    def rank(form: str) -> tuple[int, int, int, int, int]:
        words = len(tokens(form))
        shouted = form.isupper() and len(form) > 5
        letters = sum(char.isalnum() for char in form)
        return (-words, shouted, -counts[form], -letters if words == 1 else 0, order[form])

    return min(counts, key=rank)


# --- people ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Someone:
    forms: list[Person]
    members: list[int]
    genders: set[str]

    def surname_is(self, word: str) -> bool:
        return any(form.surname and (form.surname[-1] == word or " ".join(form.surname) == word) for form in self.forms)

    def given_is(self, word: str) -> bool:
        return any(word in form.given for form in self.forms)


def _people(article: Article, spans: Sequence[Span], chosen: list[int]) -> list[Group]:
    forms = {i: person(clean_title(spans[i].surface)) for i in chosen}
    genders = {i: forms[i].gender or _gender_before(article, spans[i]) for i in chosen}
    someone: list[_Someone] = []
    # full names first, the fullest before the shorter, so that J. Smith finds John Smith and not the other way round
    full = [i for i in chosen if forms[i].is_full]
    for i in sorted(full, key=lambda i: (-len(forms[i].given) - sum(len(g) > 1 for g in forms[i].given), i)):
        fitting = [s for s in someone if _agrees(s, forms[i], genders[i])]
        exact = [
            s for s in fitting if any(f.given == forms[i].given and f.surname == forms[i].surname for f in s.forms)
        ]
        fitting = exact or fitting
        if fitting:
            # several people fit an initial: the one named last before it
            best = min(fitting, key=lambda s: _distance(s.members, i))
            best.members.append(i)
            best.forms.append(forms[i])
            best.genders.add(genders[i])
        else:
            someone.append(_Someone([forms[i]], [i], {genders[i]}))
    named = len(someone)
    for i in chosen:
        if forms[i].is_full:
            continue
        word = " ".join(forms[i].surname) or folded(spans[i].surface)
        last = word.split()[-1] if word else word
        gender = genders[i]
        able = [s for s in someone if not (gender and s.genders - {"", gender} and gender not in s.genders)]
        fitting = [s for s in able if s.surname_is(word) or s.surname_is(last)]
        if not fitting and not gender:
            fitting = [s for s in able[:named] if s.given_is(word)]
        if not fitting:
            fitting = [
                s
                for s in able
                if len(word) >= 5 and any(f.surname and similarity(f.surname[-1], word) >= 0.95 for f in s.forms)
            ]
        if fitting:
            best = min(fitting, key=lambda s: _distance(s.members, i))
            best.members.append(i)
            best.genders.add(gender)
        else:
            someone.append(_Someone([forms[i]], [i], {gender}))
    return [Group("PER", s.members) for s in someone]


def clean_title(surface: str) -> str:
    """A person's surface without its possessive; titles stay, they tell the gender."""
    return _POSSESSIVE.sub("", surface.strip()) or surface


def _gender_before(article: Article, span: Span) -> str:
    match = _TITLE_BEFORE.search(article.of(span.field)[max(0, span.start - 20) : span.start])
    return gender_of(match.group(1)) if match else ""


def _agrees(someone: _Someone, form: Person, gender: str) -> bool:
    if gender and someone.genders - {"", gender}:
        return False
    return all(persons_agree(known, form) for known in someone.forms)


def _distance(members: list[int], i: int) -> tuple[int, int]:
    """How far back the last mention before i lies; people who are named only later come after all of those."""
    before = [m for m in members if m < i]
    return (0, i - max(before)) if before else (1, min(members) - i)


# --- organisations --------------------------------------------------------------------------------------------------


def _organisations(article: Article, spans: Sequence[Span], chosen: list[int]) -> list[Group]:
    by_name: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i in chosen:
        by_name[_organisation_key(spans[i].surface)].append(i)
    names = _Union(list(by_name))
    printed = {key: [clean(spans[i].surface, "ORG") for i in members] for key, members in by_name.items()}
    ordered = sorted(by_name, key=lambda key: (-len(key), by_name[key][0]))
    for short in ordered:
        # an acronym in brackets after the name is certain; otherwise initials that fit one name only
        long = _bracketed(article, spans, by_name, short) or _spelled_out(printed, ordered, short)
        if long is not None:
            names.join(long, short)
    for short in reversed(ordered):
        if len(short) == 1 and (short[0] in _GENERIC or len(short[0]) < 3):
            continue
        longer = [
            key
            for key in ordered
            if len(key) > len(short) and names.root(key) != names.root(short) and _shortens(short, key)
        ]
        roots = {names.root(key) for key in longer}
        if len(roots) == 1:
            names.join(longer[0], short)
    for a, left in enumerate(ordered):
        for right in ordered[a + 1 :]:
            if len(left) == len(right) and similarity(" ".join(left), " ".join(right)) >= 0.96 and len(left[0]) > 3:
                names.join(left, right)
    return _as_groups("ORG", names, by_name)


def _organisation_key(surface: str) -> tuple[str, ...]:
    words = without_company_form(tokens(clean(surface, "ORG")))
    if len(words) > 1 and words[0] in ("us", "uk", "un", "eu"):
        return words
    return words or (folded(surface),)


def _bracketed(
    article: Article, spans: Sequence[Span], by_name: dict[tuple[str, ...], list[int]], short: tuple[str, ...]
) -> tuple[str, ...] | None:
    """The name that some mention of `short` in brackets follows, or that is printed in brackets after it."""
    if len(short) != 1:
        return None
    for i in by_name[short]:
        span = spans[i]
        if i == 0 or spans[i - 1].field != span.field or spans[i - 1].label != "ORG":
            continue
        text = article.of(span.field)
        if text[spans[i - 1].end : span.start] in (" (", "(") and text[span.end : span.end + 1] == ")":
            long = _organisation_key(spans[i - 1].surface)
            if len(long) > 1 and long[0][:1] == short[0][:1] and long in by_name:
                return long
    return None


def _spelled_out(
    printed: dict[tuple[str, ...], list[str]], ordered: list[tuple[str, ...]], short: tuple[str, ...]
) -> tuple[str, ...] | None:
    if len(short) != 1:
        return None
    fitting = [
        key
        for key in ordered
        if len(key) > 1 and any(is_acronym_of(s, long) for s in printed[short][:1] for long in printed[key][:2])
    ]
    return fitting[0] if len(fitting) == 1 else None


def _shortens(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    """Westinghouse for Westinghouse Electric, Foreign Ministry for Russian Foreign Ministry."""
    n = len(short)
    if long[:n] == short:
        if n == 1 and (country(short[0].upper() if len(short[0]) < 4 else short[0]) or state(short[0])):
            return False
        return not (n == 1 and short[0] in _GENERIC)
    if long[-n:] == short:
        return n >= 2 or short[0] not in _GENERIC
    return False


# --- places ---------------------------------------------------------------------------------------------------------


def _places(article: Article, spans: Sequence[Span], chosen: list[int]) -> list[Group]:
    codes = {i: country(clean(spans[i].surface, "LOC")) for i in chosen}
    by_name: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i in chosen:
        code = codes[i]
        by_name[("=" + code,) if code else _place_key(spans[i].surface)].append(i)
    names = _Union(list(by_name))
    printed = {key: [clean(spans[i].surface, "LOC") for i in members] for key, members in by_name.items()}
    ordered = sorted(by_name, key=lambda key: (-len(key), by_name[key][0]))
    for short in ordered:
        if short[0].startswith("="):
            continue
        fitting = [
            key
            for key in ordered
            if key != short
            and len(short) == 1
            and any(is_acronym_of(printed[short][0], long) for long in printed[key][:2])
        ]
        if len(fitting) == 1:
            names.join(fitting[0], short)
            continue
        longer = [key for key in ordered if len(key) > len(short) and _place_shortens(short, key)]
        if len({names.root(key) for key in longer}) == 1:
            names.join(longer[0], short)
    groups = _as_groups("LOC", names, by_name)
    for group in groups:
        group.country = next((codes[i] for i in group.members if codes[i]), None)
    return groups


def _place_key(surface: str) -> tuple[str, ...]:
    """The folded words before a comma: Washington, D.C. is Washington."""
    head = clean(surface, "LOC").split(",")[0]
    return tokens(head) or (folded(surface),)


def _place_shortens(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    if long[0].startswith("="):
        return False
    if long[: len(short)] == short:
        return all(word in _PLACE_ENDINGS for word in long[len(short) :]) and long[-1] != "state"
    return len(long) == 1 and len(short) == 1 and long[0].endswith("-" + short[0])


# --- the rest -------------------------------------------------------------------------------------------------------


def _others(article: Article, spans: Sequence[Span], chosen: list[int]) -> list[Group]:
    del article
    by_name: dict[str, list[int]] = defaultdict(list)
    for i in chosen:
        by_name[folded(spans[i].surface)].append(i)
    return [Group("MISC", members) for members in by_name.values()]


class _Union:
    """Names joined into sets; a set is called by its first member."""

    def __init__(self, names: list[tuple[str, ...]]) -> None:
        self._above = {name: name for name in names}

    def root(self, name: tuple[str, ...]) -> tuple[str, ...]:
        while self._above[name] != name:
            self._above[name] = self._above[self._above[name]]
            name = self._above[name]
        return name

    def join(self, left: tuple[str, ...], right: tuple[str, ...]) -> None:
        a, b = self.root(left), self.root(right)
        if a != b:
            self._above[b] = a


def _as_groups(label: Label, names: _Union, by_name: dict[tuple[str, ...], list[int]]) -> list[Group]:
    sets: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for key, members in by_name.items():
        sets[names.root(key)].extend(members)
    return [Group(label, members) for members in sets.values()]

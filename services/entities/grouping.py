"""Mentions of one article that name the same person, organisation or place, brought together under the fullest name."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from schemas.entities import Label
from services.entities.mentions import Article, Span
from services.entities.names import (
    TITLES,
    Person,
    acronym,
    folded,
    gender_of,
    initials,
    listed,
    person,
    persons_agree,
    spelled_alike,
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
        surfaces = [spans[i].surface for i in group.members]
        group.name = usual(surfaces) if group.country else fullest(group.label, surfaces)
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
        # acronyms of organisations are capitals by right, people and places only in datelines
        shouted = form.isupper() and len(form) > (5 if label in ("ORG", "MISC") else 3)
        letters = sum(char.isalnum() for char in form)
        return (-words, shouted, -counts[form], -letters if words == 1 else 0, order[form])

    return min(counts, key=rank)


def usual(surfaces: Sequence[str]) -> str:
    """What an article mostly calls a country: Azerbaijan, though it says Republic of Azerbaijan once.

    Abbreviations count only where there is nothing else.
    """
    forms = [clean(surface, "LOC") for surface in surfaces]
    written_out = [form for form in forms if "." not in form and not (form.isupper() and len(form) <= 4)]
    return Counter(written_out or forms).most_common(1)[0][0]


# --- people ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class _Someone:
    forms: list[Person]
    members: list[int]
    genders: set[str]

    def surname_is(self, word: str) -> bool:
        return any(form.surname and (form.surname[-1] == word or " ".join(form.surname) == word) for form in self.forms)


def _people(article: Article, spans: Sequence[Span], chosen: list[int]) -> list[Group]:
    forms = {i: person(clean_title(spans[i].surface)) for i in chosen}
    genders = {i: forms[i].gender or _gender_before(article, spans[i]) for i in chosen}
    someone: list[_Someone] = []
    # people are looked up by the first letters of their surnames: an article that lists thousands stays quick
    by_surname: dict[str, list[_Someone]] = defaultdict(list)
    by_given: dict[str, list[_Someone]] = defaultdict(list)

    def add(i: int, to: _Someone | None) -> None:
        form = forms[i]
        if to is None:
            to = _Someone([], [], set())
            someone.append(to)
        to.members.append(i)
        to.genders.add(genders[i])
        if form in to.forms:
            return
        to.forms.append(form)
        for word in {*form.surname[-1:], form.surname[0] if form.surname else ""}:
            if to not in by_surname[word[:2]]:
                by_surname[word[:2]].append(to)
        for word in form.given:
            by_given[word].append(to)

    # full names first, the fullest before the shorter, so that J. Smith finds John Smith and not the other way round
    full = [i for i in chosen if forms[i].is_full]
    for i in sorted(full, key=lambda i: (-len(forms[i].given) - sum(len(g) > 1 for g in forms[i].given), i)):
        fitting = [s for s in by_surname[forms[i].surname[-1][:2]] if _agrees(s, forms[i], genders[i])]
        exact = [
            s for s in fitting if any(f.given == forms[i].given and f.surname == forms[i].surname for f in s.forms)
        ]
        # several people fit an initial: the one named last before it
        add(i, min(exact or fitting, key=lambda s: _distance(s.members, i), default=None))
    for i in chosen:
        if forms[i].is_full:
            continue
        word = " ".join(forms[i].surname) or folded(spans[i].surface)
        last = (word.split() or [word])[-1]
        gender = genders[i]

        def able(candidates: list[_Someone], gender: str = gender) -> list[_Someone]:
            return [s for s in candidates if not gender or gender in s.genders or s.genders <= {""}]

        same_letters = able(by_surname[last[:2]] + [s for s in by_surname[word[:2]] if word[:2] != last[:2]])
        fitting = [s for s in same_letters if s.surname_is(word) or s.surname_is(last)]
        if not fitting and not gender:
            fitting = by_given[word]
        if not fitting and len(word) >= 5:
            fitting = [
                s for s in same_letters if any(f.surname and spelled_alike(f.surname[-1], word, 0.95) for f in s.forms)
            ]
        add(i, min(fitting, key=lambda s: _distance(s.members, i), default=None))
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
    before = max((m for m in members if m < i), default=None)
    return (0, i - before) if before is not None else (1, min(members) - i)


# --- organisations --------------------------------------------------------------------------------------------------


def _organisations(article: Article, spans: Sequence[Span], chosen: list[int]) -> list[Group]:
    by_name: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i in chosen:
        by_name[_organisation_key(spans[i].surface)].append(i)
    names = _Union(list(by_name))
    ordered = sorted(by_name, key=lambda key: (-len(key), by_name[key][0]))
    printed = {key: [clean(spans[i].surface, "ORG") for i in by_name[key][:2]] for key in ordered}
    spelled_out = _by_initials(printed, ordered)
    for short in ordered:
        if len(short) != 1:
            continue
        # an acronym in brackets after the name is certain; otherwise initials that fit one name only
        long = _bracketed(article, spans, by_name, short)
        fitting = spelled_out.get(acronym(printed[short][0]) or "", [])
        if long is None and len(fitting) == 1:
            long = fitting[0]
        if long is not None:
            names.join(long, short)
    longer = _by_part(ordered)
    for short in reversed(ordered):
        if len(short) == 1 and (short[0] in _GENERIC or len(short[0]) < 3):
            continue
        fitting = [
            key for key in longer.get(short, ()) if names.root(key) != names.root(short) and _shortens(short, key)
        ]
        if len({names.root(key) for key in fitting}) == 1:
            names.join(fitting[0], short)
    alike: dict[tuple[int, str], list[tuple[str, ...]]] = defaultdict(list)
    for key in ordered:
        alike[len(key), key[0][:3]].append(key)
    for bucket in alike.values():
        for a, left in enumerate(bucket[:200]):
            for right in bucket[a + 1 : 200]:
                if len(left[0]) > 3 and spelled_alike(" ".join(left), " ".join(right), 0.96):
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


def _by_initials(
    printed: dict[tuple[str, ...], list[str]], ordered: list[tuple[str, ...]]
) -> dict[str, list[tuple[str, ...]]]:
    """Names of several words under each acronym they may have."""
    table: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for key in ordered:
        for letters in sorted({letters for long in printed[key] for letters in initials(long)}):
            table[letters].append(key)
    return table


def _by_part(ordered: list[tuple[str, ...]]) -> dict[tuple[str, ...], list[tuple[str, ...]]]:
    """Names under each of their beginnings and endings that are shorter than they."""
    table: dict[tuple[str, ...], list[tuple[str, ...]]] = defaultdict(list)
    for key in ordered:
        for n in range(1, min(len(key), 8)):
            for part in {key[:n], key[-n:]}:
                table[part].append(key)
    return table


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
    ordered = sorted(by_name, key=lambda key: (-len(key), by_name[key][0]))
    printed = {key: [clean(spans[i].surface, "LOC") for i in by_name[key][:2]] for key in ordered}
    spelled_out = _by_initials(printed, ordered)
    longer = _by_part(ordered)
    for key in ordered:
        if len(key) == 1 and "-" in key[0]:  # Karabakh is in Nagorno-Karabakh
            longer[(key[0].rsplit("-", 1)[1],)].append(key)
    for short in ordered:
        if short[0].startswith("="):
            continue
        fitting = spelled_out.get(acronym(printed[short][0]) or "", []) if len(short) == 1 else []
        if len(fitting) != 1:
            fitting = [key for key in longer.get(short, ()) if key != short and _place_shortens(short, key)]
        if len({names.root(key) for key in fitting}) == 1:
            names.join(fitting[0], short)
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
    if len(long) > len(short) and long[: len(short)] == short:
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

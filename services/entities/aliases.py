"""What articles teach about short names: Putin stands for Vladimir Putin, an acronym for what few spell out.

Learnt only where one article prints both, used only where several outlets agree, and only for what an article itself
leaves open. Pure: where the votes are kept is `alias_cache`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.entities import Label
from services.entities.grouping import Group, clean, fullest
from services.entities.mentions import Span
from services.entities.names import acronym, folded, person, tokens

LEAST_DOMAINS: Final = 3
LEAST_SHARE: Final = 0.8
WINDOW_DAYS: Final = 28
DECAY_PER_DAY: Final = 0.9
"""A domain's vote weighs half after a week: who is meant by a surname changes with an election."""

_SURE: Final = 0.8
_LEARNT: Final[tuple[Label, ...]] = ("PER", "ORG")

Alias = tuple[Label, str]
"""A label and a folded short name."""


@dataclass(frozen=True, slots=True)
class Observation:
    """An article that prints `alias` and the `name` it stands for."""

    label: Label
    alias: str
    name: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A name that an alias may stand for: by domain, the first and the last day on which it was so printed."""

    name: str
    domains: Mapping[str, tuple[int, int]]


def observations(spans: Sequence[Span], groups: Sequence[Group]) -> tuple[Observation, ...]:
    """What the article teaches: short and full names that its own words bring together, each read with confidence.

    A surname that two people of the article share teaches nothing.
    """
    surnames = Counter(
        person(group.name).surname for group in groups if group.label == "PER" and person(group.name).is_full
    )
    found: dict[Observation, None] = {}
    for group in groups:
        if group.label not in _LEARNT:
            continue
        forms = [clean(spans[i].surface, group.label) for i in sorted(group.members) if spans[i].confidence >= _SURE]
        if group.name not in forms or not _is_full(group.label, group.name):
            continue
        if group.label == "PER" and surnames[person(group.name).surname] > 1:
            continue
        for form in forms:
            if _is_short(group.label, form) and folded(form) != folded(group.name):
                found[Observation(group.label, folded(form), group.name)] = None
    return tuple(found)


def settled(candidates: Iterable[Candidate], day: int) -> str | None:
    """The name that an alias stands for on `day` (days since 1970), or None where outlets do not agree on one.

    A domain counts once for a name, the less the longer ago it last printed it. A name that one domain alone prints
    counts for nothing, neither for itself nor against another: an outlet that repeats a wrong name changes nothing.
    """
    weights: dict[str, float] = {}
    domains: dict[str, int] = {}
    for candidate in candidates:
        ages = [
            day - min(last, day)
            for first, last in candidate.domains.values()
            if first <= day and day - min(last, day) < WINDOW_DAYS
        ]
        if len(ages) >= 2:
            weights[candidate.name] = sum(DECAY_PER_DAY**age for age in ages)
            domains[candidate.name] = len(ages)
    if not weights:
        return None
    name = max(weights, key=lambda known: (weights[known], known))
    if domains[name] < LEAST_DOMAINS or weights[name] < LEAST_SHARE * sum(weights.values()):
        return None
    return name


def joined(spans: Sequence[Span], groups: Sequence[Group], known: Mapping[Alias, str]) -> list[Group]:
    """`groups`, where an organisation's short name that the article does not explain joins the name it is known for.

    Only where the article prints both. People are left as the article's own rules have them: those have already given
    a bare surname to whoever bears it, or had a reason not to.
    """
    if not known:
        return list(groups)
    by_name = {folded(group.name): group for group in groups if group.label == "ORG"}
    merged: set[int] = set()
    for group in groups:
        alias = _alias_of(spans, group)
        name = known.get(alias) if alias is not None and group.label == "ORG" else None
        target = by_name.get(folded(name)) if name is not None else None
        if target is not None and target is not group and id(target) not in merged:
            target.members = sorted([*target.members, *group.members])
            target.name = fullest("ORG", [spans[i].surface for i in target.members])
            merged.add(id(group))
    return sorted((group for group in groups if id(group) not in merged), key=lambda group: group.members[0])


def full_name(spans: Sequence[Span], group: Group, known: Mapping[Alias, str]) -> str | None:
    """The name that outlets use in full for what the article only calls by a short one, or None."""
    alias = _alias_of(spans, group)
    return known.get(alias) if alias is not None else None


def _alias_of(spans: Sequence[Span], group: Group) -> Alias | None:
    """The one short form by which the article calls the group, or None: it prints more than that."""
    if group.label not in _LEARNT:
        return None
    forms = {folded(clean(spans[i].surface, group.label)) for i in group.members}
    if len(forms) != 1:
        return None
    form = clean(spans[group.members[0]].surface, group.label)
    return (group.label, folded(form)) if _is_short(group.label, form) else None


def _is_full(label: Label, name: str) -> bool:
    if label == "PER":
        known = person(name)
        return known.is_full and all(len(word) > 1 for word in known.given[:1])
    return len(tokens(name)) >= 2


def _is_short(label: Label, form: str) -> bool:
    if len(folded(form)) < 2:
        return False
    if label == "PER":
        return not person(form).is_full
    return acronym(form) is not None or len(tokens(form)) == 1

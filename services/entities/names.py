"""Names compared: folded forms, titles, suffixes, initials, and how alike two spellings are."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_QUOTES: Final = str.maketrans(
    {"’": "'", "‘": "'", "ʼ": "'", "`": "'", "“": '"', "”": '"', "‐": "-", "‑": "-", "–": "-"}
)
_POSSESSIVE: Final = re.compile(r"'s$|(?<=s)'$", re.IGNORECASE)
_DOTTED: Final = re.compile(r"(?<![^\W_])((?:[^\W\d_]\.){2,}[^\W\d_]?|(?:[^\W\d_]\.)+[^\W\d_])(?![^\W_])")
_SPACE: Final = re.compile(r"\s+")


def listed(words: str) -> frozenset[str]:
    """The words of a list as it reads best."""
    return frozenset(words.split())


PARTICLES: Final = listed(
    "al an ap abu ben bin bint da das de del della den der des di do dos du el fitz ibn la le les lo mac "
    "mc o san santa st te ten ter van vom von y zu zum zur"
)
SUFFIXES: Final = frozenset({"jr", "sr", "ii", "iii", "iv"})

MALE: Final = listed(
    "mr mister sir lord king prince duke baron count father brother monsieur herr senor don sheikh imam"
)
FEMALE: Final = listed(
    "mrs ms miss mme madame madam lady queen princess duchess baroness countess sister frau senora dame"
)
# ranks and offices that stand before a name and are no part of it
TITLES: Final = (
    MALE
    | FEMALE
    | listed(
        "admiral ambassador archbishop attorney bishop brigadier cardinal chairman chairwoman chancellor "
        "chief coach col colonel commander commissioner congressman congresswoman cpl capt captain councillor "
        "corporal dean det detective director dr doctor emperor ex-president foreign former gen general gov "
        "governor inspector judge justice leader lt lieutenant maj major marshal mayor minister mp officer "
        "pastor pope premier president prime prof professor rabbi rear rep representative rev reverend "
        "secretary sen senator sgt sergeant sheriff speaker spokesman spokeswoman sultan superintendent "
        "treasurer vice vice-president"
    )
)
_COMPANY: Final = listed(
    "inc incorporated corp corporation co company ltd limited llc llp plc lp ag gmbh sa nv ab oyj spa "
    "group holding holdings"
)
_UNCOUNTED: Final = listed("of the and for in on at de la del des & du & to")

# Short and long forms of given names that newsrooms use for one person. Common knowledge, kept short: a pair that is
# missing costs a merge only where the surname alone would not have decided.
_NICKNAMES: Final = (
    "alexander alex sasha|andrew andy drew|anthony tony|benjamin ben benny bibi|charles charlie chuck|christopher chris"
    "|daniel dan danny|david dave|donald don|edward ed eddie ted|elizabeth liz beth betty|eugene gene|frederick fred|"
    "gerald gerry jerry|gregory greg|james jim jimmy|jeffrey jeff|john jack johnny jon|jonathan jon|joseph joe|"
    "joshua josh|katherine kate kathy katy katie|kenneth ken|lawrence larry|leonard len|louis lou|margaret maggie peggy"
    "|"
    "matthew matt|michael mike mick|mikhail misha|nicholas nick|patrick pat|peter pete|philip phil|raymond ray|"
    "rebecca becky|richard rick dick rich|robert bob bobby rob|ronald ron|samuel sam|stephen steve steven|susan sue|"
    "theodore ted teddy|thomas tom tommy|timothy tim|victoria vicky|vladimir volodymyr vova|walter walt|"
    "william bill billy will"
)


def _nicknames() -> dict[str, frozenset[str]]:
    table: dict[str, set[str]] = {}
    for group in _NICKNAMES.split("|"):
        if group.startswith("vladimir"):
            continue  # two languages' forms of one name, and the names of two presidents
        members = group.split()
        for member in members:
            table.setdefault(member, set()).update(members)
    return {name: frozenset(group) for name, group in table.items()}


_ALIKE: Final = _nicknames()


@lru_cache(maxsize=20_000)
def folded(name: str) -> str:
    """`name` as it is compared: lower case, no accents, possessives, leading article, or dots of initials (us)."""
    text = unicodedata.normalize("NFKC", name).translate(_QUOTES)
    # accents first: one that stands alone leaves a space behind, which must not survive at the end ("0-¨")
    text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    text = _SPACE.sub(" ", text).strip(" \"'-,;:")
    text = _POSSESSIVE.sub("", text)
    text = _DOTTED.sub(lambda match: match.group().replace(".", ""), text)
    text = "".join(c for c in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(c))
    text = text.replace("ł", "l").replace("ø", "o").replace("đ", "d").replace("ı", "i")
    if text.startswith("the ") and len(text) > 6:
        text = text[4:]
    return " ".join(text.split()) or name.casefold()


def tokens(name: str) -> tuple[str, ...]:
    """The words of the folded `name`, dots of abbreviations away."""
    return tuple(word.strip(".,\"'()") for word in folded(name).split() if word.strip(".,\"'()"))


@dataclass(frozen=True, slots=True)
class Person:
    """A person's name taken apart: given names, surname (with its particles), generation, and gender by title."""

    given: tuple[str, ...]
    surname: tuple[str, ...]
    gender: str  # "m", "f" or "" when no title tells
    generation: str

    @property
    def is_full(self) -> bool:
        """Whether there is both a given name and a surname."""
        return bool(self.given) and bool(self.surname)


def gender_of(title: str) -> str:
    """m or f where the title tells, else nothing."""
    word = title.casefold().strip(".")
    return "m" if word in MALE else "f" if word in FEMALE else ""


@lru_cache(maxsize=20_000)
def person(name: str) -> Person:
    """`name` taken apart. A single name is a surname."""
    words = list(tokens(name))
    gender = ""
    while len(words) > 1 and words[0] in TITLES:
        gender = gender_of(words[0]) or gender
        words.pop(0)
    generation = ""
    if len(words) > 1 and words[-1] in SUFFIXES:
        generation = words.pop()
    split = len(words) - 1
    while split > 1 and words[split - 1] in PARTICLES:
        split -= 1
    if split == 1 and len(words) > 1 and words[0] in PARTICLES:
        split = 0
    return Person(tuple(words[:split]), tuple(words[split:]), gender, generation)


def given_agree(left: str, right: str) -> bool:
    """Whether two given names may be one person's: equal, an initial, a short form, or nearly the same spelling."""
    if left == right or right in _ALIKE.get(left, ()):
        return True
    if len(left) == 1 or len(right) == 1:
        return left[:1] == right[:1]
    return min(len(left), len(right)) >= 4 and spelled_alike(left, right, 0.92)


def persons_agree(left: Person, right: Person) -> bool:
    """Whether two full names may be one person's: surnames and given names agree, and no title speaks against it."""
    if left.gender and right.gender and left.gender != right.gender:
        return False
    if left.generation and right.generation and left.generation != right.generation:
        return False
    if not surnames_agree(left.surname, right.surname):
        return False
    if not left.given or not right.given:
        return True
    if given_agree(left.given[0], right.given[0]):
        middle_left, middle_right = left.given[1:], right.given[1:]
        if middle_left and middle_right:
            return any(given_agree(a, b) for a in middle_left for b in middle_right)
        return True
    # a person known by the middle name: J. Edgar Hoover, Edgar Hoover
    return left.given[0] in right.given[1:] or right.given[0] in left.given[1:]


def surnames_agree(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    """Equal, equal without particles, or nearly the same spelling."""
    if left == right:
        return True
    a = "".join(word for word in left if word not in PARTICLES) or "".join(left)
    b = "".join(word for word in right if word not in PARTICLES) or "".join(right)
    if a == b:
        return True
    return min(len(a), len(b)) >= 6 and spelled_alike(a, b, 0.95)


@lru_cache(maxsize=50_000)
def similarity(left: str, right: str) -> float:
    """Jaro-Winkler similarity in [0, 1]. Winkler, "String comparator metrics", 1990."""
    if left == right:
        return 1.0
    if not left or not right:
        return 0.0
    reach = max(max(len(left), len(right)) // 2 - 1, 0)
    taken = [False] * len(right)
    matched: list[str] = []
    for i, char in enumerate(left):
        for j in range(max(0, i - reach), min(len(right), i + reach + 1)):
            if not taken[j] and right[j] == char:
                taken[j] = True
                matched.append(char)
                break
    if not matched:
        return 0.0
    other = [char for j, char in enumerate(right) if taken[j]]
    swaps = sum(a != b for a, b in zip(matched, other, strict=True)) / 2
    n = len(matched)
    jaro = (n / len(left) + n / len(right) + (n - swaps) / n) / 3
    prefix = 0
    for a, b in zip(left[:4], right[:4], strict=False):
        if a != b:
            break
        prefix += 1
    return jaro + prefix * 0.1 * (1 - jaro)


def spelled_alike(left: str, right: str, least: float) -> bool:
    """Whether two folded names are so similar that one is a slip or another spelling; numbers must be equal."""
    if [c for c in left if c.isdigit()] != [c for c in right if c.isdigit()]:
        return False
    return similarity(left, right) >= least


def without_company_form(words: tuple[str, ...]) -> tuple[str, ...]:
    """An organisation's words without Inc, Ltd and the like at the end."""
    end = len(words)
    while end > 1 and words[end - 1] in _COMPANY:
        end -= 1
    return words[:end]


def initials(long: str) -> frozenset[str]:
    """What an acronym of `long` may be, in lower case: the initials of all its words, of the words that are not small,
    and of those without the company's form. Empty for a single word.
    """
    words = [word for token in tokens(long) for word in token.split("-") if word]
    if len(words) < 2:
        return frozenset()
    counted = [word for word in words if word not in _UNCOUNTED]
    bare = without_company_form(tuple(counted))
    found = {"".join(word[0] for word in chosen) for chosen in (words, counted, bare)}
    return frozenset(letters for letters in found if len(letters) >= 2)


def acronym(short: str) -> str | None:
    """`short` as an acronym in lower case letters, or None when it is not printed as one: 2 to 8 letters, at most two
    of them small.
    """
    letters = "".join(char for char in short if char.isalnum())
    if not 2 <= len(letters) <= 8 or sum(char.isupper() for char in letters) < max(2, len(letters) - 2):
        return None
    return letters.casefold()


def is_acronym_of(short: str, long: str) -> bool:
    """Whether `short` (as printed) is made of the initials of `long`, counting or skipping its small words."""
    letters = acronym(short)
    return letters is not None and letters in initials(long)

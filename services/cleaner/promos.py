"""Promos inside running text: what a site pasted between an article's sentences, as spans with a kind and a rule.

A short list of patterns, each of a whole sentence or of an insert without full stop. Patterns rather than a model: a
bag-of-words classifier over sentences took 1 % of good sentences with it, these take almost none. A pattern must say
what the site asks its reader to do (sign up, download, read more), never merely name a newsletter or an app: articles
about newsletters and apps stay whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from schemas.articles import RemovalKind


@dataclass(frozen=True, slots=True)
class Promo:
    """A promo's span in the text it was found in, half-open, with its kind and the rule's name."""

    kind: RemovalKind
    rule: str
    start: int
    end: int


_END: Final = r"(?:[.!?](?=\s|\Z|[\"'”’])|(?=\n|\Z))"


def _sentence(start: str, *, length: int = 220) -> str:
    """A sentence that begins with `start`: dots inside names and numbers do not end it."""
    inner = rf"(?:[^.!?\n]|[.!?](?=[^\s\"'”’])|(?<=\b[A-Z])\.(?=\s)){{0,{length}}}?"
    return rf"(?:{start})(?:\b|(?<=\W)){inner}{_END}"


def _ahead(pattern: str, within: int = 180) -> str:
    """What must stand in the same sentence, at most `within` characters on."""
    return rf"(?=[^.!?\n]{{0,{within}}}\b(?:{pattern})\b)"


def _any(*words: str) -> str:
    return f"(?:{'|'.join(words)})"


_LETTER: Final = r"newsletters?|e-?mails?|inbox|briefing|mailing list|alerts"
_NETWORKS: Final = r"Facebook|Twitter|X|Instagram|WhatsApp|Telegram|YouTube|TikTok|LinkedIn|Threads|Bluesky|Google News"
_PICTURE: Final = r"(?:Photo|Image|Picture|Pic|File photo|Photograph)s?(?: credit)?\s?(?:by|:)"
_READ_MORE: Final = _any(
    "READ MORE|READ ALSO|ALSO READ|READ|SEE ALSO|RELATED|MORE|EXCLUSIVE VIDEO|Read more|Read also|Also read|See also",
    "Related|Read next|Read more on this|More on this|Further reading|Lire aussi|À lire aussi|Lees ook|Lesen Sie auch",
    "Lesen Sie mehr|Mehr dazu|Mehr zum Thema|Leer más|Lea también|Le puede interesar|Leia também|Leia mais|Leggi anche",
    "Читайте также|Читайте також|Czytaj też|Zobacz też|Läs även|Les også|Læs også|Baca juga|Ayrıca oku",
)

# Each pattern is tried where a sentence begins.
_RULES: Final[tuple[tuple[RemovalKind, str, str], ...]] = (
    # a line of its own that says who sent the text out
    ("metadata", "distribution_line", r"(?<![^\n])Distributed by (?:[A-Z][\w&.'’-]*[ ]?){1,6}\.?(?=\s*(?:\n|\Z))"),
    # "Sign up to Morning Harbour A digest of … after newsletter promotion": an insert that never ends in a full stop
    (
        "newsletter",
        "after_newsletter_promotion",
        r"(?:Sign up (?:to|for)|Skip past newsletter promotion|Get)\b[^\n]{0,600}?\bafter newsletter promotion\b\.?",
    ),
    ("newsletter", "privacy_notice", _sentence(r"Privacy Notice: Newsletters may contain", length=500)),
    (
        "newsletter",
        "for_more_sign_up",
        _sentence(
            r"For (?:more|all|the latest|exclusive|daily|weekly|further)\b[^.!?\n]{0,120}?,?\s"
            r"(?:please )?(?:sign up|subscribe)\b" + _ahead(rf"{_LETTER}|here|today|now", 120)
        ),
    ),
    (
        "newsletter",
        "sign_up",
        _sentence(
            r"(?:You can |Please |Don['’]t miss out[,:–-]? ?)?(?:Sign[- ]?up|Subscribe|Register|Join us)\s"
            r"(?:here |now |today |free |in |with your email |for free )?(?:to|for|here|on|below|now|today)\b"
            + _ahead(rf"{_LETTER}|updates?|weekly|daily|morning", 200)
        ),
    ),
    (
        "newsletter",
        "get_in_your_inbox",
        _sentence(
            r"(?:Get|Receive|Want)\s"
            + _ahead(
                r"(?:in|to|into|straight to|directly to) your (?:inbox|e-?mail)"
                r"|(?:our|the|this) (?:free |daily |weekly |morning )*newsletter"
            )
        ),
    ),
    ("newsletter", "enter_email", _sentence(r"(?:Enter|Type) your (?:e-?mail|email address)")),
    (
        "app",
        "download_app",
        _sentence(
            r"(?:Download|Get|Install)\s(?:now )?(?:the|our|your)?\s?"
            + _ahead("app", 80)
            + _ahead(
                "app store|App Store|google play|Google Play|play store|Play Store|today|now|here|for free|free app"
                "|your (?:phone|device|preferred)|android|Android|ios|iOS"
            )
        ),
    ),
    (
        "app",
        "available_on_stores",
        _sentence(r"(?:Available|Download) (?:now |free )?(?:on|from|in) (?:the )?(?:App Store|Google Play)"),
    ),
    (
        "event",
        "download_insights",
        _sentence(
            r"(?:Download|Get|Access)\s(?:exclusive |free |your |the |all |our )+"
            r"(?:insights?|reports?|whitepapers?|brochures?|agenda|guides?|presentations?)\b"
            + _ahead("conference|event|events|Events|summit|Summit|forum|Forum|webinar")
        ),
    ),
    (
        "event",
        "join_event",
        _sentence(
            r"(?:Join|Register|Book|Sign up|Secure your place|Get your tickets?|Buy tickets|"
            r"Reserve your (?:seat|place|spot))\b"
            + _ahead("us|now|today|here|your|for|at", 60)
            + _ahead("[Ww]ebinar|[Cc]onference|[Ss]ummit|masterclass|live event|free event|online event|tickets?")
            + _ahead("us|now|today|here|your|register|early[- ]bird", 220)
        ),
    ),
    # a caption ends where the next sentence begins, and has no full stop to say where that is
    ("caption", "chart_caption", r"(?:CHART|GRAPHIC|MAP|TABLE|INFOGRAPHIC|DIAGRAM)S?\s?:\s"),
    (
        "caption",
        "photo_credit",
        rf"\({_PICTURE}[^()\n]{{1,120}}\)|\[{_PICTURE}[^\[\]\n]{{1,120}}\]"
        rf"|(?:Photo|Image|Picture|Photograph) ?(?:credit|by|:)[^.!?\n]{{1,100}}"
        rf"(?:/|via |\bfor\b )[A-Z][^.!?\n]{{1,60}}{_END}",
    ),
    (
        "caption",
        "watch_video",
        _sentence(
            r"(?:WATCH|LISTEN|VIDEO|PHOTOS|PODCAST|GALLERY|Watch (?:below|the video|more|live)|Listen (?:here|below))"
            r"\s?[:|–-]",
            length=140,
        ),
    ),
    ("related", "read_more", _sentence(rf"{_READ_MORE}\s?[:|–»>-]", length=160)),
    (
        "related",
        "click_here",
        _sentence(
            r"(?:To (?:read|see|learn|find out|watch|get|subscribe)[^.!?\n]{0,80}, )?"
            r"(?:Click|Tap|click|tap) (?:here|the link|below|on the link)"
        ),
    ),
    (
        "related",
        "for_more_visit",
        _sentence(
            r"For (?:more|the latest|all the latest)\b[^.!?\n]{0,80},? (?:please )?"
            r"(?:click|tap|go|head|visit|see|read|watch|listen to|check out)\b"
            r"(?=[^\n]{0,80}(?:\bhere\b|\.(?:com|org|net|co)\b))"
        ),
    ),
    (
        "promo",
        "our_podcast",
        _sentence(
            r"(?:Listen|Subscribe|Tune in) to (?:the latest episode of )?(?:our|the [A-Z]\w+) (?:\w+ ){0,3}podcast"
        ),
    ),
    (
        "promo",
        "follow_us",
        _sentence(
            r"(?:Please )?(?:Like|Follow|Find|Join)(?: and follow)? "
            r"(?:us|our (?:page|channel|WhatsApp|Telegram)|the [A-Z]\w+ (?:channel|page))\b" + _ahead(_NETWORKS, 120)
        ),
    ),
    (
        "promo",
        "subscribe",
        _sentence(
            r"Subscribe (?:now|today|to (?:our|the) (?:channel|YouTube|print|digital)|for (?:just|only|full|unlimited))"
            r"|Already a (?:subscriber|member)|Support (?:our|independent) journalism"
            r"|Become a (?:member|subscriber|supporter) (?:today|now|to|and)",
            length=200,
        ),
    ),
    (
        "advertisement",
        "advertisement_label",
        r"(?:ADVERTISEMENT|Advertisement|ADVERTISING|Story continues below(?: this)? advertisement"
        r"|Article continues (?:below|after)(?: this)?(?: advertisement| ad)?|Story continues"
        r"|Scroll (?:down )?to continue(?: reading)?|Continue reading below|- Advertisement -)"
        r"(?:\s?[.:]|(?=\s[A-Z\"'“‘(])|(?=\n|\Z))",
    ),
)

_PATTERNS: Final[tuple[tuple[RemovalKind, str, re.Pattern[str]], ...]] = tuple(
    (kind, rule, re.compile(pattern)) for kind, rule, pattern in _RULES
)
# The words that the patterns begin with. Only where one begins a sentence are patterns tried: seventeen scans, each
# looking behind itself, took 1.2 s a megabyte, and one for these words, which are at home in any text, still 0.25.
_OPENING: Final = re.compile(
    r"(?:Sign|Skip|Get|Privacy N|For (?:more|all|the l|exc|dail|week|furt)|You can (?:s|S)|Please|Don.t miss|Subscribe"
    r"|Register|Join|Receive|Want|Enter your|Type your|Download|Install|Available|Access|Book|Secure y|Buy t|Reserve y"
    r"|CHART|GRAPHIC|MAP|TABLE|INFOGRAPHIC|DIAGRAM|[(\[]?(?:Photo|Image|Pic|File p)|WATCH|LISTEN|VIDEO|PHOTOS|PODCAST"
    r"|GALLERY|Watch|Listen|READ|SEE|RELATED|MORE|EXCLUSIVE|Read|Also|See|Related|More|Further|Lire|À lire|Lees|Lesen"
    r"|Mehr|Leer|Lea|Le puede|Leia|Leggi|Чита|Czytaj|Zobacz|Läs|Les o|Læs|Baca|Ayr|To (?:read|see|lea|fin|wat|get|sub)"
    r"|Click|Tap|Like|Follow|Find|Already|Support|Become|ADVERT|Advert|Story|Article c|Scroll|Continue"
    r"|Distributed by|- Adv)"
)
# what can stand before a sentence, and then some: `_begins_sentence` has the last word
_BEFORE: Final = re.compile("[.!?…:\n\"'”’»)\\]][ \t\xa0]*|[ \t\xa0]{4,}")
_SENTENCE_ENDS: Final = frozenset(".!?…:")
_CLOSERS: Final = "\"'”’»)]"
_WORD: Final = re.compile(r"\S+")
_LEAST_SENTENCE: Final = 5
"""Words; what is shorter belongs to the insert before it."""
# a small word, then a capital: the end of an insert without full stop, or a name inside it
_GLUED: Final = re.compile(
    r"(?:\b(?P<asked>newsletters?|e-?mails?|inbox|briefing|alerts|updates|[Hh]ere|now|today|below|app|[Aa]pp [Ss]tore|"
    r"Play [Ss]tore|Google Play|free|podcast)|(?<=[a-z0-9)]))[ \xa0]+(?=[A-Z“\"][\w’'-])"
)
# words with which a site speaks to its reader
_ASKS: Final = re.compile(
    r"\b(?:you|your|our|us|we|please|sign|subscribe|register|join|follow|click|tap|download|newsletters?|inbox|e-?mails?"
    r"|app|free|here|read more)\b",
    re.IGNORECASE,
)
_ENDS_ITSELF: Final = frozenset(
    {"distribution_line", "after_newsletter_promotion", "privacy_notice", "photo_credit", "advertisement_label"}
)
_LONGEST_CAPTION: Final = 25
"""Words; a caption run longer than this has been misread, and stays."""
# Words that begin a sentence and hardly ever stand with a capital inside a caption in sentence case.
_OPENERS: Final = frozenset(
    """The A An In On At For From But And Or As After Before When While If It Its This That These Those There They He
    She We You I His Her Their Our Some Many Most Meanwhile However Although Since With Under Over By To According Last
    Next Earlier Later Now Today Yesterday Following During Despite Because Both One Two Three Several Other Others
    Another Still Yet So Even Until Thanks""".split()  # noqa: SIM905 - a list of sixty strings is no easier to read
)


def find_promos(text: str) -> list[Promo]:
    """The promos in `text` (one or several paragraphs), in order, without overlaps; spans begin and end on words.

    Linear in the text: each pattern looks a bounded way ahead.
    """
    found: list[Promo] = []
    taken = 0
    first = len(text) - len(text.lstrip(" \t\xa0"))
    for start in (first, *(before.end() for before in _BEFORE.finditer(text))):
        if start < taken or _OPENING.match(text, start) is None or not _begins_sentence(text, start):
            continue
        for kind, rule, pattern in _PATTERNS:
            match = pattern.match(text, start)
            if match is None:
                continue
            if rule == "chart_caption":
                end = _caption_end(text, match.end())
            else:
                end = match.end() if rule in _ENDS_ITSELF else _before_a_sentence(text, start, match.end())
            while end > start and text[end - 1].isspace():
                end -= 1
            if end > start:
                # the first rule that fits: the ones before know better where their promo ends
                found.append(Promo(kind, rule, start, end))
                taken = end
                break
    return found


def _begins_sentence(text: str, position: int) -> bool:
    """Whether a sentence can begin at `position`: the text's or a line's start, or after the end of another."""
    before = text[max(0, position - 4) : position].rstrip(" \t\xa0")
    if not before:
        return position <= 4 or "\n" in text[max(0, position - 40) : position]
    if len(before) == min(4, position):  # no space between
        return before[-1] == "\n"
    if before[-1] in _CLOSERS:
        before = before[:-1]
    return not before or before[-1] in _SENTENCE_ENDS or before[-1] == "\n"


def _before_a_sentence(text: str, start: int, end: int) -> int:
    """Where the insert in `text[start:end]` ends: there, or, if it has no full stop, before the sentence that follows.

    The pattern took that for the rest of the insert. It is told from it by its words: not a few, speaking to nobody,
    after the thing that is asked for ("our newsletter The mayor said ...") or beginning with an opener in lower case
    surroundings ("... lost its ferry The mayor said ...").
    """
    for glued in _GLUED.finditer(text, start, end):
        rest = text[glued.end() : end]
        words = rest.split()
        lower = sum(word[0].islower() for word in words)
        if len(words) < _LEAST_SENTENCE or 2 * lower < len(words) or _ASKS.search(rest):
            continue
        # "The Evening Tide for ..." is a name, "The mayor said ..." and "In May it had ..." are none
        is_name = words[1][0].isupper() and (words[0] in ("The", "A", "An") or not words[2][0].islower())
        before = text[start : glued.start()].split()
        if is_name or (words[1][0].isupper() and words[0] not in _OPENERS):
            continue
        if glued["asked"] or (words[0] in _OPENERS and before and before[-1][0].islower()):
            return glued.end()
    return end


def _caption_end(text: str, start: int) -> int:
    """Where the caption that begins at `start` ends: at its full stop, its line's end, or before a word that opens

    a sentence. 0 when it is too long to be one.
    """
    end = start
    for number, word in enumerate(_WORD.finditer(text, start, start + 400)):
        if number and (word[0] in _OPENERS or "\n" in text[end : word.start()]):
            return end
        end = word.end()
        if word[0][-1] in ".!?" and len(word[0]) > 3:
            return end
        if number >= _LONGEST_CAPTION:
            return 0
    return end

r"""A page's HTML flattened to blocks of text: the one rule, `html_lines_1`, that all spans of an HTML page refer to.

The rule: parse as browsers do (lexbor); take away elements whose text nobody reads (scripts, styles, forms' controls,
fallbacks); every remaining element but inline ones, and every `<br>`, ends a line; white space is folded, control and
invisible characters go; empty lines go; the lines, in document order, are joined by "\n".
"""

from __future__ import annotations

import html as html_entities
import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
from selectolax.lexbor import LexborHTMLParser

from schemas.events import well_formed

FLATTENING: Final = "html_lines_1"

MAX_DEPTH: Final = 400
"""Elements nested deeper lose their tags, not their text: building the tree is quadratic in the open elements."""

MAX_ATTRIBUTES: Final = 200
"""A tag with more attributes loses them: the parser compares each with all before it."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_DROP: Final = _words(
    """script style noscript template svg canvas iframe object embed applet audio video map select option optgroup
    button textarea input datalist progress meter link meta base wbr area source track param noframes dialog"""
)
_INLINE: Final = _words(
    """span b strong i em u s small big font mark sub sup ins del abbr acronym cite code kbd samp var q bdi bdo time
    data ruby rb tt strike nobr label dfn g-emoji img picture"""
)

_MANY_ATTRIBUTES: Final = 10_000
_DEEP_SCAN: Final = 20_000  # fewer tags than this, all nested, take the parser a second at most
_EQUALS, _LESS = ord("="), ord("<")
_ANY_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]*)((?:[^>\"']|\"[^\"]*\"|'[^']*')*)>")
_FAT_TAG: Final = re.compile(r"<([a-zA-Z][a-zA-Z0-9:-]*)\s[^<>]{4000,}>")
_NO_NESTING: Final = frozenset(
    _words("""br hr img input meta link wbr area base col embed source track param p option a b i em strong span""")
)
# elements without end tag and text hold nothing to take away: they are passed over as inline ones are
_EMPTY: Final = _words("link meta base wbr area source track param input embed img")
_PASSED: Final = frozenset((*_INLINE, *_EMPTY))
_DROPPED: Final = ",".join(name for name in _DROP if name not in _EMPTY)
# in what the parser writes, "<" and ">" stand in tags and comments alone; the group is None for a comment
_TAG: Final = re.compile(r"<(?:!--.*?--|([^>]*))>", re.DOTALL)
_UNSEEN: Final = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b\u2060\ufeff]")
_ODD_UNSEEN, _ODD_SPACE = 1, 2
# by code point: what nobody sees, and white space but for the two signs that lines and words are set apart with
_ODD: Final = np.array(
    [
        _ODD_UNSEEN
        if _UNSEEN.match(chr(number))
        else _ODD_SPACE
        if chr(number).isspace() and number not in (10, 32)
        else 0
        for number in range(0x10000)
    ],
    dtype=np.int8,
)
_CLASS: Final = ' class="'
_NAMING: Final = tuple(
    (mark, len(mark)) for mark in (_CLASS, ' id="', ' role="', ' itemprop="', ' data-component="', ' data-type="')
)
_HIDING: Final = re.compile(r' style="[^"]*display\s*:\s*none')
_HREF: Final = re.compile(r'(?:^|\s)href="([^"]*)"')
_SPLIT_WORDS: Final = re.compile(r"[a-z]+")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# What class names say. A word of a class or id that starts with one of these sets the group's bit; groups are the
# features of the block model, so their order is part of the model's format.
WORD_GROUPS: Final[tuple[tuple[str, str], ...]] = (
    (
        "article",
        """article artikel articulo articolo artigo artikkel artykul story post entry news noticia nachricht nyhet
        nieuws haber""",
    ),
    (
        "body",
        """body bodytext articlebody maincontent content contenu contenido contenuto inhalt inhoud text texto texte
        testo tekst brodtekst broedtekst copy prose wysiwyg richtext rte tresc icerik""",
    ),
    ("paragraph", "paragraph para absatz paragraf"),
    (
        "lead",
        """lead lede intro standfirst chapo chapeau teaser summary abstract dek deck subtitle subheadline sapo
        excerpt description anons ingress manchet zajawka spot""",
    ),
    ("headline", "headline title titel titulo titre heading"),
    (
        "related",
        """related more recommend recirc similar also mehr weitere trending popular latest recent most readmore
        outbrain taboola next read upnext relatert relaterade gerelateerd relacionadas relacionados correlati lees
        lire leggi""",
    ),
    (
        "comment",
        """comment kommentar kommentarer comentario commento commentaire reactie yorum disqus respond reply replies
        discussion coral reader feedback""",
    ),
    ("nav", "nav menu breadcrumb pagination pager skip toc topbar navbar toolbar tab tabs megamenu"),
    ("footer", "footer foot bottom colophon copyright legal imprint"),
    ("header", "header masthead top site branding logo"),
    ("side", "sidebar side aside rail widget column sticky secondary"),
    ("social", "social share sharing follow facebook twitter whatsapp addtoany bookmark teilen"),
    (
        "letter",
        """newsletter subscribe subscription signup abo paywall regwall premium membership donate donation
        promo cta register login offer upsell piano nieuwsbrief nyhetsbrev infolettre suscripcion""",
    ),
    (
        "ad",
        """ad ads advert advertisement advertorial sponsor sponsored banner werbung anzeige annonse annons reklam
        reklama publicidad publicite pubblicita adslot dfp gpt promoted affiliate""",
    ),
    (
        "caption",
        """caption figcaption figure credit photo image img media gallery slideshow slide legend carousel foto
        picture video player bildunterschrift audio""",
    ),
    ("author", "author byline bio autor contributor profile writer avatar redakteur journalist signature"),
    (
        "meta",
        """meta date time timestamp info published publish dateline posted updated datum fecha kicker category
        rubric eyebrow""",
    ),
    ("tags", "tag tags topic topics keyword keywords label labels hashtag"),
    (
        "consent",
        """cookie cookies consent gdpr ccpa privacy cmp onetrust ot optanon didomi usercentrics cookiebot truste
        optout modal popup overlay lightbox notice""",
    ),
    ("hidden", "hidden hide sr visually invisible screenreader offscreen none"),
    (
        "quote",
        """quote blockquote pullquote pull tweet twitter embed embedded instagram factbox infobox faktaboks faktaruta
        kasten encadre box inset""",
    ),
    ("list", "list listing feed grid card cards item items archive river stream collection"),
    ("live", "live ticker liveblog update entry key"),
    ("correction", "correction footnote endnote disclaimer editor disclosure note"),
)
GROUP_NAMES: Final = tuple(name for name, _ in WORD_GROUPS)
_ALL_GROUPS: Final = (1 << len(WORD_GROUPS)) - 1
_GROUP_OF: Final = {word: 1 << number for number, (_, words) in enumerate(WORD_GROUPS) for word in words.split()}
_GROUP_OF_WORD: Final = {f"{word}s": bit for word, bit in _GROUP_OF.items()} | _GROUP_OF

# Elements that say what they hold. Same remark.
TAG_NAMES: Final = _words(
    """article main section aside nav footer header figure figcaption blockquote ul ol li table form h1 h2 h3 h4 h5 h6
    p dl pre address details amp-ad center"""
)
_TAG_NUMBER: Final = {name: number for number, name in enumerate(TAG_NAMES, 1)}
_BIT_OF_NUMBER: Final = np.array([0, *(1 << number for number in range(len(TAG_NAMES)))], dtype=np.int64)
LEAVES: Final = ("p", "div", "li", "h1", "h2", "h3", "h4", "td", "br", "figcaption", "section", "blockquote", "other")
_LEAF_OF: Final = {name: number for number, name in enumerate(LEAVES)}
_OTHER: Final = len(LEAVES) - 1
_VOID: Final = frozenset(("br", "hr", "img", "col", "frame", "image"))

_INLINE_CODE, _OPEN, _CLOSE, _BREAK, _LINE_BREAK, _LINK, _LINK_END = range(7)
_MEMO_LIMIT: Final = 50_000

Ints = npt.NDArray[np.int64]


@dataclass
class Blocks:
    """The lines of a page; row n of each column is line n of the flattened page."""

    texts: list[str]
    columns: Ints
    """A row for each of COLUMNS, in that order."""
    markup: str
    """The page as the parser writes it, without what is dropped."""
    pieces: list[str | None]
    """What the page's markup was split into: text and tags in turn; None for a comment."""
    tokens: Ints
    """Where in `pieces` each line was made (first, and one past the last), for its links."""
    elements: Ints
    """A column for each element, number 0 being the page: the element around it, and its place in TAG_NAMES plus 1."""
    around: Ints
    """The element that each line stands in."""

    @cached_property
    def leaves(self) -> list[int]:
        """The element each line stands in, as an index of LEAVES; "br" for what follows a line break."""
        return self.columns[LEAF].tolist()

    @cached_property
    def tags(self) -> list[int]:
        """The elements around each line, as bits over TAG_NAMES."""
        return self.columns[TAGS].tolist()

    @cached_property
    def groups(self) -> list[int]:
        """What the class names of all elements around each line say, as bits over WORD_GROUPS."""
        return self.columns[GROUPS].tolist()

    @cached_property
    def near(self) -> list[int]:
        """The same for the element itself and its parent alone."""
        return self.columns[NEAR].tolist()

    @cached_property
    def link_chars(self) -> list[int]:
        """How many characters stood inside links, before white space was folded."""
        return self.columns[LINK_CHARS].tolist()

    @cached_property
    def raw_chars(self) -> list[int]:
        """How many characters there were, before white space was folded."""
        return self.columns[RAW_CHARS].tolist()

    @property
    def flattened(self) -> str:
        """The flattened page."""
        return "\n".join(self.texts)

    def starts(self) -> list[int]:
        """Where in the flattened page each line starts."""
        starts: list[int] = []
        position = 0
        for text in self.texts:
            starts.append(position)
            position += len(text) + 1
        return starts

    def count(self, name: str) -> int:
        """How many elements of this name (one of TAG_NAMES) the page has."""
        return int(np.count_nonzero(self.elements[1] == _TAG_NUMBER[name]))

    def lines_of(self, name: str) -> list[tuple[int, int]]:
        """The lines of each element of this name (one of TAG_NAMES): the first, and one past the last, in order.

        Elements without lines are left out. Linear in the elements and in how deep those of this name lie in another.
        """
        parent, names = self.elements
        is_wanted = names == _TAG_NUMBER[name]
        # the innermost around each element, itself included; each step looks twice as far up
        nearest, above = np.where(is_wanted, np.arange(len(names)), 0), parent
        while above.any():
            nearest = np.where(nearest == 0, nearest[above], nearest)
            above = above[above]
        bounds: dict[int, tuple[int, int]] = {}
        for line, element in enumerate(nearest[self.around].tolist()):
            while element:
                bounds[element] = (bounds.get(element, (line, line))[0], line + 1)
                element = int(nearest[parent[element]])
        return sorted(bounds.values())

    def links(self, line: int) -> list[tuple[str, str]]:
        """(address, words) of the links inside line `line`, as printed."""
        found: list[tuple[str, str]] = []
        first, last = self.tokens[:, line].tolist()
        address, words = "", list[str]()
        # a link ends with its element, with the line, or where another begins
        for place, piece in enumerate((*self.pieces[first:last], "/a")):
            if piece is None:
                continue
            if place % 2 == 0 and place < last - first:
                words.append(piece)
                continue
            is_link = piece.startswith("a ")
            if is_link or piece == "/a":
                printed = " ".join(html_entities.unescape("".join(words)).split())
                if address and printed:
                    found.append((address, printed))
                match = _HREF.search(piece) if is_link else None
                address = html_entities.unescape(match.group(1)) if match else ""
                words.clear()
        return found


COLUMNS: Final = (
    "leaf", "tags", "groups", "near", "parent", "grandparent", "kind", "depth", "link_chars", "raw_chars"
)  # fmt: skip
LEAF, TAGS, GROUPS, NEAR, PARENT, GRANDPARENT, KIND, DEPTH, LINK_CHARS, RAW_CHARS = range(10)
# parent, grandparent: number of the element around the line's element, and of that around it; lines with one parent
# are siblings. kind: lines of equal elements in equal elements (tag and attributes) have one number.


def bounded(html: str) -> str:
    """`html` without what makes parsers slow: nesting past MAX_DEPTH, and tags with thousands of attributes.

    One pass over the tags, and only for pages with very many of them; ordinary pages come back as they are.
    """
    if "\x00" in html:
        html = html.replace("\x00", "")
    if len(html) < _MANY_ATTRIBUTES:
        return html
    if html.count("=") > _MANY_ATTRIBUTES:
        html = _FAT_TAG.sub(_slimmed, html)
    if len(html) < 3 * _DEEP_SCAN or html.count("<") < _DEEP_SCAN:
        return html
    depth, pieces, position = 0, list[str](), 0
    for match in _ANY_TAG.finditer(html):
        closing, name, attributes = match.groups()
        if name.lower() in _NO_NESTING or attributes.endswith("/"):
            continue
        if closing:
            depth = max(0, depth - 1)
            continue
        depth += 1
        if depth > MAX_DEPTH:
            pieces.append(html[position : match.start()])
            pieces.append("\n")
            position = match.end()
    if not pieces:
        return html
    pieces.append(html[position:])
    return "".join(pieces)


def _slimmed(match: re.Match[str]) -> str:
    return f"<{match.group(1)}>" if match.group(0).count("=") > MAX_ATTRIBUTES else match.group(0)


def parse(html: str) -> LexborHTMLParser:
    """The tree of `html` as browsers build it; never fails on a string, fetches nothing, runs nothing."""
    try:
        page = html.encode()
    except UnicodeEncodeError:
        page = well_formed(html).encode()
    signs = np.frombuffer(page, dtype=np.uint8)
    # counting bytes in an array is four times as fast as looking into the string
    if (
        len(page) >= _MANY_ATTRIBUTES
        and (np.count_nonzero(signs == _EQUALS) > _MANY_ATTRIBUTES or np.count_nonzero(signs == _LESS) >= _DEEP_SCAN)
    ) or b"\0" in page:
        page = bounded(page.decode()).encode()
    return LexborHTMLParser(page)


def blocks_of(tree: LexborHTMLParser) -> Blocks:
    """The lines of a parsed page. Changes `tree`: read what you need from it before."""
    # one look over the tree: strip_tags takes one a name
    for node in tree.css(_DROPPED):
        node.decompose()
    body = tree.body
    return _split((body.html if body is not None else tree.html) or "")


class _Memo(dict[str | None, int]):
    """What a tag does and what its attributes say, by the tag as it is written."""

    def __missing__(self, tag: str) -> int:
        name, space, _ = tag.partition(" ")
        read = _name_memo[name]
        if read & 7 != _OPEN:
            # links' and pictures' addresses differ, so they are not remembered
            if not space:
                self[tag] = read
            return read
        if space:
            at = len(name) + 8
            # half of all tags have a class and nothing else; the parser writes every value in quotes, and quotes
            # inside one as &quot;
            if tag.startswith(_CLASS, at - 8) and tag.find('"', at) == len(tag) - 1:
                for each in tag[at:-1].split():
                    read |= _group_memo[each]
                name = tag
            else:
                name, groups = _read_attributes(tag, name)
                read |= groups
        read |= _alike.setdefault(name, len(_alike) + 1) << _ALIKE_AT
        self[tag] = read
        return read


class _NameMemo(dict[str, int]):
    """What elements do, by their names (with a slash for the end of one)."""

    def __missing__(self, name: str) -> int:
        if name.strip("/ ") in _PASSED:
            read = _INLINE_CODE
        elif name.startswith("/"):
            read = _LINK_END if name.strip("/ ") == "a" else _CLOSE
        elif name == "a":
            read = _LINK
        elif name in _VOID:
            read = _LINE_BREAK if name == "br" else _BREAK
        else:
            read = _OPEN | _LEAF_OF.get(name, _OTHER) << _LEAF_AT | _TAG_NUMBER.get(name, 0) << _NAME_AT
        self[name] = read
        return read


class _GroupMemo(dict[str, int]):
    """The groups that the words of a class name belong to, by the name; their bits where tags have them."""

    def __missing__(self, name: str) -> int:
        groups = 0
        for word in _SPLIT_WORDS.findall(name if name.islower() else _CAMEL.sub("-", name).lower()):
            if word in _GROUP_OF_WORD:
                groups |= _GROUP_OF_WORD[word] << _GROUPS_AT
        self[name] = groups
        return groups


# a tag as one number: from the lowest bit what it does, its leaf, its element's place in TAG_NAMES (one more than),
# what its attributes say over WORD_GROUPS, and a number that equal elements of equal classes have in common
_LEAF_AT, _NAME_AT, _GROUPS_AT, _ALIKE_AT = 3, 7, 13, 37
_memo = _Memo({None: _INLINE_CODE})
_name_memo = _NameMemo()
_group_memo = _GroupMemo()
_alike: dict[str, int] = {}


def _read_attributes(tag: str, name: str) -> tuple[str, int]:
    groups = 0
    for mark, length in _NAMING:
        if mark in tag:
            at = tag.find(mark) + length
            value = tag[at : tag.find('"', at)]
            if mark is _CLASS:
                # as the tag is written that has nothing else
                name = f'{name} class="{value}"'
            for each in value.split():
                groups |= _group_memo[each]
    if ('idden="' in tag and _is_hidden(tag)) or ("none" in tag and _HIDING.search(tag)):
        groups |= _GROUP_OF["hidden"] << _GROUPS_AT
    return name, groups


def _is_hidden(tag: str) -> bool:
    return ' hidden="' in tag or (' aria-hidden="' in tag and ' aria-hidden="false"' not in tag)


def forget() -> None:
    """Empty the memos of tags, which are bounded anyway: called now and then so that old sites' classes make room."""
    for memo in (_memo, _name_memo, _group_memo, _alike):
        memo.clear()
    _memo[None] = _INLINE_CODE


def _split(markup: str) -> Blocks:
    if len(_memo) > _MEMO_LIMIT or len(_group_memo) > _MEMO_LIMIT:
        forget()
    pieces = _TAG.split(markup)
    texts = pieces[0::2]
    # the end of the page ends a line as a tag does
    tags = np.fromiter(map(_memo.__getitem__, pieces[1::2]), dtype=np.int64, count=len(pieces) // 2)
    solid = [place for place, text in enumerate(texts) if text and not text.isspace()]
    if not solid:
        nothing = np.zeros((len(COLUMNS), 0), dtype=np.int64)
        return Blocks([], nothing, markup, pieces, nothing[:2], nothing[:2], nothing[0])
    action = tags & 7
    opens, closes = action == _OPEN, action == _CLOSE
    ends_line = (action >= _OPEN) & (action <= _LINE_BREAK)

    # lines: texts between two tags that end one. What stands at place n comes after tag n - 1
    places = np.array(solid, dtype=np.int64)
    segment = np.concatenate(([0], np.cumsum(ends_line)))[places]
    begins = np.flatnonzero(np.concatenate(([True], segment[1:] != segment[:-1])))
    last = np.append(begins[1:], len(places)) - 1
    first_text, last_text, segment = places[begins], places[last], segment[begins]
    raws = [
        texts[low] if low == high else "".join(texts[low : high + 1])
        for low, high in zip(first_text.tolist(), last_text.tolist(), strict=True)
    ]
    lengths = np.fromiter((len(texts[place]) for place in solid), dtype=np.int64, count=len(solid))
    in_link = np.concatenate(([0], np.cumsum((action == _LINK).astype(np.int64) - (action == _LINK_END))))[places] > 0

    # elements: number 0 is the page, the others are the opening tags in turn
    depth = np.concatenate(([1], 1 + np.cumsum(opens.astype(np.int64) - closes)))  # after tag n - 1
    opened = np.flatnonzero(opens)
    created = depth[opened + 1]
    size = len(tags) + 1
    order = np.argsort(created * size + opened)
    keys = (created * size + opened)[order]

    def open_at(level: Ints, before: Ints) -> Ints:
        """The element open at depth `level` (the page is at 1) where tag `before` comes next."""
        found = np.searchsorted(keys, level * size + before) - 1
        return np.where(level > 1, order[np.maximum(found, 0)] + 1 if len(order) else 0, 0)

    parent = np.concatenate(([0], open_at(created - 1, opened)))
    codes = np.concatenate(([_OTHER << _LEAF_AT], tags[opened]))
    own = codes >> _GROUPS_AT & _ALL_GROUPS
    names = codes >> _NAME_AT & 63
    bits = _BIT_OF_NUMBER[names]
    groups, above = own.copy(), parent
    # what all elements around say: each step looks twice as far up
    while above.any():
        bits = bits | bits[above]
        groups = groups | groups[above]
        above = above[above]

    line_depth = depth[first_text]
    top = open_at(line_depth, first_text)
    around = parent[top]
    columns = np.empty((len(COLUMNS), len(raws)), dtype=np.int64)
    boundaries = np.concatenate(([-1], np.flatnonzero(ends_line), [len(tags)]))
    starts_at = boundaries[segment]
    after_break = (starts_at >= 0) & (action[np.maximum(starts_at, 0)] == _LINE_BREAK) if len(tags) else False
    columns[LEAF] = np.where(after_break, _LEAF_OF["br"], codes[top] >> _LEAF_AT & 15)
    columns[TAGS], columns[GROUPS] = bits[top], groups[top]
    columns[NEAR] = own[top] | own[around]
    columns[PARENT], columns[GRANDPARENT] = around, parent[around]
    alike = codes >> _ALIKE_AT
    kinds: dict[tuple[int, int], int] = {}
    columns[KIND] = [
        kinds.setdefault(pair, len(kinds)) for pair in zip(alike[top].tolist(), alike[around].tolist(), strict=True)
    ]
    columns[DEPTH] = line_depth
    columns[RAW_CHARS] = np.add.reduceat(lengths, begins)
    columns[LINK_CHARS] = np.add.reduceat(np.where(in_link, lengths, 0), begins)
    # pieces: tag n is piece 2 n + 1
    tokens = np.stack((2 * starts_at + 2, 2 * boundaries[segment + 1] + 1))
    lines = _lines(raws)
    kept = [place for place, line in enumerate(lines) if line]
    if len(kept) < len(lines):
        lines = [lines[place] for place in kept]
        tokens = tokens[:, kept]
        top = top[kept]
        columns = np.ascontiguousarray(columns[:, kept])
    return Blocks(lines, columns, markup, pieces, tokens, np.stack((parent, names)), top)


def _lines(raws: list[str]) -> list[str]:
    """The lines that pieces of markup without tags print; some can be empty."""
    lines: list[str] = []
    for raw in raws:
        if "&" in raw:
            # all that the parser writes
            raw = raw.replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"')
            raw = raw.replace("&amp;", "&")
        line = raw.strip()
        # most lines hold single spaces alone: looking is a fifth of folding
        lines.append(" ".join(line.split()) if "\n" in line or "  " in line or "\t" in line else line)
    page = "\n".join(lines)
    # a table look-up is ten times as fast as a regular expression
    found = _ODD.take(np.frombuffer(page.encode("utf-32-le"), dtype=np.uint32), mode="clip")
    if found.any():
        if (found == _ODD_SPACE).any():
            lines = [" ".join(line.split()) for line in lines]
            page = "\n".join(lines)
        if (found == _ODD_UNSEEN).any():
            blank = " " if page.isascii() else ""
            page = "\n".join(" ".join(_UNSEEN.sub(blank, line).split()) for line in lines)
    return (page if page.isascii() else unicodedata.normalize("NFC", page)).split("\n")

r"""A page's HTML flattened to blocks of text: the one rule, `html_lines_1`, that all spans of an HTML page refer to.

The rule: parse as browsers do (lexbor); take away elements whose text nobody reads (scripts, styles, forms' controls,
fallbacks); every remaining element but inline ones, and every `<br>`, ends a line; white space is folded, control and
invisible characters go; empty lines go; the lines, in document order, are joined by "\n".
"""

from __future__ import annotations

import html as html_entities
import re
from dataclasses import dataclass, field
from typing import Final

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
_ANY_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]*)((?:[^>\"']|\"[^\"]*\"|'[^']*')*)>")
_FAT_TAG: Final = re.compile(r"<([a-zA-Z][a-zA-Z0-9:-]*)\s[^<>]{4000,}>")
_NO_NESTING: Final = frozenset(
    _words("""br hr img input meta link wbr area base col embed source track param p option a b i em strong span""")
)
_DROPPED: Final = ",".join(_DROP)
_INLINE_NAMES: Final = "|".join(_INLINE)
# in what the parser writes, "<" and ">" stand in tags alone
_TAG: Final = re.compile(rf"<(?!/?(?:{_INLINE_NAMES})[ >])([^>]*)>")
_INLINE_TAG: Final = re.compile(r"<[^>]*>")
_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_UNSEEN: Final = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b\u2060\ufeff]")
_ATTRIBUTE: Final = re.compile(
    r'(?:^|\s)(class|id|role|itemprop|style|hidden|aria-hidden|data-component|data-type)="([^"]*)"'
)
_HREF: Final = re.compile(r'(?:^|\s)href="([^"]*)"')
_SPLIT_WORDS: Final = re.compile(r"[a-z]+")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# What class names say. A word of a class or id that starts with one of these sets the group's bit; groups are the
# features of the block model, so their order is part of the model's format.
WORD_GROUPS: Final[tuple[tuple[str, str], ...]] = (
    ("article", "article artikel articulo articolo artigo story post entry news noticia nachricht"),
    ("body", "body content contenu inhalt text texto texte copy prose wysiwyg richtext rte"),
    ("paragraph", "paragraph para absatz paragraf"),
    (
        "lead",
        """lead lede intro standfirst chapo chapeau teaser summary abstract dek deck subtitle subheadline sapo
        excerpt description anons""",
    ),
    ("headline", "headline title titel titulo titre heading"),
    (
        "related",
        """related more recommend recirc similar also mehr weitere trending popular latest recent most readmore
        outbrain taboola next read upnext""",
    ),
    ("comment", "comment kommentar disqus respond reply replies discussion coral reader feedback"),
    ("nav", "nav menu breadcrumb pagination pager skip toc topbar navbar toolbar tab tabs megamenu"),
    ("footer", "footer foot bottom colophon copyright legal imprint"),
    ("header", "header masthead top site branding logo"),
    ("side", "sidebar side aside rail widget column sticky secondary"),
    ("social", "social share sharing follow facebook twitter whatsapp addtoany bookmark teilen"),
    (
        "letter",
        """newsletter subscribe subscription signup abo paywall regwall premium membership donate donation
        promo cta register login offer upsell piano""",
    ),
    (
        "ad",
        """ad ads advert advertisement sponsor sponsored banner werbung publicidad adslot dfp gpt promoted""",
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
    ("consent", "cookie consent gdpr privacy cmp modal popup overlay lightbox notice"),
    ("hidden", "hidden hide sr visually invisible screenreader offscreen none"),
    ("quote", "quote blockquote pullquote pull tweet embed instagram factbox infobox box inset"),
    ("list", "list listing feed grid card cards item items archive river stream collection"),
    ("live", "live ticker liveblog update entry key"),
    ("correction", "correction footnote endnote disclaimer editor disclosure note"),
)
GROUP_NAMES: Final = tuple(name for name, _ in WORD_GROUPS)
_GROUP_OF: Final = {word: 1 << number for number, (_, words) in enumerate(WORD_GROUPS) for word in words.split()}

# Elements that say what they hold. Same remark.
TAG_NAMES: Final = _words(
    """article main section aside nav footer header figure figcaption blockquote ul ol li table form h1 h2 h3 h4 h5 h6
    p dl pre address details amp-ad center"""
)
_TAG_BIT: Final = {name: 1 << number for number, name in enumerate(TAG_NAMES)}
LEAVES: Final = ("p", "div", "li", "h1", "h2", "h3", "h4", "td", "br", "figcaption", "section", "blockquote", "other")
_LEAF_OF: Final = {name: number for number, name in enumerate(LEAVES)}
_OTHER: Final = len(LEAVES) - 1
_VOID: Final = frozenset(("br", "hr", "img", "col", "frame", "image"))

_OPEN, _CLOSE, _BREAK, _LINK, _LINK_END = range(5)
_MEMO_LIMIT: Final = 50_000


@dataclass(slots=True)
class Blocks:
    """The lines of a page, column by column; row n is line n of the flattened page."""

    texts: list[str] = field(default_factory=list[str])
    leaves: list[int] = field(default_factory=list[int])
    """The element a line stands in, as an index of LEAVES; "br" for what follows a line break."""
    tags: list[int] = field(default_factory=list[int])
    """The elements around the line, as bits over TAG_NAMES."""
    groups: list[int] = field(default_factory=list[int])
    """What the class names of all elements around the line say, as bits over WORD_GROUPS."""
    near: list[int] = field(default_factory=list[int])
    """The same for the element itself and its parent alone."""
    parents: list[int] = field(default_factory=list[int])
    """Number of the element around the line's element: lines with one parent are siblings."""
    grandparents: list[int] = field(default_factory=list[int])
    kinds: list[int] = field(default_factory=list[int])
    """Lines of equal elements in equal elements (tag and classes) have one number."""
    depths: list[int] = field(default_factory=list[int])
    link_chars: list[int] = field(default_factory=list[int])
    """How many characters stood inside links, before white space was folded."""
    raw_chars: list[int] = field(default_factory=list[int])
    tokens: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Where in `pieces` the line was made, for its links."""
    pieces: list[str] = field(default_factory=list[str])

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

    def links(self, line: int) -> list[tuple[str, str]]:
        """(address, words) of the links inside line `line`, as printed."""
        found: list[tuple[str, str]] = []
        first, last = self.tokens[line]
        for token in range(first, last):
            piece = self.pieces[token]
            if token % 2 == 1 and piece.startswith("a "):
                match = _HREF.search(piece)
                words = " ".join(html_entities.unescape(_INLINE_TAG.sub("", self.pieces[token + 1])).split())
                if match and words:
                    found.append((html_entities.unescape(match.group(1)), words))
        return found


def bounded(html: str) -> str:
    """`html` without what makes parsers slow: nesting past MAX_DEPTH, and tags with thousands of attributes.

    One pass over the tags, and only for pages with very many of them; ordinary pages come back as they are.
    """
    if "\x00" in html:
        html = html.replace("\x00", "")
    if html.count("=") > _MANY_ATTRIBUTES:
        html = _FAT_TAG.sub(_slimmed, html)
    if html.count("<") < _DEEP_SCAN:
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
    return LexborHTMLParser(bounded(html))


def blocks_of(tree: LexborHTMLParser) -> Blocks:
    """The lines of a parsed page. Changes `tree`: read what you need from it before."""
    # one look over the tree: strip_tags takes one a name
    for node in tree.css(_DROPPED):
        node.decompose()
    body = tree.body
    markup = (body.html if body is not None else tree.html) or ""
    if "<!--" in markup:
        markup = _COMMENT.sub("", markup)
    return _split(markup)


_memo: dict[str, tuple[int, str, int, int]] = {}


def _read_tag(tag: str) -> tuple[int, str, int, int]:
    """What a tag does (open, close, …), its element's name, and what its attributes say as bits over WORD_GROUPS."""
    if tag.startswith("/"):
        name = tag[1:].strip()
        read = (_LINK_END if name == "a" else _CLOSE, name, 0, 0)
    else:
        name = tag.split(None, 1)[0] if tag else ""
        if name == "a":
            read = (_LINK, name, 0, 0)
        elif name in _VOID:
            read = (_BREAK, name, 0, 0)
        else:
            groups = _groups_of(tag[len(name) :]) if " " in tag else 0
            read = (_OPEN, name, groups, _TAG_BIT.get(name, 0))
    if len(_memo) >= _MEMO_LIMIT:
        _memo.clear()
    _memo[tag] = read
    return read


def _groups_of(attributes: str) -> int:
    groups = 0
    for match in _ATTRIBUTE.finditer(attributes):
        kind, value = match.groups()
        if kind == "style":
            if "display:none" in value.replace(" ", ""):
                groups |= _GROUP_OF["hidden"]
        elif kind in ("hidden", "aria-hidden"):
            if value != "false":
                groups |= _GROUP_OF["hidden"]
        else:
            for word in _SPLIT_WORDS.findall(_CAMEL.sub("-", value).lower()):
                bit = _GROUP_OF.get(word) or _GROUP_OF.get(word[:-1] if word.endswith("s") else "")
                if bit:
                    groups |= bit
    return groups


def forget() -> None:
    """Empty the memo of tags, which is bounded anyway: called now and then so that old sites' classes make room."""
    _memo.clear()


def _split(markup: str) -> Blocks:
    blocks = Blocks()
    pieces = _TAG.split(markup)
    blocks.pieces = pieces
    texts, leaves, tags, groups, near = blocks.texts, blocks.leaves, blocks.tags, blocks.groups, blocks.near
    parents, grandparents, kinds, depths = blocks.parents, blocks.grandparents, blocks.kinds, blocks.depths
    link_chars, raw_chars, tokens = blocks.link_chars, blocks.raw_chars, blocks.tokens
    memo = _memo.get
    kind_numbers: dict[tuple[str, str], int] = {}
    # one entry an open element: tag, leaf, tag bits, group bits, own and parent's bits, own bits, number
    stack: list[tuple[str, int, int, int, int, int, int]] = [("", _OTHER, 0, 0, 0, 0, 0)]
    top = stack[0]
    elements = 0
    held: list[str] = []
    linked = raw = in_link = first = 0
    after_break = False
    count = len(pieces)
    for index in range(0, count, 2):
        text = pieces[index]
        if "<" in text:
            text = _INLINE_TAG.sub("", text)
        if text and not text.isspace():
            if not held:
                first = index
            held.append(text)
            raw += len(text)
            if in_link:
                linked += len(text)
        elif text and held:
            held.append(" ")
        if index + 1 < count:
            tag = pieces[index + 1]
            # links' addresses differ, so they are not remembered
            if tag[:2] == "a ":
                if not held:
                    first = index
                in_link += 1
                continue
            action, name, own, bit = memo(tag) or _read_tag(tag)
            if action == _LINK_END:
                in_link -= in_link > 0
                continue
            if action == _LINK:
                in_link += 1
                continue
        else:
            tag, action, name, own, bit = "", _BREAK, "", 0, 0
        if held:
            line = "".join(held)
            held.clear()
            if "&" in line:
                line = html_entities.unescape(line)
            line = " ".join(line.split())
            if not line.isascii():
                line = well_formed(" ".join(_UNSEEN.sub("", line).split()))
            elif not line.isprintable():
                line = " ".join(_UNSEEN.sub(" ", line).split())
            if line:
                texts.append(line)
                leaves.append(_LEAF_OF["br"] if after_break else top[1])
                tags.append(top[2])
                groups.append(top[3])
                near.append(top[4])
                parent = stack[-2] if len(stack) > 1 else top
                parents.append(parent[6])
                grandparents.append(stack[-3][6] if len(stack) > 2 else 0)
                kind = (top[0], parent[0])
                number = kind_numbers.get(kind)
                if number is None:
                    number = kind_numbers[kind] = len(kind_numbers)
                kinds.append(number)
                depths.append(len(stack))
                link_chars.append(linked)
                raw_chars.append(raw)
                tokens.append((first, index + 1))
            linked = raw = 0
        after_break = False
        if action == _OPEN:
            elements += 1
            top = (
                tag,
                _LEAF_OF.get(name, _OTHER),
                top[2] | bit,
                top[3] | own,
                own | top[5],
                own,
                elements,
            )
            stack.append(top)
        elif action == _CLOSE:
            if len(stack) > 1:
                stack.pop()
                top = stack[-1]
        elif name == "br":
            after_break = True
    return blocks

"""HTML pages: the flattening rule, the choice of the body, the ledger, and pages made to break parsers."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.cleaner.html_blocks import GROUP_NAMES, LEAVES, MAX_DEPTH, TAG_NAMES, blocks_of, bounded, forget, parse
from services.cleaner.html_pages import NoArticle, lines_in, read_html_page
from services.cleaner.ledger import flatten_text, unaccounted
from services.cleaner.outlets import OutletRegistry, RegisteredOutlet
from services.cleaner.parts import Hints, PageParts

FETCHED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
REGISTRY = OutletRegistry(
    [
        RegisteredOutlet(id="harbour-gazette", name="Harbour Gazette", domain="harbour-gazette.example", country="GB"),
        RegisteredOutlet(id="orrin-press", name="Orrin Press", domain="orrin.example", is_agency=True),
        RegisteredOutlet(id="newsheap", name="Newsheap", domain="newsheap.example", is_aggregator=True),
    ]
)
PARAGRAPHS = [
    "The harbour council voted on Monday to open the northern bridge to cyclists, after a debate of six hours.",
    "Supporters said the plan would cut traffic by a fifth, while shopkeepers feared to lose forty parking bays.",
    "“We have waited eleven years for this,” said Maren Tollgate, who leads the council’s transport committee.",
    "Work is due to begin in May and to end before the autumn regatta, the council’s engineer told reporters.",
    "The cost, put at 3.4 million pounds, is to be shared between the town and the county over three years.",
]
HEADLINE = "Northern bridge opens to cyclists after six-hour debate"


def page(body: str, head: str = "", title: str = HEADLINE) -> str:
    return f"<!doctype html><html lang=en><head><title>{title}</title>{head}</head><body>{body}</body></html>"


def article(extra: str = "", before: str = "") -> str:
    inner = "".join(f"<p>{text}</p>" for text in PARAGRAPHS)
    return f"{before}<main><article><h1>{HEADLINE}</h1>{inner}{extra}</article></main>"


def read(
    html: str, url: str = "https://www.harbour-gazette.example/news/bridge-1", **hints: str
) -> PageParts | NoArticle:
    return read_html_page(html, url=url, fetched_at=FETCHED, registry=REGISTRY, hints=Hints(**hints))


def parts(html: str, **arguments: str) -> PageParts:
    found = read(html, **arguments)
    assert isinstance(found, PageParts), found
    assert unaccounted(found) == []
    return found


# -- the rule html_lines_1


def lines(html: str) -> list[str]:
    return blocks_of(parse(html)).texts


@pytest.mark.parametrize(
    ("html", "flattened"),
    [
        ("<p>one<p>two", ["one", "two"]),
        ("<div>one<br>two<br/>three</div>", ["one", "two", "three"]),
        ("<p>a <b>bold</b> and <span>plain</span> word</p>", ["a bold and plain word"]),
        ("<p>un<i>brok</i>en</p>", ["unbroken"]),
        ("<p>a <a href='/x'>link</a>, linked</p>", ["a link, linked"]),
        ("<ul><li>x<li>y</ul>", ["x", "y"]),
        ("<table><tr><td>x<td>y</table>", ["x", "y"]),
        ("<p>1 &lt; 2 &amp;&amp; 3 &gt; 2</p>", ["1 < 2 && 3 > 2"]),
        ("<p>fold   white\n\t space\xa0now</p>", ["fold white space now"]),
        ("<p>soft\xadhyphen zero\u200bwidth</p>", ["softhyphen zerowidth"]),
        ("<p>x</p><script>var y = '<p>no</p>'</script><style>p{}</style><p>z</p>", ["x", "z"]),
        ("<p>x</p><noscript><p>no</p></noscript><template>no</template><svg><text>no</text></svg>", ["x"]),
        ("<p>x<!-- <p>no</p> --> y</p>", ["x y"]),
        ("<p>x</p><button>Share</button><select><option>1</select>", ["x"]),
        ("<div>a<div>b<div>c</div>d</div>e</div>", ["a", "b", "c", "d", "e"]),
        ("<p>e\u0301t\u00e9</p>", ["\u00e9t\u00e9"]),
        ("", []),
        ("<frameset><frame src=x></frameset>", []),
        ("just text", ["just text"]),
        ("<p>a\x00b</p>", ["ab"]),
    ],
)
def test_html_is_flattened_by_one_rule(html: str, flattened: list[str]) -> None:
    assert lines(html) == flattened


def test_flattened_html_is_flat_text_already() -> None:
    flat = blocks_of(parse(page(article("<p>x\x85y\u2028z\x0b \xad e\u0301</p>")))).flattened
    assert flatten_text(flat) == flat


@given(st.text(alphabet=st.sampled_from("<>/pdivabr='\" &;#x1é\u0301\u200b\n\x00span"), max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_markup_is_flattened(html: str) -> None:
    flat = blocks_of(parse(html)).flattened
    assert flatten_text(flat) == flat
    assert all(line.strip() == line and line for line in flat.split("\n")) or flat == ""


def test_links_keep_their_addresses() -> None:
    blocks = blocks_of(
        parse('<p>see <a class=x href="/a?b=1&amp;c=2">the <b>report</b></a> and <a href="/d">this</a></p>')
    )
    assert blocks.links(0) == [("/a?b=1&c=2", "the report"), ("/d", "this")]


def test_a_link_at_the_start_or_the_end_of_a_line_keeps_its_address() -> None:
    blocks = blocks_of(parse('<p><a href="/a">First</a> word</p><p>the <a href="/b">last<!-- x --></a></p>tail'))
    assert [blocks.links(line) for line in range(3)] == [[("/a", "First")], [("/b", "last")], []]
    assert blocks.link_chars == [5, 4, 0]


def test_what_the_elements_around_a_line_say_is_known() -> None:
    html = "<div class='article-body'><p>one<section id=comments hidden><p>two<br>three</section></div><p>four"
    blocks = blocks_of(parse(html))
    said = [{name for bit, name in enumerate(GROUP_NAMES) if groups >> bit & 1} for groups in blocks.groups]
    assert said == [{"article", "body"}, *[{"article", "body", "comment", "hidden"}] * 2, set()]
    assert [LEAVES[leaf] for leaf in blocks.leaves] == ["p", "p", "br", "p"]
    near = [{name for bit, name in enumerate(GROUP_NAMES) if groups >> bit & 1} for groups in blocks.near]
    assert near == [{"article", "body"}, *[{"comment", "hidden"}] * 2, set()]
    tags = [{name for bit, name in enumerate(TAG_NAMES) if tags >> bit & 1} for tags in blocks.tags]
    assert tags == [{"p"}, {"p", "section"}, {"p", "section"}, {"p"}]


def test_what_was_read_before_changes_nothing() -> None:
    pages = [page(f"<div class='a{number} story' id=x{number}>{article()}</div>") for number in range(3)]
    forget()
    first = [blocks_of(parse(html)) for html in pages]
    for html in reversed(pages):
        forget()
        again = blocks_of(parse(html))
        assert (again.columns == first[pages.index(html)].columns).all()


# -- bounds


def test_ordinary_pages_are_not_touched_by_the_bounds() -> None:
    html = page(article())
    assert bounded(html) is html


def test_deep_nesting_loses_tags_and_no_text() -> None:
    html = page("<div>" * 50_000 + "deep" + "</div>" * 50_000 + article())
    assert bounded(html).count("<div>") <= MAX_DEPTH
    assert parts(html).parts[0].paragraphs == tuple(PARAGRAPHS)


def test_a_tag_with_thousands_of_attributes_does_not_stop_the_parser() -> None:
    attributes = " ".join(f"a{number}=1" for number in range(60_000))
    assert parts(page(f"<div {attributes}>{article()}</div>")).parts[0].paragraphs == tuple(PARAGRAPHS)


@pytest.mark.parametrize(
    "junk",
    [
        "<p><b><i>" * 5_000,
        "<ul><li>" * 3_000,
        "<table><tr><td>" * 2_000,
        "<" * 50_000,
        "<!--" + "x" * 50_000,
        "&" * 50_000,
    ],
    ids=["formatting", "lists", "tables", "less-than", "comment", "ampersands"],
)
def test_broken_markup_after_the_article_does_not_harm_it(junk: str) -> None:
    assert parts(page(article() + junk)).parts[0].paragraphs[:5] == tuple(PARAGRAPHS)


# -- the article


def test_the_body_the_headline_and_everything_else_are_told_apart() -> None:
    found = parts(
        page(
            article(
                "<figure><figcaption>The bridge at dusk. Photo: Ida Quay</figcaption></figure>",
                "<nav><ul><li><a href=/>Home</a><li><a href=/s>Sport</a></ul></nav>",
            )
            + "<aside class=related><h3>Related</h3><ul><li><a href=/2>Ferry timetable cut again</a></ul></aside>"
            "<div class='cookie-consent'>We use cookies to improve this site.</div><footer>© Harbour Gazette</footer>"
        )
    )
    [main] = found.parts
    assert main.headline == HEADLINE
    assert main.paragraphs == tuple(PARAGRAPHS)
    kinds = {span.kind: found.flattened[span.start : span.end] for span in main.removed}
    assert "We use cookies" in kinds["consent"]
    assert "Ferry timetable" in kinds["related"]
    assert "Photo: Ida Quay" in kinds["caption"]
    assert "Home" in kinds["chrome"] or "© Harbour Gazette" in kinds["chrome"]
    [span] = main.field_spans
    assert found.flattened[span.start : span.end] == HEADLINE
    assert main.outlet is not None
    assert main.outlet.id == "harbour-gazette"
    assert main.language is not None
    assert main.language.code == "en"


def test_a_body_printed_for_desktop_and_for_phones_is_kept_once() -> None:
    both = f"<div class=desktop>{article()}</div><div class=mobile>{article()}</div>"
    assert parts(page(both)).parts[0].paragraphs == tuple(PARAGRAPHS)


def test_links_of_the_body_are_absolute_and_links_of_the_chrome_are_left_out() -> None:
    linked = PARAGRAPHS[0].replace("harbour council", "<a href='/council'>harbour council</a>")
    html = page(article().replace(PARAGRAPHS[0], linked) + "<footer><a href=/imprint>Imprint</a></footer>")
    assert [(link.url, link.text) for link in parts(html).parts[0].links] == [
        ("https://www.harbour-gazette.example/council", "harbour council")
    ]


@pytest.mark.parametrize(
    ("html", "why"),
    [
        ("", "no_article"),
        ("<html><body></body></html>", "no_article"),
        ("<html><head><script>x</script></head></html>", "no_article"),
        ("\x00\x00", "no_article"),
    ],
)
def test_a_page_without_text_gives_no_article(html: str, why: str) -> None:
    found = read(html)
    assert isinstance(found, NoArticle)
    assert found.why == why


def test_a_home_page_gives_no_article() -> None:
    teasers = "".join(
        f"<div class=teaser><h2><a href=/{n}>Headline {n}</a></h2><p>{PARAGRAPHS[n % 5]}</p></div>" for n in range(12)
    )
    found = read(page(teasers), url="https://www.harbour-gazette.example/")
    assert isinstance(found, NoArticle)
    assert found.why == "list_page"


def test_right_to_left_and_dense_scripts_are_read() -> None:
    arabic = "قال المجلس المحلي يوم الاثنين إن الجسر الشمالي سيفتح أمام الدراجات بعد نقاش استمر ست ساعات."
    chinese = "市议会星期一投票决定，在六小时的辩论之后向骑自行车的人开放北桥。工程将于五月开始，秋季赛舟会之前结束。"
    for text, code in ((arabic, "ar"), (chinese, "zh")):
        body = "".join(f"<p>{text} {number}.</p>" for number in range(6))
        main = parts(page(f"<article><h1>{text[:20]}</h1>{body}</article>")).parts[0]
        assert main.language is not None
        assert main.language.code == code
        assert len(main.paragraphs) == 6


def test_a_foreign_canonical_is_kept_as_a_sign_of_syndication() -> None:
    main = parts(page(article(), '<link rel=canonical href="https://www.orrin.example/2026/bridge">')).parts[0]
    assert main.canonical_url == "https://www.orrin.example/2026/bridge"
    assert ("wire", "Orrin Press", "foreign_canonical") in {(a.role, a.name, a.evidence) for a in main.attribution}


def test_a_paywalled_page_says_that_it_is_cut() -> None:
    ld = '<script type="application/ld+json">{"@type":"NewsArticle","headline":"%s","isAccessibleForFree":false}'
    ld += "</script>"
    main = parts(page(article(), ld % HEADLINE)).parts[0]
    assert main.truncated == "yes"
    assert "paywalled" in main.truncated_reasons


def test_other_extractors_text_is_laid_against_the_lines() -> None:
    blocks = blocks_of(parse(page(article("<p>Read more here.</p>"))))
    chosen = lines_in(blocks, "\n".join(PARAGRAPHS))
    assert [text for text, is_body in zip(blocks.texts, chosen, strict=True) if is_body] == PARAGRAPHS


def test_a_list_page_below_the_home_page_gives_no_article() -> None:
    teasers = "".join(
        f"<li class=item><h3><a href=/n/{n}>Council votes on tides, part {n}</a></h3><p>{PARAGRAPHS[n % 5]}</p></li>"
        for n in range(15)
    )
    found = read(page(f"<h1>Harbour</h1><ul>{teasers}</ul>"), url="https://www.harbour-gazette.example/topics/harbour")
    assert isinstance(found, NoArticle)
    assert found.why == "list_page"


def test_a_live_blog_keeps_its_entries() -> None:
    ld = '<script type="application/ld+json">{"@type":"LiveBlogPosting","headline":"x"}</script>'
    entries = "".join(
        f"<div class=live-entry><time>{8 + n}:15</time><h3>Update {n} from the harbour</h3><p>{PARAGRAPHS[n]}</p></div>"
        for n in range(5)
    )
    main = parts(page(f"<main><h1>{HEADLINE}</h1><div class=liveblog>{entries}</div></main>", ld)).parts[0]
    assert main.page_kind == "live"
    assert [text for text in PARAGRAPHS if text not in main.paragraphs] == []


def test_a_body_that_ends_in_an_ellipsis_may_be_cut_and_a_whole_one_is_not() -> None:
    whole = parts(page(article())).parts[0]
    assert (whole.truncated, whole.truncated_reasons) == ("no", ())
    cut = parts(page(article().replace(PARAGRAPHS[-1], PARAGRAPHS[-1][:60] + "…"))).parts[0]
    assert cut.truncated == "maybe"
    assert "ends_in_ellipsis" in cut.truncated_reasons


def test_a_body_much_shorter_than_the_markup_says_is_cut() -> None:
    body = json.dumps({"@type": "NewsArticle", "headline": "x", "articleBody": " ".join(PARAGRAPHS * 3)})
    ld = f'<script type="application/ld+json">{body}</script>'
    main = parts(page(article(), ld)).parts[0]
    assert main.truncated == "yes"
    assert "shorter_than_json_ld_body" in main.truncated_reasons


def test_a_hebrew_page_keeps_its_order_and_a_japanese_one_its_paragraphs() -> None:
    hebrew = "מועצת הנמל הצביעה ביום שני לפתוח את הגשר הצפוני לרוכבי אופניים, לאחר דיון של שש שעות."
    japanese = (
        "港湾評議会は月曜日、六時間にわたる議論の末、北の橋を自転車に開放することを決めた。工事は五月に始まる予定だ。"
    )
    for text, code in ((hebrew, "he"), (japanese, "ja")):
        body = "".join(f"<p dir=auto>{text} {number}.</p>" for number in range(5))
        main = parts(page(f"<article><h1>{text[:16]}</h1>{body}</article>")).parts[0]
        assert main.language is not None
        assert main.language.code == code
        assert main.paragraphs == tuple(f"{text} {number}." for number in range(5))


@pytest.mark.long
def test_a_page_with_a_menu_of_megabytes_is_read_in_time_linear_in_it() -> None:
    def seconds(lines: int) -> float:
        noise = "".join(f"<div class=n{n % 97}><a href=/{n}>Tide table {n}</a></div>" for n in range(lines))
        started = time.process_time()
        assert parts(page(article() + f"<footer>{noise}</footer>")).parts[0].paragraphs == tuple(PARAGRAPHS)
        return time.process_time() - started

    assert seconds(60_000) < 12 * max(seconds(12_000), 0.2)


SNIPPETS = st.sampled_from(
    [
        *(f"<p>{text}</p>" for text in PARAGRAPHS),
        f"<h1>{HEADLINE}</h1>",
        f"<h2>{HEADLINE}</h2>",
        "<nav><a href=/>Home</a><a href=/x>News</a></nav>",
        "<div class=newsletter>Sign up to our newsletter.</div>",
        "<p>Sign up for our free weekly newsletter. The bridge stays open.</p>",
        "<div><br>loose<br>lines</div>",
        "<div class=comments><p>No comments yet</p></div>",
        "<table><tr><td>1<td>2</table>",
        "<p>naïve e\u0301 \u200b\xad text</p>",
        "</div></article>",
        "<div><section>",
    ]
)


@given(st.lists(SNIPPETS, max_size=25))
@settings(max_examples=60, deadline=None)
def test_every_character_of_a_page_is_in_exactly_one_span(snippets: list[str]) -> None:
    found = read(page("".join(snippets)))
    if isinstance(found, PageParts):
        assert unaccounted(found) == []
        assert found == read(page("".join(snippets)))


DAY = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("meta", "names", "day"),
    [
        ("<div class=meta>By Ilse Varga</div><div class=meta>1 March 2026</div>", ["Ilse Varga"], DAY),
        ("<div class=meta>By Ilse Varga | 1 March 2026</div>", ["Ilse Varga"], DAY),
        ("<div class=author-box><span>Ilse Varga</span></div>", ["Ilse Varga"], None),
        ("<div class=menu>By Ilse Varga</div><div class=menu>1 March 2026</div>", [], None),
    ],
)
def test_lines_below_the_headline_that_call_themselves_meta_are_read(
    meta: str, names: list[str], day: datetime | None
) -> None:
    body = "".join(f"<p>{text}</p>" for text in PARAGRAPHS)
    found = parts(page(f"<main><article><h1>{HEADLINE}</h1>{meta}{body}</article></main>"))
    main = found.parts[0]
    assert [author.name for author in main.byline] == names
    assert main.published.earliest_at == day
    assert main.text == "\n".join(PARAGRAPHS)
    if names:
        assert {span.kind for span in main.removed if "Varga" in found.flattened[span.start : span.end]} == {"metadata"}


def test_what_the_page_marks_up_goes_before_what_it_prints() -> None:
    body = "".join(f"<p>{text}</p>" for text in PARAGRAPHS)
    head = (
        '<meta name="author" content="Ines Castell">'
        '<meta property="article:published_time" content="2026-02-27T08:00:00Z">'
    )
    meta = "<div class=meta>By Ilse Varga</div><div class=meta>1 March 2026</div>"
    main = parts(page(f"<main><article><h1>{HEADLINE}</h1>{meta}{body}</article></main>", head)).parts[0]
    assert [author.name for author in main.byline] == ["Ines Castell"]
    assert main.published.at == datetime(2026, 2, 27, 8, tzinfo=UTC)

"""Learnt lines leave an article's text for its ledger, and nothing else changes."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from schemas.articles import RawArticle
from services.cleaner.learnt import line_hashes, sightings, take_off
from services.cleaner.ledger import unaccounted
from services.cleaner.outlets import default_registry
from services.cleaner.pages import take_apart
from services.cleaner.parts import ArticlePart, PageParts, Span, TextSpan
from tests.quality.cleaner_text import sample_articles

OWN = [f"Paragraph {number} says what was decided at the harbour that day, and by whom." for number in range(8)]
MOTTO = "The Courier belongs to those who read it, and always has."


def page_of(paragraphs: list[str], cut: int | None = None) -> PageParts:
    """A page of nothing but its article; in paragraph `cut` a promo was cut out between two sentences."""
    flattened, spans, removed, kept = "", list[TextSpan](), list[Span](), list[str]()
    for number, text in enumerate(paragraphs):
        start = len(flattened)
        if number == cut:
            half = text.index(" ")
            flattened += f"{text[:half]} Sign up!{text[half:]}\n"
            spans += [TextSpan(start, start + half), TextSpan(start + half + 10, start + len(text) + 9)]
            removed.append(Span("newsletter", "promo", start + half + 1, start + half + 9))
        else:
            flattened += text + "\n"
            spans.append(TextSpan(start, start + len(text)))
        kept.append(text)
    part = ArticlePart("A headline", tuple(kept), tuple(spans), removed=tuple(removed))
    return PageParts(flattened, (part,))


@given(st.lists(st.sampled_from([*OWN, MOTTO]), min_size=1, max_size=9), st.integers(0, 8), st.sets(st.integers(0, 8)))
def test_the_ledger_stays_whole_whatever_is_learnt(paragraphs: list[str], cut: int, learnt: set[int]) -> None:
    page = page_of(paragraphs, cut)
    assert unaccounted(page) == []
    lines = set(line_hashes([[*OWN, MOTTO][number] for number in learnt]))
    after = take_off(page, 0, lines, "2026-03-01")
    assert unaccounted(after) == []
    assert after is page or after.parts[0].epoch == "2026-03-01"
    assert all(text in page.parts[0].paragraphs for text in after.parts[0].paragraphs)


def test_a_learnt_line_goes_with_its_rule_even_where_a_promo_was_cut_out_of_it() -> None:
    page = page_of([*OWN[:5], MOTTO], cut=5)
    part = take_off(page, 0, set(line_hashes([MOTTO])), "2026-03-01").parts[0]
    assert part.paragraphs == tuple(OWN[:5])
    assert [(span.kind, span.rule) for span in part.removed] == [
        ("boilerplate", "recurs_at_outlet"),
        ("newsletter", "promo"),
        ("boilerplate", "recurs_at_outlet"),
    ]


def test_a_line_is_known_again_whatever_its_case_spaces_and_quotes() -> None:
    printed, typed, other = line_hashes(["“Write  to us!”", '"WRITE to us"', "Write to them"])
    assert printed == typed != other


def test_a_line_has_one_hash_whatever_stands_beside_it() -> None:
    texts = [
        "Ünser Täglich Blatt №5",
        "plain words",
        "",
        "two\nlines",
        "ﬁne — and “so”",
        "́accent first",
        "日本語の行",
        "\udc80 x",
    ]
    alone = [line_hashes([text])[0] for text in texts]
    assert line_hashes(texts) == alone
    assert line_hashes(texts[:1] + texts[4:7]) == alone[:1] + alone[4:7]
    assert len(set(alone)) == len(texts)
    assert line_hashes([]) == []


def test_a_text_that_would_mostly_go_stays() -> None:
    page = page_of([*OWN[:3], MOTTO])
    assert take_off(page, 0, set(line_hashes(OWN[:2])), "day") is page


def test_the_articles_of_an_aggregator_are_counted_under_their_own_outlets() -> None:
    text = "\n".join(
        line
        for outlet, article in zip(("Reuters", "The Guardian"), sample_articles(), strict=False)
        for line in (article.headline, article.headline, outlet, "2 hours ago", *article.paragraphs, "")
    )
    registry = default_registry()

    def places(aggregator: str) -> list[str]:
        raw = RawArticle.model_validate(
            {
                "record_id": "1",
                "fetched_at": datetime(2026, 3, 2, tzinfo=UTC).isoformat(),
                "text": text,
                "publisher": {"name": "p"},
                "aggregator": aggregator,
            }
        )
        page = take_apart(raw, registry=registry)
        assert isinstance(page, PageParts)
        return [seen.place for seen in sightings(raw, page, registry)]

    one, other = places("Feed One"), places("Feed Two")
    assert len(set(one)) == 2
    assert not set(one) & set(other)

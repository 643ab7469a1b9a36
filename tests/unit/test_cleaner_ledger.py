"""The ledger finds what is lost, counted twice or rewritten; flattening a text twice changes nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.cleaner.ledger import flatten_text, gaps, unaccounted
from services.cleaner.parts import ArticlePart, FieldSpan, PageParts, Span, TextSpan

FLATTENED = "A title\nThe text of it.\nShare"


def page(
    *, body: tuple[int, int] = (8, 23), share: tuple[int, int] = (24, 29), text: str = "The text of it."
) -> PageParts:
    part = ArticlePart(
        headline="A title",
        paragraphs=(text,),
        body_spans=(TextSpan(*body),),
        field_spans=(FieldSpan("headline", 0, 7),),
    )
    return PageParts(FLATTENED, (part,), (Span("chrome", "not_article", *share),))


def test_a_whole_ledger_has_no_complaint() -> None:
    assert unaccounted(page()) == []


def test_a_lost_word_is_named() -> None:
    assert unaccounted(page(share=(24, 28))) == ["28:29 lies in no span: 'e'"]


def test_a_word_counted_twice_is_named() -> None:
    assert any("overlaps" in problem for problem in unaccounted(page(share=(20, 29))))


def test_a_span_outside_the_page_is_named() -> None:
    assert any("does not lie inside" in problem for problem in unaccounted(page(share=(24, 40))))


def test_a_text_of_other_words_is_named() -> None:
    assert unaccounted(page(text="Another text.")) == ["the paragraphs of part 0 are not the words of its body spans"]


def test_flattening_makes_line_ends_and_controls_plain() -> None:
    assert flatten_text("a\r\nb\rc\u2028d\x00e\u200bf\ufeff\xadg\ud800 e\u0301") == "a\nb\nc\nd efg\ufffd \xe9"


@given(st.text(alphabet=st.characters()))
def test_flattening_twice_changes_nothing(text: str) -> None:
    once = flatten_text(text)
    assert flatten_text(once) == once
    assert gaps(once, [(0, len(once))]) == []

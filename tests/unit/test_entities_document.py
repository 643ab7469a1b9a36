"""The article read whole: one label a name, surnames, and repeats that were passed over."""

from __future__ import annotations

import itertools

from services.entities.document import placed, read_whole
from services.entities.mentions import Article, Span, paragraphs
from services.entities.recognizer import Found


def _span(text: str, surface: str, label: str, confidence: float = 0.95, nth: int = 0) -> Span:
    start = -1
    for _ in range(nth + 1):
        start = text.index(surface, start + 1)
    return Span("text", start, start + len(surface), surface, label, confidence)  # type: ignore[arg-type]


def _read(text: str, *spans: Span, headline: str = "") -> list[tuple[str, str, str]]:
    return [(s.field, s.surface, s.label) for s in read_whole(Article(headline, text), spans)]


def test_offsets_count_from_the_field_and_not_from_the_paragraph() -> None:
    article = Article("A headline", "First.\n\nIn Baku now.")
    parts = paragraphs(article)
    assert [(field, offset) for field, offset, _ in parts] == [("headline", 0), ("text", 0), ("text", 8)]
    (span,) = placed(parts, [(), (), (Found(3, 7, "LOC", 0.9),)])
    assert article.text[span.start : span.end] == span.surface == "Baku"


def test_a_name_has_the_label_that_most_of_its_mentions_have() -> None:
    text = "Skanska built it. Skanska paid. Skanska left."
    spans = [
        _span(text, "Skanska", "ORG"),
        _span(text, "Skanska", "LOC", 0.5, 1),
        _span(text, "Skanska", "ORG", 0.9, 2),
    ]
    assert [label for *_, label in _read(text, *spans)] == ["ORG", "ORG", "ORG"]


def test_a_sure_minority_keeps_its_label() -> None:
    text = "Jordan borders Syria. Jordan signed. Michael said Jordan won."
    spans = [_span(text, "Jordan", "LOC", 0.99, n) for n in range(2)] + [_span(text, "Jordan", "PER", 0.99, 2)]
    assert [label for *_, label in _read(text, *spans)] == ["LOC", "LOC", "PER"]


def test_a_bare_surname_is_a_person_when_the_article_has_the_full_name() -> None:
    text = "Ziyaddin Safarov died. Relatives of Safarov wept."
    read = _read(text, _span(text, "Ziyaddin Safarov", "PER"), _span(text, "Safarov", "ORG", 0.6, 1))
    assert read[-1] == ("text", "Safarov", "PER")


def test_a_repeat_that_was_passed_over_is_added() -> None:
    text = "Margarethe Lindqvist left. Then Lindqvist came back."
    read = _read(text, _span(text, "Margarethe Lindqvist", "PER"), headline="Lindqvist leaves")
    assert read == [
        ("headline", "Lindqvist", "PER"),
        ("text", "Margarethe Lindqvist", "PER"),
        ("text", "Lindqvist", "PER"),
    ]


def test_a_word_that_is_also_a_common_word_is_not_repeated() -> None:
    text = "Tom Banks left. The banks stayed shut. Banks were shut."
    read = _read(text, _span(text, "Tom Banks", "PER"))
    assert [surface for _, surface, _ in read] == ["Tom Banks"]


def test_a_name_inside_another_name_is_not_a_repeat() -> None:
    text = "Donald Trump spoke. Crowds at Trump Tower cheered."
    assert [surface for _, surface, _ in _read(text, _span(text, "Donald Trump", "PER"))] == ["Donald Trump"]


def test_spans_never_overlap() -> None:
    text = "New York and New York City, New York."
    spans = [_span(text, "New York", "LOC", 0.99), _span(text, "New York City", "LOC", 0.9)]
    read = read_whole(Article("", text), spans)
    assert all(a.end <= b.start for a, b in itertools.pairwise(read))
    assert len(read) == 3


def test_a_city_is_no_thing_and_a_doubtful_person_named_like_a_city_is_the_city() -> None:
    text = "The port of Odesa closed. Grozny stayed open."
    read = _read(text, _span(text, "Odesa", "MISC", 0.6), _span(text, "Grozny", "PER", 0.5))
    assert [label for *_, label in read] == ["LOC", "LOC"]


def test_a_person_named_like_a_city_stays_a_person_when_the_full_name_is_there() -> None:
    text = "Jack London wrote it. London died young."
    read = _read(text, _span(text, "Jack London", "PER"), _span(text, "London", "PER", 0.6, 1))
    assert [label for *_, label in read] == ["PER", "PER"]


def test_what_is_always_the_is_no_person() -> None:
    text = "The Kremlin said no. Then the Kremlin said yes. The Putin court kept silent."
    spans = [_span(text, "Kremlin", "PER", 0.9), _span(text, "Kremlin", "PER", 0.9, 1), _span(text, "Putin", "PER")]
    assert [label for *_, label in _read(text, *spans)] == ["ORG", "ORG", "PER"]


def test_what_is_only_named_in_full_and_has_spokesmen_is_no_person() -> None:
    text = "A Lena Morwen spokesman said so. Power failed. Lena Morwen will rebuild, Lena Morwen's board decided."
    assert {label for *_, label in _read(text, *(_span(text, "Lena Morwen", "PER", 0.9, n) for n in range(3)))} == {
        "ORG"
    }
    utility = text.replace("A Lena Morwen spokesman", "The state utility Lena Morwen")
    read = _read(utility, *(_span(utility, "Lena Morwen", "PER", 0.9, n) for n in range(3)))
    assert {label for *_, label in read} == {"ORG"}


def test_one_mention_read_rightly_beside_its_spokesman_tells_of_the_others() -> None:
    text = "A Lena Morwen spokesman said so. Power failed. Lena Morwen will rebuild."
    read = _read(text, _span(text, "Lena Morwen", "ORG", 0.5), _span(text, "Lena Morwen", "PER", 0.9, 1))
    assert [label for *_, label in read] == ["ORG", "ORG"]


def test_a_person_with_a_spokesman_stays_a_person() -> None:
    for text in (
        "A Lena Morwen spokesman said so. Lena Morwen will run. Morwen won before.",  # called by the surname
        "A Lena Morwen spokesman said so. Senator Lena Morwen will run.",  # has a title
        "A Lena Morwen spokesman said so.",  # named once
        "Lena Morwen spoke. Lena Morwen left.",  # nothing says otherwise
    ):
        spans = [_span(text, "Lena Morwen", "PER", 0.9, n) for n in range(text.count("Lena Morwen"))]
        if "Morwen won" in text:
            spans.append(_span(text, "Morwen", "PER", 0.9, 2))
        assert {label for *_, label in _read(text, *spans)} == {"PER"}, text


def test_an_organisations_branch_in_a_country_is_no_place() -> None:
    text = "Kestrel reported it. Kestrel Moldova had a reporter there, in New Zealand."
    spans = [_span(text, "Kestrel", "ORG"), _span(text, "Kestrel Moldova", "LOC", 0.5)]
    read = _read(text, *spans, _span(text, "New Zealand", "LOC", 0.5))
    assert [label for *_, label in read] == ["ORG", "ORG", "LOC"]


def test_a_country_right_behind_an_organisations_name_is_of_it_where_nothing_follows() -> None:
    text = "Kestrel reported it. The offices of Kestrel Moldova, a broadcaster, were shut. Kestrel left."
    first, second, third = (_span(text, "Kestrel", "ORG", 0.9, n) for n in range(3))
    read = _read(text, first, second, _span(text, "Moldova", "LOC"), third)
    assert [surface for _, surface, _ in read] == ["Kestrel", "Kestrel Moldova", "Kestrel"]
    assert {label for *_, label in read} == {"ORG"}
    striker = text.replace("Kestrel Moldova, a broadcaster", "Kestrel Moldova striker Ion Rusu")
    first, second, third = (_span(striker, "Kestrel", "ORG", 0.9, n) for n in range(3))
    read = _read(striker, first, second, _span(striker, "Moldova", "LOC"), third)
    assert [(surface, label) for _, surface, label in read] == [
        ("Kestrel", "ORG"),
        ("Kestrel", "ORG"),
        ("Moldova", "LOC"),
        ("Kestrel", "ORG"),
    ]


def test_a_word_in_lower_case_behind_an_organisations_name_is_no_country() -> None:
    text = "Kestrel sells them. They bought a Kestrel turkey, and Kestrel left."
    spans = [_span(text, "Kestrel", "ORG", 0.9, n) for n in range(3)]
    assert [surface for _, surface, _ in _read(text, *spans)] == ["Kestrel"] * 3

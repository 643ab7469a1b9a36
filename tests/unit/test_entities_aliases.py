"""What an article teaches of short names, and when outlets agree enough for it to be used."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.entities import Label
from services.entities.aliases import Candidate, Observation, full_name, joined, observations, settled
from services.entities.grouping import Group, grouped
from services.entities.mentions import Article, Span

TODAY = 20_500


def read(text: str, *names: tuple[str, Label], confidence: float = 0.95) -> tuple[list[Span], list[Group]]:
    """Spans of every occurrence of the names, longest first, and their groups."""
    spans: list[Span] = []
    for name, label in sorted(names, key=lambda item: -len(item[0])):
        at = text.find(name)
        while at >= 0:
            if not any(s.start < at + len(name) and at < s.end for s in spans):
                spans.append(Span("text", at, at + len(name), name, label, confidence))
            at = text.find(name, at + 1)
    spans.sort(key=lambda span: span.start)
    return spans, grouped(Article("", text), spans)


def candidate(name: str, **days: int) -> Candidate:
    return Candidate(name, {domain: (day, day) for domain, day in days.items()})


def test_an_article_teaches_surnames_and_acronyms_that_it_prints_in_full() -> None:
    text = "Ilse Varga of the Harbour Safety Board spoke. Varga said the HSB had met."
    spans, groups = read(text, ("Ilse Varga", "PER"), ("Varga", "PER"), ("Harbour Safety Board", "ORG"), ("HSB", "ORG"))
    assert set(observations(spans, groups)) == {
        Observation("PER", "varga", "Ilse Varga"),
        Observation("ORG", "hsb", "Harbour Safety Board"),
    }


def test_a_short_name_without_the_full_one_teaches_nothing() -> None:
    spans, groups = read("Varga said the HSB had met.", ("Varga", "PER"), ("HSB", "ORG"))
    assert observations(spans, groups) == ()


def test_a_surname_that_two_people_share_teaches_nothing() -> None:
    names: tuple[tuple[str, Label], ...] = (("Ilse Varga", "PER"), ("Tamás Varga", "PER"), ("Varga", "PER"))
    spans, groups = read("Ilse Varga met Tamás Varga. Varga left.", *names)
    assert observations(spans, groups) == ()


def test_doubtful_mentions_teach_nothing() -> None:
    spans, groups = read("Ilse Varga spoke. Varga left.", ("Ilse Varga", "PER"), ("Varga", "PER"), confidence=0.7)
    assert observations(spans, groups) == ()


def test_three_domains_settle_a_name_and_two_do_not() -> None:
    assert settled([candidate("Ilse Varga", a=TODAY, b=TODAY)], TODAY) is None
    assert settled([candidate("Ilse Varga", a=TODAY, b=TODAY, c=TODAY)], TODAY) == "Ilse Varga"


def test_below_four_fifths_of_the_weight_nothing_is_settled() -> None:
    agreed = candidate("Ilse Varga", a=TODAY, b=TODAY, c=TODAY, d=TODAY)
    assert settled([agreed, candidate("Tamás Varga", e=TODAY, f=TODAY)], TODAY) is None
    more = candidate("Ilse Varga", **{f"d{n}": TODAY for n in range(8)})
    assert settled([more, candidate("Tamás Varga", e=TODAY, f=TODAY)], TODAY) == "Ilse Varga"


def test_what_one_domain_alone_says_counts_neither_for_a_name_nor_against_another() -> None:
    agreed = candidate("Ilse Varga", a=TODAY, b=TODAY, c=TODAY)
    wrong = [candidate(f"Wrong {n} Varga", poison=TODAY) for n in range(7)]
    assert settled([*wrong, agreed], TODAY) == settled([agreed], TODAY) == "Ilse Varga"
    assert settled(wrong, TODAY) is None


def test_votes_lose_weight_and_then_all_of_it() -> None:
    before = candidate("Ilse Varga", a=TODAY - 20, b=TODAY - 20, c=TODAY - 20)
    after = candidate("Tamás Varga", d=TODAY, e=TODAY, f=TODAY)
    assert settled([before, after], TODAY) == "Tamás Varga"
    assert settled([before], TODAY) == "Ilse Varga"
    assert settled([before], TODAY + 8) is None


def test_a_day_knows_nothing_of_the_days_after_it() -> None:
    assert settled([candidate("Ilse Varga", a=TODAY, b=TODAY, c=TODAY + 1)], TODAY) is None
    renewed = Candidate("Ilse Varga", dict.fromkeys("abc", (TODAY - 1, TODAY + 3)))
    assert settled([renewed], TODAY) == "Ilse Varga"


@given(st.permutations(["a", "b", "c", "d", "e"]))
def test_the_order_of_votes_does_not_matter(order: list[str]) -> None:
    votes = {domain: TODAY - ord(domain) % 3 for domain in order}
    assert settled([candidate("Ilse Varga", **votes)], TODAY) == "Ilse Varga"


def test_a_learnt_name_is_given_to_what_the_article_only_calls_by_a_short_one() -> None:
    spans, groups = read("Varga spoke for the HSB.", ("Varga", "PER"), ("HSB", "ORG"))
    known: dict[tuple[Label, str], str] = {("PER", "varga"): "Ilse Varga", ("ORG", "hsb"): "Harbour Safety Board"}
    assert [full_name(spans, group, known) for group in groups] == ["Ilse Varga", "Harbour Safety Board"]


def test_the_articles_own_words_win_over_what_was_learnt() -> None:
    spans, groups = read("Tamás Varga spoke. Varga left.", ("Tamás Varga", "PER"), ("Varga", "PER"))
    known: dict[tuple[Label, str], str] = {("PER", "varga"): "Ilse Varga"}
    assert [full_name(spans, group, known) for group in groups] == [None]
    assert joined(spans, groups, known) == groups


def test_a_learnt_acronym_joins_the_name_that_the_article_prints_elsewhere() -> None:
    text = "The Bureau of Harbours met. BdH staff were there."  # no rule of initials brings these together
    names: tuple[tuple[str, Label], ...] = (("Bureau of Harbours", "ORG"), ("BdH", "ORG"))
    spans, groups = read(text, *names)
    assert len(groups) == 2
    (group,) = joined(spans, groups, {("ORG", "bdh"): "Bureau of Harbours"})
    assert (group.name, group.members) == ("Bureau of Harbours", [0, 1])


def test_what_was_learnt_is_not_learnt_again() -> None:
    spans, groups = read("Varga spoke for the HSB.", ("Varga", "PER"), ("HSB", "ORG"))
    joined(spans, groups, {("PER", "varga"): "Ilse Varga"})
    assert observations(spans, groups) == ()

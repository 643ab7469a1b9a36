"""The event is a pure function of the article and what was found, and points into the text as it stands."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.articles import CleanArticle, Outlet
from schemas.entities import ArticleEntities, ModelInfo, entity_id
from services.entities.article import entities_of, reading
from services.entities.language import unknown_language
from services.entities.links import Places
from services.entities.recognizer import Found
from tests.unit.test_entities_encoding import ANY_TEXT

MODEL = ModelInfo(name="m", version="1")


def _article(headline: str, text: str) -> CleanArticle:
    return CleanArticle(
        article_id="a1",
        version_id="v1",
        outlet=Outlet(name="Ashcombe Ledger"),
        headline=headline,
        text=text,
        fetched_at="2026-03-12T08:00:00Z",  # type: ignore[arg-type]
    )


def _event(headline: str, text: str, *names: tuple[str, str]) -> ArticleEntities:
    """The event when every occurrence of the names is found."""
    article = _article(headline, text)
    read = reading(article)
    found: list[list[Found]] = []
    for paragraph in read.paragraphs:
        spans = {
            (paragraph.find(name, at), name, label)
            for name, label in names
            for at in range(len(paragraph))
            if paragraph.find(name, at) >= 0
        }
        kept: list[Found] = []
        for start, name, label in sorted(spans, key=lambda s: (s[0], -len(s[1]))):
            if not kept or start >= kept[-1].end:
                kept.append(Found(start, start + len(name), label, 0.9))  # type: ignore[arg-type]
        found.append(kept)
    return entities_of(article, read, found, MODEL, (Places(),)).event


def test_mentions_and_entities_say_the_same() -> None:
    event = _event(
        "Lindqvist leaves Northmoor",
        "Margarethe Lindqvist left Northmoor Water.\nLindqvist lives in Sweden.",
        ("Margarethe Lindqvist", "PER"),
        ("Lindqvist", "PER"),
        ("Northmoor Water", "ORG"),
        ("Northmoor", "ORG"),
        ("Sweden", "LOC"),
    )
    assert {(e.label, e.name, e.mention_count, e.in_headline) for e in event.entities} == {
        ("PER", "Margarethe Lindqvist", 3, True),
        ("ORG", "Northmoor Water", 2, True),
        ("LOC", "Sweden", 1, False),
    }
    by_id = {e.entity_id: e for e in event.entities}
    for entity in event.entities:
        mine = [m for m in event.mentions if m.entity_id == entity.entity_id]
        assert len(mine) == entity.mention_count
        assert {m.surface for m in mine} == set(entity.surfaces)
    assert [m.field for m in event.mentions][:2] == ["headline", "headline"]
    assert by_id[entity_id("a1", "LOC", "sweden")].links["iso3166"] == "SE"
    salience = [e.salience for e in event.entities]
    assert salience == sorted(salience, reverse=True)


def test_who_the_article_is_about_is_more_salient_than_who_is_named_in_passing() -> None:
    text = "Ann Lee opened the bridge.\nLee had promised it.\nLee thanked Oslo.\nBo Ek watched with Cy Dahl."
    names = (("Ann Lee", "PER"), ("Lee", "PER"), ("Oslo", "LOC"), ("Bo Ek", "PER"), ("Cy Dahl", "PER"))
    by_name = {entity.name: entity.salience for entity in _event("Lee opens bridge", text, *names).entities}
    assert by_name["Ann Lee"] > 0.6 > 0.4 > max(by_name["Oslo"], by_name["Bo Ek"], by_name["Cy Dahl"])
    assert by_name["Bo Ek"] >= by_name["Cy Dahl"]  # equal but for who comes first


def test_the_same_article_gives_the_same_bytes() -> None:
    names = (("Ann Lee", "PER"), ("Lee", "PER"), ("Oslo", "LOC"))
    text = "Ann Lee went to Oslo. Lee stayed."
    assert _event("Lee", text, *names).to_bytes() == _event("Lee", text, *names).to_bytes()


@settings(max_examples=60, deadline=None)
@given(headline=ANY_TEXT, text=ANY_TEXT, cuts=st.lists(st.integers(0, 80), max_size=8, unique=True))
def test_every_mention_is_its_span_of_the_article(headline: str, text: str, cuts: list[int]) -> None:
    article = _article(headline, text)
    read = reading(article)
    pairs = list(zip(sorted(cuts)[::2], sorted(cuts)[1::2], strict=False))
    found = [[Found(a, b, "PER", 0.9) for a, b in pairs if b <= len(p)] for p in read.paragraphs]
    event = entities_of(article, read, found, MODEL, (Places(),)).event
    assert len(event.mentions) >= sum(len(f) for f in found)
    for mention in event.mentions:
        whole = article.headline if mention.field == "headline" else article.text
        assert whole[mention.start : mention.end].replace("\ud800", "\ufffd") == mention.surface
    assert {m.entity_id for m in event.mentions} == {e.entity_id for e in event.entities}
    ArticleEntities.closed_from_bytes(event.to_bytes())


ENGLISH = "The dam above the town was safe, engineers said on Tuesday, and it had been checked twice this spring."


def test_a_language_is_known_by_its_tag_or_by_its_function_words() -> None:
    known = frozenset({"en"})
    assert unknown_language("en", "", known) is None
    assert unknown_language("en-GB", "", known) is None
    assert unknown_language("de", ENGLISH, known) == "de"
    assert unknown_language("und", ENGLISH, known) is None
    german = (
        "Der Damm oberhalb der Stadt ist sicher, sagten Ingenieure am Dienstag, und er wurde in diesem Jahr geprüft."
    )
    french = "Le barrage au-dessus de la ville est sûr, ont dit les ingénieurs mardi, et il a été contrôlé deux fois."
    dutch = (
        "De dam boven de stad is veilig, zeiden ingenieurs op dinsdag, en was dit voorjaar twee keer gecontroleerd in"
    )
    for other in (german, french, dutch, "", "12 34"):
        assert unknown_language("und", other, known) == "und"


def test_a_text_that_is_not_in_nfc_is_pointed_into_as_it_stands() -> None:
    text = "Zielin\u0301ski met Jose\u0301 Funes \U0001f642 in Krako\u0301w."
    event = _event("", text, ("Jose\u0301 Funes", "PER"), ("Krako\u0301w", "LOC"))
    assert [(text[m.start : m.end], m.surface) for m in event.mentions] == [
        ("Jose\u0301 Funes", "Jose\u0301 Funes"),
        ("Krako\u0301w", "Krako\u0301w"),
    ]

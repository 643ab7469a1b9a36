from __future__ import annotations

import asyncio

import pytest

from services.duplicates.explain import ClusterView, Explanation, NotHeldError, why
from services.duplicates.service import build
from tests.duplicates_support import WordMill, article, feed, runtime

MILL = WordMill(31)
STORY = MILL.text(300)
EVENTS = [
    article(STORY, name="a", outlet="Alpha"),
    article("Before it.\n" + STORY, name="b", outlet="Beta", minutes=60),
    article(MILL.text(200), name="c", outlet="Gamma"),
]


def ask(redis_url: str, *names: str) -> list[Explanation | ClusterView]:
    async def main() -> list[Explanation | ClusterView]:
        service = build(runtime(redis_url))
        await feed(service, EVENTS)
        await service.stop()
        return await why(runtime(redis_url), names)

    return asyncio.run(main())


def test_two_articles_are_explained_with_their_passages_side_by_side(redis_url):
    [explanation] = ask(redis_url, EVENTS[1].article_id, EVENTS[0].article_id)
    assert isinstance(explanation, Explanation)
    assert (explanation.decision.kind, explanation.decision.relation) == ("duplicate", "near")
    assert explanation.decision.overlap.match_containment == 1.0
    assert "half" in explanation.meaning
    assert explanation.hours_apart == 1.0
    assert explanation.clusters[0] == explanation.clusters[1] is not None
    [shared] = explanation.passages
    assert shared.article_text == shared.match_text == STORY.rstrip(".")


def test_articles_that_are_no_duplicates_are_explained_too(redis_url):
    [explanation] = ask(redis_url, EVENTS[2].article_id, EVENTS[0].article_id)
    assert isinstance(explanation, Explanation)
    assert explanation.decision.kind == "none"
    assert explanation.clusters == (None, explanation.clusters[1])


def test_an_address_shows_the_cluster_of_its_article(redis_url):
    [view] = ask(redis_url, "http://www.b.example/news/")
    assert isinstance(view, ClusterView)
    assert view.article.outlet == "Beta"
    assert [member.outlet for member in view.members] == ["Alpha"]
    assert view.explanations[0].decision.relation == "near"


@pytest.mark.parametrize("name", ["f" * 32, "https://nowhere.example/x"])
def test_what_the_index_does_not_hold_is_said(redis_url, name):
    with pytest.raises(NotHeldError, match=r"held|hold"):
        ask(redis_url, name)

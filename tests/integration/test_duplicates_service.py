from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import redis

from schemas.articles import Extraction
from schemas.duplicates import ArticleRevision, ClusterEvent, DuplicateAlert
from schemas.topics import ARTICLE_REVISIONS, CLEAN_ARTICLES, DUPLICATE_ALERTS, DUPLICATE_CLUSTERS
from services.duplicates import metrics
from services.duplicates import service as duplicates_service
from services.duplicates.service import DuplicatesSettings, build
from services.runtime.errors import ConfigurationError
from services.runtime.service import Discard, Emit, InvalidRecordError, Outcome, Record
from tests.duplicates_support import NOON, WordMill, article, feed, records, runtime, values

MILL = WordMill()
STORY = MILL.text(500)


def run(redis_url, events, *, batch: int = 8, **settings) -> list[Outcome]:
    async def main() -> list[Outcome]:
        service = build(runtime(redis_url), DuplicatesSettings(**settings))
        try:
            await service.start()
            return await feed(service, events, batch=batch)
        finally:
            await service.stop()

    return asyncio.run(main())


def alert_in(outcome: Outcome) -> DuplicateAlert | None:
    for topic, _, value in values(outcome):
        if topic == DUPLICATE_ALERTS.name:
            assert value is not None
            return DuplicateAlert.closed_from_bytes(value)
    return None


def revision_in(outcome: Outcome) -> ArticleRevision | None:
    for topic, _, value in values(outcome):
        if topic == ARTICLE_REVISIONS.name:
            assert value is not None
            return ArticleRevision.closed_from_bytes(value)
    return None


def clusters_in(outcome: Outcome) -> list[tuple[str | None, ClusterEvent | None]]:
    return [
        (key, ClusterEvent.closed_from_bytes(value) if value is not None else None)
        for topic, key, value in values(outcome)
        if topic == DUPLICATE_CLUSTERS.name
    ]


def reason(outcome: Outcome) -> str | None:
    return outcome.reason if isinstance(outcome, Discard) else None


def test_a_copy_in_another_outlet_alerts_with_its_evidence(redis_url):
    text = "A sentence of the desk before it.\n" + STORY
    first, second = run(
        redis_url,
        [
            article(STORY, name="a", outlet="Alpha", published_minutes=-60),
            article(text, name="b", outlet="Beta", minutes=5, published_minutes=-30),
        ],
    )
    assert reason(first) == "no_match"
    alert = alert_in(second)
    assert alert is not None
    [match] = alert.matches
    assert (match.article.outlet, match.relation) == ("Alpha", "near")
    assert match.similarity.match_containment == 1.0
    assert 0.95 < match.similarity.jaccard < 1
    [passage] = match.passages
    assert text[passage.article_start : passage.article_end] == STORY[passage.match_start : passage.match_end]
    assert passage.words == 500
    assert alert.cluster.earliest.outlet == "Alpha"
    assert alert.cluster.earliest_reasons[0] == "published_at"
    assert (alert.cluster.size, alert.cluster.outlet_count) == (2, 2)
    kinds = [event.kind for _, event in clusters_in(second) if event is not None]
    assert kinds == ["member", "member", "summary"]


def test_equal_words_are_exact_whatever_the_typography(redis_url):
    typeset = STORY.replace(" ", "  ").replace(".", " …").replace("\n", "\n\n")
    outcomes = run(redis_url, [article(STORY, name="a", outlet="Alpha"), article(typeset, name="b", outlet="Beta")])
    alert = alert_in(outcomes[1])
    assert alert is not None
    assert alert.matches[0].relation == "exact"
    assert alert.matches[0].similarity.jaccard == 1.0


def test_the_copy_may_be_published_before_what_arrived_first(redis_url):
    outcomes = run(
        redis_url,
        [
            article(STORY, name="a", outlet="Alpha", published_minutes=-10),
            article(STORY, name="b", outlet="Beta", published_minutes=-90),
        ],
    )
    alert = alert_in(outcomes[1])
    assert alert is not None
    assert alert.cluster.earliest.outlet == "Beta"


def test_an_excerpt_alerts_and_does_not_unite(redis_url):
    excerpt = " ".join(STORY.split(" ")[100:250])
    digest = excerpt + "\n" + MILL.text(120)
    outcomes = run(redis_url, [article(STORY, name="a", outlet="Alpha"), article(digest, name="b", outlet="Beta")])
    alert = alert_in(outcomes[1])
    assert alert is not None
    assert alert.matches[0].relation == "excerpt"
    assert max(passage.words for passage in alert.matches[0].passages) >= 60
    assert alert.cluster.size == 1


def test_a_round_up_does_not_chain_what_it_holds(redis_url):
    briefs = [MILL.text(90) for _ in range(12)]
    events = [article(brief, name=f"b{i}", outlet=f"Brief {i}") for i, brief in enumerate(briefs)]
    events.append(article("\n".join(briefs), name="round-up", outlet="Digest"))
    events += [article(MILL.edited(briefs[0], 0.01), name="c", outlet="Copy")]
    outcomes = run(redis_url, events)
    alert = alert_in(outcomes[12])
    assert alert is not None
    assert {match.relation for match in alert.matches} == {"excerpt"}
    alert = alert_in(outcomes[13])
    assert alert is not None
    assert alert.cluster.size == 2


def test_twenty_shared_words_and_short_articles_never_alert(redis_url):
    sentence = " ".join(MILL.words(20))
    brief = " ".join(MILL.words(25))
    outcomes = run(
        redis_url,
        [
            article(sentence + ". " + MILL.text(25), name="a", outlet="Alpha"),
            article(sentence + ". " + MILL.text(25), name="b", outlet="Beta"),
            article(brief, name="c", outlet="Alpha"),
            article(brief, name="d", outlet="Beta"),
            article("", name="e", outlet="Beta"),
            article("Sí.", name="f", outlet="Beta"),
        ],
    )
    assert [reason(outcome) for outcome in outcomes] == ["no_match", "no_match"] + ["too_short"] * 4


@pytest.mark.parametrize(
    "letters",
    ["天地玄黃宇宙洪荒日月盈昃辰宿列張寒來暑往秋收冬藏閏餘成歲律呂調陽", "กขคงจฉชซฌญฎฏฐฑฒณดตถทธนบปผฝพฟภมยรลวศษสหฬอฮ"],
)
def test_copies_are_found_in_languages_without_spaces(redis_url, letters):
    import random

    chance = random.Random(3)
    text = "。".join("".join(chance.choices(letters, k=30)) for _ in range(20))
    other = "。".join("".join(chance.choices(letters, k=30)) for _ in range(20))
    changed = text[:200] + other[:20] + text[220:]
    outcomes = run(
        redis_url,
        [
            article(text, name="a", outlet="Alpha"),
            article(other, name="b", outlet="Beta"),
            article(changed, name="c", outlet="Gamma"),
        ],
    )
    assert reason(outcomes[1]) == "no_match"
    alert = alert_in(outcomes[2])
    assert alert is not None
    assert alert.matches[0].article.outlet == "Alpha"


def test_very_long_articles_are_compared(redis_url):
    text = MILL.text(40_000)
    outcomes = run(
        redis_url,
        [article(text, name="a", outlet="Alpha"), article(MILL.edited(text, 0.02), name="b", outlet="Beta")],
    )
    alert = alert_in(outcomes[1])
    assert alert is not None
    assert alert.matches[0].relation == "near"


def test_a_sighting_joins_and_neither_alerts_nor_counts(redis_url):
    events = [
        article(STORY, name="inlined", outlet="Alpha", aggregator="Allnews", part="inlined", url=None),
        article(STORY, name="own-page", outlet="Alpha"),
        article(STORY, name="copy", outlet="Beta"),
        article(STORY, name="mirror", outlet="Alpha"),
    ]
    outcomes = run(redis_url, events)
    assert [alert_in(outcome) is not None for outcome in outcomes] == [False, False, True, False]
    [sighting] = [event for _, event in clusters_in(outcomes[1]) if event is not None and event.is_sighting]
    assert sighting.kind == "member"
    *_, (_, summary) = clusters_in(outcomes[3])
    assert summary is not None
    assert (summary.size, summary.outlet_count) == (4, 2)


def test_an_aggregator_and_an_unknown_outlet_never_alert_and_never_count(redis_url):
    events = [
        article(STORY, name="a", outlet="Alpha"),
        article(STORY, name="b", outlet="Allnews", aggregator="Allnews"),
        article(STORY, name="c", outlet="unknown", aggregator="Allnews"),
        article(STORY, name="d", outlet="Beta"),
    ]
    outcomes = run(redis_url, events)
    assert [alert_in(outcome) is not None for outcome in outcomes] == [False, False, False, True]
    alert = alert_in(outcomes[3])
    assert alert is not None
    assert [match.article.outlet for match in alert.matches] == ["Alpha"]
    assert (alert.cluster.size, alert.cluster.outlet_count) == (4, 2)


def test_a_revision_tells_what_changed_and_is_no_duplicate(redis_url):
    before = STORY + "\nThe minister said a deal was unlikely this year."
    after = STORY + "\nThe minister said a deal was likely this year. Talks go on."
    outcomes = run(
        redis_url,
        [
            article(before, name="a", outlet="Alpha"),
            article(after, name="a", outlet="Alpha", minutes=30, headline="Another headline"),
        ],
    )
    assert alert_in(outcomes[1]) is None
    revision = revision_in(outcomes[1])
    assert revision is not None
    assert [(change.kind, change.text) for change in revision.changes] == [
        ("deleted", "unlikely"),
        ("inserted", "likely"),
        ("inserted", "Talks go on."),
    ]
    for change in revision.changes:
        text = after if change.kind == "inserted" else before
        assert text[change.start : change.end] == change.text
    assert revision.headline_changed
    assert revision.previous_headline == "A headline"


def test_another_release_of_the_cleaner_and_an_earlier_fetch_make_no_revision(redis_url):
    outcomes = run(
        redis_url,
        [
            article(STORY, name="a", minutes=10),
            article(STORY + " More.", name="a", minutes=20, extraction=Extraction(version="2")),
            article(STORY + " Less.", name="a", minutes=5, extraction=Extraction(version="2")),
        ],
    )
    assert [revision_in(outcome) for outcome in outcomes] == [None, None, None]


def test_an_update_with_the_same_matches_is_discarded_and_one_with_more_points_back(redis_url):
    other = MILL.text(400)
    events = [
        article(STORY, name="a", outlet="Alpha"),
        article(MILL.edited(STORY, 0.01), name="b", outlet="Beta", minutes=5),
        article(STORY + "\nOne line.", name="b", outlet="Beta", minutes=9, extraction=Extraction(version="2")),
        article(other, name="c", outlet="Gamma", minutes=10),
        article(STORY + "\n" + other, name="b", outlet="Beta", minutes=20, extraction=Extraction(version="3")),
    ]
    outcomes = run(redis_url, events)
    first, last = alert_in(outcomes[1]), alert_in(outcomes[4])
    assert first is not None
    assert last is not None
    assert reason(outcomes[2]) == "same_matches"
    assert {match.article.outlet for match in last.matches} == {"Alpha", "Gamma"}
    assert last.previous_alert_id == first.alert_id


def test_the_same_version_in_another_record_is_known(redis_url):
    event = article(STORY, name="a")
    outcomes = run(redis_url, [event, event.model_copy(update={"fetched_at": NOON + timedelta(hours=2)})])
    assert reason(outcomes[1]) == "known_version"


def test_articles_further_apart_than_the_window_never_match(redis_url):
    events = [
        article(STORY, name="a", outlet="Alpha"),
        article(STORY, name="b", outlet="Beta", minutes=60 * 72 + 1),
        article(STORY, name="c", outlet="Gamma", minutes=60 * 72 - 1),
        article(STORY, name="d", outlet="Delta", minutes=-60 * 24 * 30),
    ]
    outcomes = run(redis_url, events)
    assert reason(outcomes[1]) == "no_match"
    alert = alert_in(outcomes[2])
    assert alert is not None
    assert {match.article.outlet for match in alert.matches} == {"Alpha", "Beta"}
    assert reason(outcomes[3]) == "no_match"


def test_clusters_merge_into_the_older_one_and_say_so(redis_url):
    one, other = MILL.text(300), MILL.text(300)
    events = [
        article(one, name="a", outlet="Alpha"),
        article(other, name="b", outlet="Beta"),
        article(other, name="c", outlet="Gamma"),
        article(one, name="d", outlet="Delta"),
        article(one + "\n" + other, name="e", outlet="Epsilon"),
    ]
    outcomes = run(redis_url, events)
    younger, older = alert_in(outcomes[2]), alert_in(outcomes[3])
    last = alert_in(outcomes[4])
    assert younger is not None
    assert older is not None
    assert last is not None
    assert last.cluster.cluster_id == older.cluster.cluster_id
    [(key, merged)] = [(key, event) for key, event in clusters_in(outcomes[4]) if event and event.kind == "merged"]
    assert key == younger.cluster.cluster_id
    assert merged is not None
    assert merged.merged_into == older.cluster.cluster_id
    assert (last.cluster.size, last.cluster.outlet_count) == (5, 5)


def test_a_withdrawn_article_leaves_index_and_cluster(redis_url):
    events = [
        article(STORY, name="a", outlet="Alpha", published_minutes=-60),
        article(STORY, name="b", outlet="Beta", minutes=1, published_minutes=-50),
        article(STORY, name="c", outlet="Gamma", minutes=2, published_minutes=-40),
        article("", name="a", outlet="Alpha", minutes=10, status="withdrawn"),
        article(STORY, name="d", outlet="Delta", minutes=11),
        article(STORY + " Late.", name="a", outlet="Alpha", minutes=4),
        article(MILL.text(200), name="lonely", minutes=20, status="withdrawn"),
    ]
    outcomes = run(redis_url, events)
    (gone_key, gone), (_, summary) = clusters_in(outcomes[3])
    assert gone is None
    assert gone_key is not None
    assert gone_key.endswith("|" + events[0].article_id)
    assert summary is not None
    assert (summary.size, summary.outlet_count) == (2, 2)
    assert summary.earliest is not None
    assert summary.earliest.outlet == "Beta"
    alert = alert_in(outcomes[4])
    assert alert is not None
    assert {match.article.outlet for match in alert.matches} == {"Beta", "Gamma"}
    # fetched before the withdrawal, arrived after it
    assert reason(outcomes[5]) == "withdrawn"
    assert reason(outcomes[6]) == "withdrawn"


def test_a_tombstone_removes_as_a_withdrawal_does(redis_url):
    async def main() -> tuple[Outcome, Outcome, Outcome]:
        service = build(runtime(redis_url))
        await feed(service, [article(STORY, name="a", outlet="Alpha"), article(STORY, name="b", outlet="Beta")])
        assert service.process_tombstone is not None
        key = article(STORY, name="a").article_id
        record = Record(CLEAN_ARTICLES.name, 0, 9, key.encode(), None, (), NOON + timedelta(hours=1))
        gone = await service.process_tombstone(key, record)
        again = await service.process_tombstone(key, record)
        unknown = await service.process_tombstone("f" * 32, record)
        await service.stop()
        return gone, again, unknown

    gone, again, unknown = asyncio.run(main())
    assert isinstance(gone, Emit)
    assert values(gone) == values(again)
    assert reason(unknown) == "tombstone"


def test_a_redelivery_is_byte_equal_however_the_batches_fall(redis_url):
    events = [
        article(MILL.edited(STORY, share / 100), name=f"p{i}", outlet=f"Outlet {i}", minutes=i)
        for i, share in enumerate([0, 1, 2, 3, 1, 2])
    ]
    events.append(article(STORY + "\nAn addition to it.", name="p1", outlet="Outlet 1", minutes=9))
    events.append(article("", name="p0", outlet="Outlet 0", minutes=10, status="withdrawn"))
    events.append(article(STORY, name="p9", outlet="Outlet 9", minutes=11))
    first = [values(outcome) for outcome in run(redis_url, events, batch=4)]
    assert sum(1 for outcome in first if outcome[0][0] == DUPLICATE_ALERTS.name) >= 5
    assert [values(outcome) for outcome in run(redis_url, events, batch=1)] == first
    assert [values(outcome) for outcome in run(redis_url, events[3:], batch=8)] == first[3:]


def test_what_arrives_in_batches_is_what_arrives_singly(redis_url, fresh_redis):
    texts = [MILL.text(200) for _ in range(6)]
    events = [
        article(MILL.edited(texts[i % 6], 0.02), name=f"p{i % 30}", outlet=f"Outlet {i % 9}", minutes=i)
        for i in range(48)
    ]
    singly = [values(outcome) for outcome in run(redis_url, events, batch=1)]
    together = [values(outcome) for outcome in run(fresh_redis().url, events, batch=32)]
    assert singly == together


def test_five_hundred_outlets_with_one_agency_text_make_499_alerts(redis_url):
    text = "HARBOUR CITY, March 2 (Reuters) - " + MILL.text(300)
    events = [article(text, name=f"o{i}", outlet=f"Outlet {i}", minutes=i / 10) for i in range(500)]
    outcomes = run(redis_url, events, batch=50)
    alerts = [alert for outcome in outcomes if (alert := alert_in(outcome)) is not None]
    assert len(alerts) == 499
    assert {alert.cluster.cluster_id for alert in alerts} == {alerts[0].cluster.cluster_id}
    assert (alerts[-1].cluster.size, alerts[-1].cluster.outlet_count, alerts[-1].match_count) == (500, 500, 499)
    assert all(len(alert.matches) <= 16 for alert in alerts)
    assert all(alert.cluster.earliest.outlet == "Outlet 0" for alert in alerts)
    assert all(any(match.article.outlet == "Outlet 0" for match in alert.matches) for alert in alerts)
    assert alerts[0].wire is not None
    assert alerts[0].wire.agency == "Reuters"


def test_an_agency_is_likely_where_the_copies_credit_it(redis_url):
    outcomes = run(
        redis_url,
        [
            article("PORT, March 2 (AP) — " + STORY, name="a", outlet="Alpha"),
            article(STORY, name="b", outlet="Beta"),
        ],
    )
    alert = alert_in(outcomes[1])
    assert alert is not None
    assert alert.wire is not None
    assert alert.wire.agency == "Associated Press"
    assert "Alpha" in alert.wire.evidence


def test_an_article_from_the_future_is_invalid(redis_url):
    event = article(STORY, name="a", minutes=0)
    [record] = records([event])
    late = Record(record.topic, 0, 0, record.key, record.value, (), NOON - timedelta(hours=2))

    async def main() -> None:
        service = build(runtime(redis_url))
        with pytest.raises(InvalidRecordError, match="fetched_at"):
            await service.process(event, late)
        await service.stop()

    asyncio.run(main())


def test_a_redis_that_may_evict_is_refused_at_start(fresh_redis):
    server = fresh_redis(arguments=("--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"))
    with pytest.raises(ConfigurationError, match="noeviction"):
        run(server.url, [])


def test_every_key_expires(redis_url):
    run(
        redis_url,
        [
            article(STORY, name="a", outlet="Alpha"),
            article(STORY, name="b", outlet="Beta"),
            article("", name="a", outlet="Alpha", minutes=10, status="withdrawn"),
        ],
    )
    with redis.Redis.from_url(redis_url) as client:
        keys = list(client.scan_iter(count=1000))
        assert len(keys) > 20
        assert [key for key in keys if client.ttl(key) < 0] == []
        assert all(key.startswith(b"newsloom:duplicates:{0}:") for key in keys)


def test_the_expiry_of_buckets_is_put_off_while_articles_come(redis_url):
    run(redis_url, [article(STORY, name="a")])
    with redis.Redis.from_url(redis_url) as client:
        buckets = list(client.scan_iter(match="newsloom:duplicates:{0}:p:*", count=10_000))
        assert len(buckets) >= 4096
        for key in buckets:
            client.expire(key, 60)
        layout = "newsloom:duplicates:{0}:layout"
        # half a window and more has gone by since they were looked at
        client.hset(layout, "tended_at", float(client.time()[0]) - 3600 * 96)
        for name in "bc":
            run(redis_url, [article(MILL.text(100), name=name, minutes=1)])
        assert min(client.ttl(key) for key in buckets) > 3600 * 96


def test_the_metrics_tell_the_size_of_the_index_while_no_record_comes(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates_service, "_MEASURE_SECONDS", 0.02)
    redis_client = redis.Redis.from_url(redis_url)

    async def until(articles: int) -> None:
        async with asyncio.timeout(10):
            while metrics.ARTICLES._value.get() != articles:
                await asyncio.sleep(0.01)

    async def main() -> None:
        service = build(runtime(redis_url), DuplicatesSettings())
        await service.start()
        try:
            await until(0)
            await feed(service, [article(MILL.text(300), name=f"size-{number}") for number in range(3)])
            await until(3)
            assert metrics.RECORD_BYTES._value.get() > 0
            redis_client.flushall()
            await until(0)
        finally:
            await service.stop()

    asyncio.run(main())


def test_a_right_to_measure_that_is_missing_ends_the_worker_with_a_line_that_names_it(
    redis_url: str,
) -> None:
    redis_client = redis.Redis.from_url(redis_url)
    redis_client.execute_command("ACL", "SETUSER", "nomemory", "on", ">p", "~*", "+@all", "-info", "+config")
    refused = redis_url.replace("redis://", "redis://nomemory:p@")

    async def main() -> None:
        service = build(runtime(refused), DuplicatesSettings())
        await service.start()
        try:
            await asyncio.sleep(0.2)
            with pytest.raises(ConfigurationError, match=r"does not allow this user the size.*INFO|info"):
                await feed(service, [article(STORY)])
        finally:
            await service.stop()

    try:
        asyncio.run(main())
    finally:
        redis_client.execute_command("ACL", "DELUSER", "nomemory")

"""From an arriving article and the index's candidates to what is settled: matches, links, revision, payload."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from schemas.articles import CleanArticle
from schemas.duplicates import (
    MAX_MATCHES,
    ArticleRevision,
    Match,
    Passage,
    Similarity,
    WireCredit,
    alert_id,
)
from services.duplicates.check import Record, outlet_digest, pack_hashes
from services.duplicates.index import Arrival, Found, Member, Settlement
from services.duplicates.relations import Article, Decision, decide, passages_of
from services.duplicates.revisions import revise
from services.duplicates.stored import (
    StoredArticle,
    key_of,
    milliseconds,
    ref_from,
    ref_json,
    ref_list,
)

_STRENGTH: Final = {"exact": 0, "near": 1, "excerpt": 2}
MOST_LINKS: Final = 24


@dataclass(frozen=True)
class Verdict:
    """What `decide` said of one stored article."""

    stored: StoredArticle
    decision: Decision
    number: int
    article: Article


@dataclass(frozen=True)
class Payload:
    """What an alert and a revision are composed from, kept for redeliveries."""

    matches: tuple[Match, ...]
    match_count: int
    is_capped: bool
    wire: WireCredit | None
    revision: ArticleRevision | None

    def to_bytes(self) -> bytes:
        """The payload compressed."""
        data = [
            [_match_list(match) for match in self.matches],
            self.match_count,
            int(self.is_capped),
            [self.wire.agency, self.wire.evidence] if self.wire is not None else None,
            self.revision.model_dump(mode="json", exclude_defaults=True) if self.revision is not None else None,
        ]
        return zlib.compress(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode(), 6)

    @classmethod
    def from_bytes(cls, value: bytes) -> Payload:
        """The payload in `value`."""
        matches, match_count, is_capped, wire, revision = json.loads(zlib.decompress(value))
        return cls(
            tuple(_match_from(match) for match in matches),
            match_count,
            bool(is_capped),
            WireCredit(agency=wire[0], evidence=wire[1]) if wire is not None else None,
            ArticleRevision.model_validate(revision) if revision is not None else None,
        )


def _match_list(match: Match) -> list[Any]:
    similarity = match.similarity
    return [
        ref_list(match.article),
        match.relation,
        [similarity.jaccard, similarity.article_containment, similarity.match_containment],
        [[one.article_start, one.article_end, one.match_start, one.match_end, one.words] for one in match.passages],
    ]


def _match_from(fields: list[Any]) -> Match:
    ref, relation, (jaccard, article_containment, match_containment), passages = fields
    return Match(
        article=ref_from(ref),
        relation=relation,
        similarity=Similarity(
            jaccard=jaccard, article_containment=article_containment, match_containment=match_containment
        ),
        passages=tuple(
            Passage(article_start=start, article_end=end, match_start=other, match_end=other_end, words=words)
            for start, end, other, other_end, words in passages
        ),
    )


def arrive(clean: CleanArticle, owner: str, *, keeps_texts: bool = True) -> tuple[Article, Arrival]:
    """The article ready for comparing, and what goes into the index."""
    article = Article(clean)
    article.count()
    return article, arrival_of(article, clean, owner, keeps_texts=keeps_texts)


def arrival_of(article: Article, clean: CleanArticle, owner: str, *, keeps_texts: bool = True) -> Arrival:
    """What goes into the index for the counted `article`, which `owner` brought as `clean`."""
    article_key = key_of(clean.article_id)
    fetched_ms = milliseconds(clean.fetched_at)
    halves, sketch = article.halves, article.sketch
    record = Record(
        article_key=article_key,
        outlet=outlet_digest(clean.outlet.id),
        digest=article.digest,
        shingles=len(halves),
        sketch=len(sketch),
        fetched_ms=fetched_ms,
        packed=pack_hashes(halves) if not article.is_short else b"",
    )
    return Arrival(
        article_key=article_key,
        version_key=key_of(clean.version_id),
        owner=owner,
        fetched_ms=fetched_ms,
        sketch=sketch,
        record=record.to_bytes(),
        text=article.stored.to_bytes() if keeps_texts else b"",
    )


def judge_candidates(article: Article, found: Found, *, window_ms: int) -> list[Verdict]:
    """The decision on each candidate whose text is kept, in the order of the candidates."""
    verdicts: list[Verdict] = []
    for candidate in found.candidates:
        if candidate.text is None:
            continue
        record = Record.from_bytes(candidate.record)
        if record.article_key == article.stored.article_key:
            continue
        match = _unpacked(candidate.text)
        decision = decide(article, record, match, hits=candidate.hits, window_ms=window_ms)
        if decision.kind != "none":
            verdicts.append(Verdict(match.stored, decision, candidate.number, match))
    return verdicts


@lru_cache(maxsize=128)
def _unpacked(packed: bytes) -> Article:
    # what copies meet, their siblings meet next: an agency's text is opened and counted once for a hundred outlets
    return Article(packed)


def member_of(stored: StoredArticle, number: int, *, is_sighting: bool) -> Member:
    """The article as a cluster keeps it; `number` is its arrival's."""
    return Member(
        article_key=stored.article_key,
        number=number,
        fetched_ms=milliseconds(stored.ref.fetched_at),
        outlet_id=stored.ref.outlet_id,
        is_counted=stored.is_counted,
        score=stored.published_ms,
        reason=stored.published_reason,
        is_sighting=is_sighting,
        ref=ref_json(stored.ref),
    )


def settle_plan(
    article: Article, owner: str, found: Found, verdicts: Sequence[Verdict], *, is_capped: bool
) -> Settlement | None:
    """What is to be settled for the article that `owner` brought; None when it matches nothing and revises nothing."""
    if not verdicts and found.previous is None:
        return None
    stored = article.stored
    revision = None
    if found.previous is not None:
        revision = revise(article, Article(found.previous))
    united = [verdict for verdict in verdicts if verdict.decision.relation in ("exact", "near")]
    best: dict[str, Verdict] = {}
    for verdict in sorted(verdicts, key=_strength):
        if verdict.decision.kind == "duplicate" and stored.is_counted and verdict.stored.is_counted:
            best.setdefault(verdict.stored.ref.outlet_id, verdict)
    if not united and not best and revision is None:
        return None
    listed = sorted(best.values(), key=_strength)
    if len(listed) > MAX_MATCHES:
        earliest = min(listed, key=lambda verdict: (verdict.stored.published_ms, verdict.number))
        kept = listed[:MAX_MATCHES]
        listed = kept if earliest in kept else [*kept[:-1], earliest]
    matches = tuple(_match(article, verdict) for verdict in listed)
    payload = Payload(matches, len(best), is_capped, _wire(article, list(best.values())), revision)
    links: dict[str, Member] = {}
    for verdict in united[:MOST_LINKS]:
        # a sighting is told from the side of the later one; what it met stays what it was
        links.setdefault(verdict.stored.article_key, member_of(verdict.stored, verdict.number, is_sighting=False))
    is_sighting = any(verdict.decision.kind == "sighting" for verdict in united)
    return Settlement(
        version_key=key_of(stored.ref.version_id),
        owner=owner,
        member=member_of(stored, found.number, is_sighting=is_sighting),
        payload=payload.to_bytes(),
        alert_id=alert_id(stored.ref.article_id, stored.ref.version_id),
        tokens=tuple(
            sorted(f"{outlet}|{verdict.decision.relation}".replace("\n", " ") for outlet, verdict in best.items())
        ),
        links=tuple(links.values()),
        needs_cluster=bool(best),
    )


def _strength(verdict: Verdict) -> tuple[int, float, int, int]:
    relation = verdict.decision.relation or "excerpt"
    # an outlet's own page says more than a copy of it inlined elsewhere
    inlined = 0 if verdict.stored.part == "main" else 1
    return _STRENGTH[relation], -verdict.decision.overlap.jaccard, inlined, verdict.number


def _match(article: Article, verdict: Verdict) -> Match:
    overlap = verdict.decision.overlap
    if verdict.decision.relation is None:
        raise ValueError("a match has a relation")
    return Match(
        article=verdict.stored.ref,
        relation=verdict.decision.relation,
        similarity=Similarity(
            jaccard=round(overlap.jaccard, 4),
            article_containment=round(overlap.article_containment, 4),
            match_containment=round(overlap.match_containment, 4),
        ),
        passages=passages_of(article.located, verdict.article.located, verdict.decision.runs),
    )


def _wire(article: Article, verdicts: Sequence[Verdict]) -> WireCredit | None:
    """The agency that the article credits; else the likely one, which most of its matches credit."""
    if article.credit is not None:
        return WireCredit(agency=article.credit.agency, evidence=article.credit.evidence)
    votes: dict[str, int] = {}
    said: dict[str, str] = {}
    for verdict in verdicts:
        credit = verdict.article.credit if verdict.decision.relation != "excerpt" else None
        if credit is not None:
            votes[credit.agency] = votes.get(credit.agency, 0) + 1
            said.setdefault(credit.agency, f"likely: {verdict.stored.ref.outlet} credits it: {credit.evidence}")
    if not votes:
        return None
    agency = min(votes, key=lambda name: (-votes[name], name))
    return WireCredit(agency=agency, evidence=said[agency])

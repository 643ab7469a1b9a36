"""What came out of the suite, as a person would want to read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from rich.console import Console, Group
from rich.padding import Padding
from rich.text import Text

from schemas.articles import CleanArticle, Published
from schemas.duplicates import ArticleRevision, DuplicateAlert
from schemas.entities import ArticleEntities
from services.commands.console import text

_KINDS: Final = (("PER", "people"), ("ORG", "organisations"), ("LOC", "places"), ("MISC", "other names"))
_SHOWN_ENTITIES: Final = 8


def when(published: Published) -> str:
    """A publication time as words: the point, or the interval it lies in."""
    if published.at is not None:
        return _minute(published.at)
    if published.earliest_at is not None and published.latest_at is not None:
        return f"between {_minute(published.earliest_at)} and {_minute(published.latest_at)}"
    return "time unknown"


def _minute(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%d %H:%M")


def show_articles(console: Console, articles: Sequence[CleanArticle], entities: dict[str, ArticleEntities]) -> None:
    """Each article with where it was found, how it begins, what was taken away and whom it names."""
    console.print(Text(f"Clean articles ({len(articles)})", style="bold underline"))
    first: dict[str, int] = {}
    for place, article in enumerate(articles):
        first.setdefault(article.page_id, place)
    # by page, in the order of arrival; on a page the main article before the inlined ones
    for article in sorted(articles, key=lambda one: (first[one.page_id], one.part != "main", one.fetched_at)):
        via = [given.name for given in article.attribution if given.role == "aggregator"]
        place = article.outlet.name + (f" via {', '.join(via)}" if via else "")
        part = ", inlined on another's page" if article.part == "inlined" else ""
        lines: list[Text] = []
        if article.status == "withdrawn":
            lines.append(text("withdrawn by its outlet", "red"))
        else:
            authors = ", ".join(author.name for author in article.byline)
            lines.append(
                text(f"{place}{part} · {when(article.published)}" + (f" · {authors}" if authors else ""), "cyan")
            )
            lines.append(text(_beginning(article.text), ""))
            removed = Counter(span.kind for span in article.removed)
            taken = ", ".join(f"{count} {kind}" for kind, count in removed.most_common())
            lines.append(
                text(
                    f"{article.word_count} words, {article.language.code}, quality {article.extraction.quality:.2f}"
                    + (f"; taken away: {taken}" if taken else ""),
                    "dim",
                )
            )
        found = entities.get(article.article_id)
        if found is not None:
            lines.extend(_entity_lines(found))
        console.print(text(f"\n{article.headline or '(no headline)'}", "bold"))
        console.print(Padding(Group(*lines), (0, 0, 0, 3)))


def _beginning(body: str, limit: int = 240) -> str:
    first = " ".join(body.split())
    return first if len(first) <= limit else first[:limit].rsplit(" ", 1)[0] + " …"


def _entity_lines(found: ArticleEntities) -> list[Text]:
    if found.model.skipped:
        return [text(f"entities: none, {found.model.skipped}", "dim")]
    lines: list[Text] = []
    for label, name in _KINDS:
        named = [entity for entity in found.entities if entity.label == label]
        if named:
            shown = ", ".join(
                f"{entity.name}" + (f" ×{entity.mention_count}" if entity.mention_count > 1 else "")
                for entity in named[:_SHOWN_ENTITIES]
            )
            more = f" and {len(named) - _SHOWN_ENTITIES} more" if len(named) > _SHOWN_ENTITIES else ""
            lines.append(Text(f"{name}: ", style="green") + text(shown + more))
    return lines


def show_alerts(console: Console, alerts: Sequence[DuplicateAlert], revisions: Sequence[ArticleRevision]) -> None:
    """Each duplicate alert with its matches and their evidence, then the revisions."""
    console.print(Text(f"\nDuplicate alerts ({len(alerts)})", style="bold underline"))
    for alert in alerts:
        console.print(text(f"\n{alert.article.outlet}: {alert.article.headline}", "bold"))
        for match in alert.matches:
            likeness = match.similarity
            words = match.passages[0].words if match.passages else 0
            console.print(
                Padding(
                    text(
                        f"{match.relation} of {match.article.outlet}: {match.article.headline} "
                        f"(Jaccard {likeness.jaccard:.2f}, containment {likeness.article_containment:.2f} / "
                        f"{likeness.match_containment:.2f}, longest shared run {words} words)"
                    ),
                    (0, 0, 0, 3),
                )
            )
        earliest = alert.cluster.earliest
        wire = f"; credits {alert.wire.agency}" if alert.wire else ""
        console.print(
            Padding(
                text(
                    f"{alert.cluster.outlet_count} outlets carry it, the earliest known is {earliest.outlet}{wire}",
                    "dim",
                ),
                (0, 0, 0, 3),
            )
        )
    if revisions:
        console.print(Text(f"\nRevisions ({len(revisions)})", style="bold underline"))
        for revision in revisions:
            console.print(text(f"\n{revision.article.outlet}: {revision.article.headline}", "bold"))
            for change in revision.changes[:6]:
                sign, style = ("+", "green") if change.kind == "inserted" else ("-", "red")
                console.print(Padding(text(f"{sign} {_beginning(change.text, 120)}", style), (0, 0, 0, 3)))

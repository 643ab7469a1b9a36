"""`newsloom why`: the decision on two articles, or what the index knows of one, with figures and passages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from schemas.duplicates import ArticleRef
from services.commands import console
from services.commands.console import text
from services.duplicates.explain import ClusterView, Explanation, why
from services.runtime.settings import RuntimeSettings


def ask(settings: RuntimeSettings, names: Sequence[str]) -> list[Explanation | ClusterView]:
    """What the index says of one or two article ids or addresses. Raises SuiteError for what it does not hold."""
    return asyncio.run(why(settings, names))


def as_json(view: Explanation | ClusterView) -> dict[str, Any]:
    """For --json."""
    if isinstance(view, ClusterView):
        return {
            "article": view.article.model_dump(mode="json"),
            "cluster_id": view.cluster_id,
            "members": [member.model_dump(mode="json") for member in view.members],
            "explanations": [as_json(explanation) for explanation in view.explanations],
        }
    overlap = view.decision.overlap
    return {
        "article": view.article.model_dump(mode="json"),
        "match": view.match.model_dump(mode="json"),
        "decision": view.decision.kind,
        "relation": view.decision.relation,
        "reason": view.decision.reason,
        "meaning": view.meaning,
        "overlap": {
            **asdict(overlap),
            "jaccard": overlap.jaccard,
            "article_containment": overlap.article_containment,
            "match_containment": overlap.match_containment,
        },
        "sketch_hits": view.sketch_hits,
        "hours_apart": view.hours_apart,
        "clusters": view.clusters,
        "passages": [
            {**shared.passage.model_dump(), "article_text": shared.article_text, "match_text": shared.match_text}
            for shared in view.passages
        ],
    }


def show(view: Explanation | ClusterView) -> None:
    """Print the view for a person."""
    if isinstance(view, Explanation):
        _show_pair(view)
        return
    console.out.print(text(_named(view.article), "bold"))
    if view.cluster_id is None:
        console.out.print(text("in no cluster: no other outlet's article that is held has its words"))
        return
    console.out.print(text(f"cluster {view.cluster_id} with {len(view.members)} other members"))
    for explanation in view.explanations:
        console.out.print()
        _show_pair(explanation)


def _show_pair(view: Explanation) -> None:
    overlap = view.decision.overlap
    relation = f", {view.decision.relation}" if view.decision.relation else ""
    console.out.print(text(f"{view.decision.kind}{relation}: {view.meaning}", "bold"))
    for name, ref in (("article", view.article), ("match", view.match)):
        console.out.print(text(f"  {name}: {_named(ref)}"))
    console.out.print(
        text(
            f"  {overlap.shared:.0f} shingles shared of {overlap.article} and {overlap.match}: "
            f"Jaccard {overlap.jaccard:.3f}, "
            f"containment {overlap.article_containment:.3f} / {overlap.match_containment:.3f}; "
            f"{view.sketch_hits} sketch hits; fetched {view.hours_apart:.1f} hours apart"
        )
    )
    for shared in view.passages:
        if console.is_terminal():
            table = Table(title=f"{shared.passage.words} words", title_justify="left", show_header=False, expand=True)
            table.add_column(ratio=1)
            table.add_column(ratio=1)
            table.add_row(text(shared.article_text), text(shared.match_text))
            console.out.print(table)
        else:
            console.out.print(text(f"  {shared.passage.words} words"), soft_wrap=True)
            console.out.print(text(f"    article: {shared.article_text}"), soft_wrap=True)
            console.out.print(text(f"    match:   {shared.match_text}"), soft_wrap=True)


def _named(ref: ArticleRef) -> str:
    return f"{ref.outlet}: {ref.headline} ({ref.article_id}, {ref.url or 'inlined'})"

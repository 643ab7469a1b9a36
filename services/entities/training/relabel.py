"""Unlabelled news, labelled by a trained network: `python -m services.entities.training.relabel --network FILE ...`.

The teacher reads each paragraph; the document pass then reads each article whole, and where it knows better than the
paragraph alone (a surname, a repeat, a vote) its label is taken. So the student learns from one paragraph what the
teacher could only tell from the article. Scudder, "Probability of error of some adaptive pattern-recognition machines",
1965 (self-training).
"""
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import argparse
import gzip
import json
import logging
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from services.entities.decoding import best_path
from services.entities.document import placed, read_whole
from services.entities.encoding import LABELS, Encoder, words
from services.entities.mentions import Article
from services.entities.mentions import paragraphs as article_paragraphs
from services.entities.recognizer import Found
from services.entities.scoring import joined
from services.entities.spans import tidied
from services.entities.training import data as sets
from services.entities.training.network import Network, stored
from services.entities.transformer import TransformerRecognizer

logger = logging.getLogger("relabel")

CORRECTED = 0.9
"""The probability of a label that the document pass has changed."""


@dataclass(frozen=True, slots=True)
class PseudoParagraph:
    """Words and, for each, a distribution over the labels [words, labels]."""

    words: tuple[str, ...]
    probabilities: torch.Tensor


def read_pseudo(path: Path) -> list[PseudoParagraph]:
    """The paragraphs written by `main`, in order."""
    stored = torch.load(path, weights_only=True)
    return [
        PseudoParagraph(tuple(text.split(" ")), probabilities.float() / 255)
        for text, probabilities in zip(stored["words"], stored["probabilities"], strict=True)
    ]


class TorchNetwork:
    """A trained network behind the same port as the exported one."""

    def __init__(self, network: Network, device: torch.device) -> None:
        self._network = network.to(device).eval()
        self._device = device

    def logs(self, ids, features) -> np.ndarray:
        """[pieces, labels]."""
        with torch.inference_mode():
            scores = self._network(
                torch.tensor([list(ids)], device=self._device), torch.tensor([list(features)], device=self._device)
            )
            return torch.log_softmax(scores[0].float(), dim=-1).cpu().numpy()


class Teacher(TransformerRecognizer):
    """The recognizer, with each paragraph's distributions kept beside the names."""

    def distributions(self, text: str) -> tuple[list[str], list[tuple[int, int]], np.ndarray, tuple[Found, ...]]:
        """(words, their offsets, probabilities [words, labels], names) of one paragraph."""
        found = [word for word in words(text) if self._encoder.pieces(word.text)]
        if not found:
            return [], [], np.zeros((0, len(LABELS))), ()
        logs = self._scores([word.text for word in found])
        names = [
            Found(found[a].start, found[b - 1].end, label, float(np.exp(logs[a:b].max(axis=1).min())))  # type: ignore
            for a, b, label in best_path(logs)
        ]
        return (
            [word.text for word in found],
            [(word.start, word.end) for word in found],
            np.exp(logs),
            tidied(text, names),
        )


def articles(folder: Path, count: int, seed: int) -> Iterator[Article]:
    """`count` of the unlabelled articles, chosen by `seed`."""
    with gzip.open(folder / "articles.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    rng = random.Random(seed)
    for row in rng.sample(rows, min(count, len(rows))):
        yield Article(row["title"], row["text"])


def relabelled(teacher: Teacher, article: Article, *, longest: int = 110) -> list[PseudoParagraph]:
    """The article's paragraphs, cut to at most `longest` words, with what the teacher and the document pass say."""
    parts = article_paragraphs(article)
    read = [teacher.distributions(text) for _, _, text in parts]
    whole = read_whole(article, placed(parts, [names for *_, names in read]))
    out: list[PseudoParagraph] = []
    for (field, offset, _), (texts, offsets, probabilities, _) in zip(parts, read, strict=True):
        if len(texts) < 4:
            continue
        state = np.zeros(len(texts), dtype=int)
        for span in whole:
            if span.field != field:
                continue
            inside = [i for i, (a, b) in enumerate(offsets) if span.start <= a + offset and b + offset <= span.end]
            for n, i in enumerate(inside):
                state[i] = LABELS.index(f"{'I' if n else 'B'}-{span.label}")
        target = probabilities.copy()
        changed = target.argmax(axis=1) != state
        target[changed] *= 1 - CORRECTED
        target[np.flatnonzero(changed), state[changed]] += CORRECTED
        for start in range(0, len(texts), longest):
            chunk = torch.from_numpy(target[start : start + longest])
            out.append(PseudoParagraph(tuple(texts[start : start + longest]), chunk))
    return out


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--network", type=Path, required=True)
    parser.add_argument("--minilm", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder with entities/ and duplicates/")
    parser.add_argument("--articles", type=int, default=500)
    parser.add_argument("--sentences", type=int, default=8000, help="sentences of the set whose labels are not used")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(arguments.threads)
    chosen = arguments.device
    device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if chosen == "auto" else chosen)
    network = stored(arguments.network)
    encoder = Encoder(Tokenizer.from_file(str(arguments.minilm / "tokenizer.json")))
    teacher = Teacher(TorchNetwork(network, device), encoder, name="teacher", version="0")
    out: list[PseudoParagraph] = []
    for n, article in enumerate(articles(arguments.data / "duplicates", arguments.articles, arguments.seed)):
        # the lead holds most of an article's new names
        out.extend(relabelled(teacher, Article(article.headline, article.text[:5000])))
        if n % 100 == 99:
            logger.info("%d articles, %d words", n + 1, sum(len(p.words) for p in out))
    texts = [
        joined(tokens)[0]
        for source, tokens, _ in sets.raw_sentences(arguments.data / "entities" / "annotated.jsonl.gz")
        if source.startswith("gmb")
    ]
    for text in random.Random(arguments.seed).sample(texts, min(arguments.sentences, len(texts))):
        out.extend(relabelled(teacher, Article("", text)))
    written = {
        "words": [" ".join(p.words) for p in out],
        "probabilities": [(p.probabilities * 255).round().to(torch.uint8) for p in out],
    }
    torch.save(written, arguments.out)
    logger.info("%d paragraphs, %d words", len(out), sum(len(p.words) for p in out))


if __name__ == "__main__":
    main()

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
from services.entities.encoding import LABELS, Encoded, Encoder, Word, words
from services.entities.mentions import Article
from services.entities.mentions import paragraphs as article_paragraphs
from services.entities.recognizer import Found
from services.entities.scoring import joined
from services.entities.spans import tidied
from services.entities.training import data as sets
from services.entities.training.network import padded, stored
from services.entities.training.teacher import TeacherNetwork
from services.entities.transformer import WINDOW_PIECES, TransformerRecognizer

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


def trained(path: Path) -> torch.nn.Module:
    """The network whose weights lie at `path`: a teacher, or one like those it teaches."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    if "distances.weight" not in state:
        return stored(path)
    network = TeacherNetwork(state["words.weight"].shape[0], state["piece_words"].shape[0])
    network.load_state_dict(state)
    return network


class TorchNetwork:
    """A trained network behind the same port as the exported one."""

    def __init__(self, network: torch.nn.Module, device: torch.device, *, bfloat16: bool = False) -> None:
        # autocast would make the weights small anew for every paragraph
        self._network = network.to(device, torch.bfloat16 if bfloat16 else torch.float32).eval()
        self._device = device
        self._ahead: dict[tuple[tuple[int, ...], tuple[int, ...]], np.ndarray] = {}

    def read_ahead(self, windows: list[Encoded], *, pieces: int = 1536) -> None:
        """Run `windows` together, those of like length at a time, for `logs` to find: three times as fast as singly."""
        self._ahead.clear()
        waiting = sorted(windows, key=lambda window: len(window.ids))
        while waiting:
            count = max(1, pieces // len(waiting[-1].ids))
            batch, waiting = waiting[-count:], waiting[:-count]
            ids, features, mask = padded(batch)
            with torch.inference_mode():
                scores = self._network(ids.to(self._device), features.to(self._device), mask.to(self._device))
                found = torch.log_softmax(scores.float(), dim=-1).cpu().numpy()
            for row, window in enumerate(batch):
                self._ahead[window.ids, window.features] = found[row, : len(window.ids)]

    def logs(self, ids, features) -> np.ndarray:
        """[pieces, labels]."""
        known = self._ahead.get((tuple(ids), tuple(features)))
        if known is not None:
            return known
        with torch.inference_mode():
            scores = self._network(
                torch.tensor([list(ids)], device=self._device), torch.tensor([list(features)], device=self._device)
            )
            return torch.log_softmax(scores[0].float(), dim=-1).cpu().numpy()


class Teacher(TransformerRecognizer):
    """The recognizer, with each paragraph's distributions kept beside the names."""

    def __init__(self, network: TorchNetwork, encoder: Encoder) -> None:
        super().__init__(network, encoder, name="teacher", version="0")
        self._torch = network

    def read_ahead(self, texts: list[str]) -> None:
        """Read the paragraphs that one window holds, for `distributions` to find."""
        windows = [self._encoder.encode([word.text for word in self._readable(text)]) for text in texts]
        # [CLS] and [SEP] stand around a window's pieces
        self._torch.read_ahead([window for window in windows if 2 < len(window.ids) <= WINDOW_PIECES + 2])

    def _readable(self, text: str) -> list[Word]:
        return [word for word in words(text) if self._encoder.pieces(word.text)]

    def distributions(self, text: str) -> tuple[list[str], list[tuple[int, int]], np.ndarray, tuple[Found, ...]]:
        """(words, their offsets, probabilities [words, labels], names) of one paragraph."""
        found = self._readable(text)
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
    parser.add_argument("--bfloat16", action=argparse.BooleanOptionalAction, default=False)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(arguments.threads)
    chosen = arguments.device
    device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if chosen == "auto" else chosen)
    network = trained(arguments.network)
    encoder = Encoder(Tokenizer.from_file(str(arguments.minilm / "tokenizer.json")))
    teacher = Teacher(TorchNetwork(network, device, bfloat16=arguments.bfloat16), encoder)
    out: list[PseudoParagraph] = []
    for n, article in enumerate(articles(arguments.data / "duplicates", arguments.articles, arguments.seed)):
        # the lead holds most of an article's new names
        lead = Article(article.headline, article.text[:5000])
        teacher.read_ahead([text for _, _, text in article_paragraphs(lead)])
        out.extend(relabelled(teacher, lead))
        if n % 100 == 99:
            logger.info("%d articles, %d words", n + 1, sum(len(p.words) for p in out))
    texts = [
        joined(tokens)[0]
        for source, tokens, _ in sets.raw_sentences(arguments.data / "entities" / "annotated.jsonl.gz")
        if source.startswith("gmb")
    ]
    sample = random.Random(arguments.seed).sample(texts, min(arguments.sentences, len(texts)))
    for start in range(0, len(sample), 500):
        teacher.read_ahead(sample[start : start + 500])
        for text in sample[start : start + 500]:
            out.extend(relabelled(teacher, Article("", text)))
    written = {
        "words": [" ".join(p.words) for p in out],
        "probabilities": [(p.probabilities * 255).round().to(torch.uint8) for p in out],
    }
    torch.save(written, arguments.out)
    logger.info("%d paragraphs, %d words", len(out), sum(len(p.words) for p in out))


if __name__ == "__main__":
    main()

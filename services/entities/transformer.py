"""The recognizers of our own: the networks in `model/`, run by onnxruntime on one thread."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol, cast

import numpy as np
import onnxruntime  # pyright: ignore[reportMissingTypeStubs]  # it has none
from numpy.typing import NDArray

from schemas.entities import Label
from services.entities.decoding import best_path
from services.entities.document import read_alone
from services.entities.encoding import LABELS, Encoder, case_context, shape, words
from services.entities.recognizer import Found
from services.entities.spans import tidied

MODEL_FOLDER: Final = Path(__file__).parent / "model"

WINDOW_PIECES: Final = 160
"""Pieces of one window: the network was trained on paragraphs of up to about 150."""
OVERLAP_PIECES: Final = 48
"""Shared by neighbouring windows; of two scores of a word, the one farther from its window's edge counts."""


class Network(Protocol):
    """Label log probabilities of one window's pieces."""

    def logs(self, ids: Sequence[int], features: Sequence[int]) -> NDArray[np.float32]:
        """[pieces, labels]; the same numbers for the same window, whatever was asked before."""
        ...


class OnnxNetwork:
    """A network stored as ONNX.

    Every window is run alone: dynamic quantisation takes its scale from everything in a run, so that windows run
    together would change each other's last digits, and the paragraph cache would no longer be invisible.
    """

    def __init__(self, path: Path, words: WordVectors) -> None:
        runtime = cast("Any", onnxruntime)
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = 3
        self._session: Any = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._words = words

    def logs(self, ids: Sequence[int], features: Sequence[int]) -> NDArray[np.float32]:
        """[pieces, labels]."""
        inputs = {"vectors": self._words.of(ids)[None], "features": np.asarray([features], dtype=np.int64)}
        return cast("NDArray[np.float32]", self._session.run(None, inputs)[0][0])


class WordVectors:
    """A vector for each word piece, stored as int8 with a scale a piece."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as stored:
            self._table = cast("NDArray[np.int8]", stored["table"])
            self._scale = cast("NDArray[np.float32]", stored["scale"])

    def of(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """[pieces, width]."""
        rows = np.asarray(ids, dtype=np.int64)
        return self._table[rows].astype(np.float32) * self._scale[rows]


class TransformerRecognizer:
    """Names by a small transformer: words to pieces, overlapping windows, one best label sequence per paragraph."""

    def __init__(
        self, network: Network, encoder: Encoder, *, name: str, version: str, temperature: float = 1.0
    ) -> None:
        self._network = network
        self._encoder = encoder
        self._name = name
        self._version = version
        self._temperature = temperature

    @classmethod
    def load(cls, folder: Path = MODEL_FOLDER, *, variant: str = "default") -> TransformerRecognizer:
        """The recognizer in `folder`: VARIANT.onnx, VARIANT.json, and words.npz and tokenizer.json, which all share.

        Its version is the one in the JSON, and eight digits of a hash of the four files. Raises FileNotFoundError
        naming what is missing, ValueError for a description of another shape.
        """
        network, description, vectors, tokenizer = parts = [
            folder / name for name in (f"{variant}.onnx", f"{variant}.json", "words.npz", "tokenizer.json")
        ]
        for part in parts:
            if not part.is_file():
                raise FileNotFoundError(f"{part} is missing; train it again (MODEL_CARD.md) or reinstall newsloom")
        config = cast("dict[str, Any]", json.loads(description.read_text(encoding="utf-8")))
        if tuple(config.get("labels", ())) != LABELS:
            raise ValueError(f"{description}: labels are {config.get('labels')!r}, this release reads {list(LABELS)!r}")
        digest = hashlib.sha256()
        for part in parts:
            digest.update(hashlib.sha256(part.read_bytes()).digest())
        return cls(
            OnnxNetwork(network, WordVectors(vectors)),
            Encoder.from_file(str(tokenizer)),
            name=str(config["name"]),
            version=f"{config['version']}+{digest.hexdigest()[:8]}",
            temperature=float(config.get("temperature", 1.0)),
        )

    @property
    def name(self) -> str:
        """The model's name."""
        return self._name

    @property
    def version(self) -> str:
        """The model's version and a hash of its files."""
        return self._version

    @property
    def languages(self) -> frozenset[str]:
        """English: what it was trained on."""
        return frozenset({"en"})

    def recognize(self, paragraphs: Sequence[str]) -> list[tuple[Found, ...]]:
        """The names of each paragraph (see `Recognizer`)."""
        return [self._paragraph(text) for text in paragraphs]

    def _paragraph(self, text: str) -> tuple[Found, ...]:
        found = words(text)
        if not any(word.text[0].isalnum() for word in found):
            return ()
        encoder = self._encoder
        readable = [word for word in found if encoder.pieces(word.text)]
        if not readable:
            return ()
        logs = self._scores([word.text for word in readable])
        spans = best_path(logs)
        if not spans:
            return read_alone(text, ())
        if self._temperature != 1.0:
            logs = logs / self._temperature
            logs = logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))
        names: list[Found] = []
        for first, end, label in spans:
            path = [LABELS.index(f"{'B' if i == first else 'I'}-{label}") for i in range(first, end)]
            # the weakest word decides: a name with one doubtful word is a doubtful name
            confidence = float(np.exp(min(logs[first + i][state] for i, state in enumerate(path))))
            names.append(
                Found(
                    readable[first].start, readable[end - 1].end, cast("Label", label), round(min(1.0, confidence), 4)
                )
            )
        shapes = [shape(word.text) for word in readable]
        # a headline in title case or capitals, or a post without any, says nothing by its capitals
        is_cased = case_context(shapes, [len(word.text) for word in readable]) == 0 and any(
            kind in (2, 3, 5) for kind in shapes[1:]
        )
        return read_alone(text, tidied(text, names, is_cased=is_cased))

    def _scores(self, texts: list[str]) -> NDArray[np.float32]:
        """[words, labels]: each word's log probabilities, from the window in which it stands farthest from an edge."""
        lengths = [len(self._encoder.pieces(text)) for text in texts]
        if sum(lengths) <= WINDOW_PIECES:
            return self._window(texts)
        out = np.empty((len(texts), len(LABELS)), dtype=np.float32)
        start = done = 0
        while True:
            end, used = start, 0
            while end < len(texts) and used + lengths[end] <= WINDOW_PIECES:
                used += lengths[end]
                end += 1
            logs = self._window(texts[start:end])
            if end == len(texts):
                out[done:] = logs[done - start :]
                return out
            # the next window begins half way back into the overlap's words; the seam lies in the overlap's middle
            following, shared = end, 0
            while following > start + 1 and shared + lengths[following - 1] <= OVERLAP_PIECES:
                following -= 1
                shared += lengths[following]
            seam = (following + end + 1) // 2 if following < end else end
            out[done:seam] = logs[done - start : seam - start]
            done, start = seam, following

    def _window(self, texts: list[str]) -> NDArray[np.float32]:
        encoded = self._encoder.encode(texts)
        return self._network.logs(encoded.ids, encoded.features)[list(encoded.firsts)]

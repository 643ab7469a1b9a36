"""Any GLiNER model folder as a recognizer; the package `gliner`, with torch or onnxruntime, is installed by users."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from schemas.entities import Label
from services.entities.encoding import words
from services.entities.recognizer import Found, RecognizerMissingError
from services.entities.spans import tidied

# what the model is asked for; GLiNER takes any words, and these are ones that its training data is full of
_LABELS: Final[dict[str, Label]] = {
    "person": "PER",
    "organization": "ORG",
    "location": "LOC",
    "nationality": "MISC",
    "event": "MISC",
    "product": "MISC",
}
_WINDOW_WORDS: Final = 160
_OVERLAP_WORDS: Final = 40


class GlinerRecognizer:
    """The names a GLiNER model finds, with its own scores as confidences.

    Zaratiana et al., "GLiNER: Generalist Model for Named Entity Recognition using Bidirectional Transformer", 2024.
    Long paragraphs are read in overlapping windows. `model` has GLiNER's `predict_entities`.
    """

    def __init__(
        self, model: Any, *, name: str, version: str, threshold: float, languages: frozenset[str], max_words: int = 384
    ) -> None:
        self._model = model
        self._name = name
        self._version = version
        self._threshold = threshold
        self._languages = languages
        self._window = max(2, min(_WINDOW_WORDS, max_words))
        self._overlap = min(_OVERLAP_WORDS, self._window // 2)

    @classmethod
    def load(
        cls, folder: str, *, threshold: float = 0.5, languages: frozenset[str] = frozenset({"en"})
    ) -> GlinerRecognizer:
        """The model in `folder`: `gliner_config.json`, its tokenizer, and weights (.safetensors, .bin or .onnx).

        Nothing is downloaded. Its version is a hash of the files and the threshold. Raises RecognizerMissingError
        without the package, FileNotFoundError and ValueError for a folder that holds no such model.
        """
        place = Path(folder)
        if not (place / "gliner_config.json").is_file():
            raise FileNotFoundError(f"{place / 'gliner_config.json'} is missing; give the folder of a GLiNER model")
        files = sorted(path for path in place.iterdir() if path.is_file())
        weights = [path for path in files if path.suffix in (".safetensors", ".bin")]
        graphs = [path for path in files if path.suffix == ".onnx"]
        if not weights and not graphs:
            raise FileNotFoundError(f"{place} holds no weights: a .safetensors, .bin or .onnx file is needed")
        try:
            package: Any = importlib.import_module("gliner")
        except ImportError as error:
            raise RecognizerMissingError(
                f"the recognizer gliner:{folder} needs the package gliner ({error}): pip install gliner"
            ) from None
        onnx: dict[str, Any] = {"load_onnx_model": True, "onnx_model_file": graphs[0].name} if not weights else {}
        try:
            model = package.GLiNER.from_pretrained(str(place), local_files_only=True, **onnx)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise ValueError(f"{place} cannot be loaded as a GLiNER model: {type(error).__name__}: {error}") from None
        digest = hashlib.sha256(f"{threshold}".encode())
        for path in files:
            digest.update(path.name.encode() + b"\0")
            with path.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
        return cls(
            model,
            name=f"gliner-{place.resolve().name}",
            version=digest.hexdigest()[:8],
            threshold=threshold,
            languages=languages,
            max_words=int(getattr(model.config, "max_len", None) or 384),
        )

    @property
    def name(self) -> str:
        """gliner and the folder's name."""
        return self._name

    @property
    def version(self) -> str:
        """A hash of the model's files and the threshold."""
        return self._version

    @property
    def languages(self) -> frozenset[str]:
        """As the setting says: a GLiNER folder does not tell."""
        return self._languages

    def recognize(self, paragraphs: Sequence[str]) -> list[tuple[Found, ...]]:
        """The names of each paragraph (see `Recognizer`): each window is asked alone, neighbours change nothing."""
        return [tidied(text, self._paragraph(text)) for text in paragraphs]

    def _paragraph(self, text: str) -> list[Found]:
        cut = words(text)
        if not any(word.text[0].isalnum() for word in cut):
            return []
        found: list[Found] = []
        first = taken_from = 0
        while True:
            last = min(first + self._window, len(cut))
            # of the words that two windows share, the first half is the earlier window's
            following = last - self._overlap
            seam = cut[following + self._overlap // 2].start if last < len(cut) else len(text)
            start = cut[first].start
            for name in self._window_names(text[start : cut[last - 1].end], start):
                end_before = found[-1].end if found else 0
                if taken_from <= name.start < seam and name.start >= end_before:
                    found.append(name)
            if last == len(cut):
                return found
            first, taken_from = following, seam

    def _window_names(self, text: str, offset: int) -> list[Found]:
        """The window's names in order, the surer one where two overlap."""
        rows: list[dict[str, Any]] = self._model.predict_entities(
            text, list(_LABELS), flat_ner=True, threshold=self._threshold, multi_label=False
        )
        kept: list[Found] = []
        for row in sorted(rows, key=lambda row: (-float(row["score"]), int(row["start"]))):
            start, end = int(row["start"]), int(row["end"])
            label = _LABELS.get(str(row["label"]))
            if label is None or not 0 <= start < end <= len(text):
                continue
            if all(end + offset <= other.start or other.end <= start + offset for other in kept):
                confidence = round(min(1.0, max(0.0, float(row["score"]))), 4)
                kept.append(Found(start + offset, end + offset, label, confidence))
        return sorted(kept, key=lambda name: name.start)

"""What every recognizer promises, run on each: ours, GLiNER's adapter, and spaCy's where spaCy is installed."""

from __future__ import annotations

import importlib
import itertools
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.entities.gliner_recognizer import GlinerRecognizer
from services.entities.recognizer import Recognizer, RecognizerMissingError
from services.entities.spacy_recognizer import SpacyRecognizer
from services.entities.transformer import MODEL_FOLDER, TransformerRecognizer

ENGLISH = "Margarethe Lindqvist met engineers of the World Bank in Stockholm."


def _default() -> Recognizer:
    return TransformerRecognizer.load()


def _fast() -> Recognizer:
    return TransformerRecognizer.load(variant="fast")


def _spacy() -> Recognizer:
    """A pipeline made here: rules alone, nothing to download."""
    spacy: Any = importlib.import_module("spacy")
    pipeline = spacy.blank("en")
    rules = pipeline.add_pipe("entity_ruler")
    rules.add_patterns(
        [
            {"label": "PERSON", "pattern": "Margarethe Lindqvist"},
            {"label": "ORG", "pattern": "World Bank"},
            {"label": "GPE", "pattern": "Stockholm"},
            {"label": "CARDINAL", "pattern": "engineers"},
        ]
    )
    return SpacyRecognizer(pipeline)


class _Listing:
    """Answers as a GLiNER model does, for two names and one place that it knows by heart."""

    def predict_entities(self, text: str, labels: list[str], **_: Any) -> list[dict[str, Any]]:
        known = {"Margarethe Lindqvist": "person", "World Bank": "organization", "Stockholm": "location"}
        return [
            {"start": at, "end": at + len(name), "text": name, "label": label, "score": 0.91}
            for name, label in known.items()
            if label in labels and (at := text.find(name)) >= 0
        ]


def _gliner() -> Recognizer:
    return GlinerRecognizer(_Listing(), name="gliner-listing", version="1", threshold=0.5, languages=frozenset({"en"}))


MAKERS = [_default, _fast, _gliner] + ([_spacy] if find_spec("spacy") else [])


@pytest.fixture(scope="module", params=MAKERS, ids=lambda make: make.__name__.strip("_"))
def recognizer(request: pytest.FixtureRequest) -> Recognizer:
    return request.param()


def test_names_have_exact_spans_and_labels(recognizer: Recognizer) -> None:
    (found,) = recognizer.recognize([ENGLISH])
    assert [(ENGLISH[f.start : f.end], f.label) for f in found] == [
        ("Margarethe Lindqvist", "PER"),
        ("World Bank", "ORG"),
        ("Stockholm", "LOC"),
    ]


@settings(max_examples=30, deadline=None)
@given(texts=st.lists(st.text(max_size=60), max_size=3))
def test_a_paragraph_reads_the_same_whatever_stands_beside_it(recognizer: Recognizer, texts: list[str]) -> None:
    found = recognizer.recognize([*texts, ENGLISH])
    assert found == [recognizer.recognize([text])[0] for text in [*texts, ENGLISH]]
    for text, names in zip(texts, found, strict=False):
        assert all(0 <= f.start < f.end <= len(text) and 0 <= f.confidence <= 1 for f in names)
        assert all(a.end <= b.start for a, b in itertools.pairwise(names))


def test_nothing_to_read_is_nothing_found(recognizer: Recognizer) -> None:
    assert recognizer.recognize([]) == []
    assert recognizer.recognize([""]) == [()]


def test_it_says_what_it_is(recognizer: Recognizer) -> None:
    assert recognizer.name
    assert recognizer.version
    assert recognizer.languages == {"en"}


def test_a_pipeline_that_is_not_there_is_an_error_with_a_remedy() -> None:
    with pytest.raises(RecognizerMissingError, match="python -m spacy download"):
        SpacyRecognizer.load("no_such_pipeline")


@pytest.mark.filterwarnings("ignore")  # torch warns of itself when gliner is imported
def test_a_gliner_folder_without_the_package_or_a_model_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gliner_config\.json is missing"):
        GlinerRecognizer.load(str(tmp_path))
    (tmp_path / "gliner_config.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="holds no weights"):
        GlinerRecognizer.load(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises((RecognizerMissingError, ValueError), match=r"pip install gliner|cannot be loaded"):
        GlinerRecognizer.load(str(tmp_path))


def test_gliner_reads_long_paragraphs_in_windows_and_each_name_once() -> None:
    gliner = _gliner()
    filler = "and so it went on that day, "
    for words_before in range(0, 400, 7):
        text = "so " * words_before + ENGLISH + " " + filler * 60
        (found,) = gliner.recognize([text])
        assert [text[f.start : f.end] for f in found] == ["Margarethe Lindqvist", "World Bank", "Stockholm"]


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(find_spec("gliner") is None, reason="gliner (and with it torch) is the user's to install")
def test_a_gliner_folder_is_loaded_and_read(tmp_path: Path) -> None:
    """A model of 32 dimensions made here and taught one sentence: the package's own loading code, no download."""
    torch: Any = importlib.import_module("torch")
    gliner: Any = importlib.import_module("gliner")
    transformers: Any = importlib.import_module("transformers")
    base = tmp_path / "base"
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(MODEL_FOLDER / "tokenizer.json"), pad_token="[PAD]", unk_token="[UNK]"
    )
    tokenizer.save_pretrained(str(base))
    encoder = transformers.BertConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, max_position_embeddings=256
    )
    encoder.save_pretrained(str(base))
    config = gliner.GLiNERConfig(
        model_name=str(base), encoder_config=encoder.to_dict(), hidden_size=32, dropout=0.0, max_len=64, max_width=4,
        num_rnn_layers=0, span_mode="markerV0", subtoken_pooling="first",
    )  # fmt: skip
    torch.manual_seed(3)
    model = gliner.GLiNER.from_config(config, backbone_from_pretrained=False)
    taught = {
        "tokenized_text": [*ENGLISH[:-1].split(), "."],
        "ner": [[0, 1, "person"], [6, 7, "organization"], [9, 9, "location"]],
    }
    collate = model.data_collator_class(model.config, data_processor=model.data_processor, prepare_labels=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    model.train()
    for _ in range(40):
        model.model(**collate([taught, taught])).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    folder = tmp_path / "model"
    model.eval().save_pretrained(str(folder))
    loaded = GlinerRecognizer.load(str(folder), threshold=0.2)
    (found,) = loaded.recognize([ENGLISH])
    labels = ["person", "organization", "location", "nationality", "event", "product"]
    asked = gliner.GLiNER.from_pretrained(str(folder), local_files_only=True)
    rows = asked.predict_entities(ENGLISH, labels, threshold=0.2)
    assert found
    assert [(f.start, f.confidence) for f in found] == [(r["start"], round(r["score"], 4)) for r in rows]
    assert loaded.recognize([ENGLISH, "x", ENGLISH])[::2] == [found, found]
    assert loaded.name == "gliner-model"
    assert loaded.version != GlinerRecognizer.load(str(folder), threshold=0.6).version

"""The body of a flattened page of one article: what its lines are in numbers, and how the model reads them."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.cleaner.outlets import default_registry
from services.cleaner.text_body import FIRST, LineTable, slug_words
from services.cleaner.text_labels import PageLines
from services.cleaner.text_model import Trees, read_body_model
from services.cleaner.training.text_body import tree_arrays
from services.cleaner.training.text_flat import GoldPage, body_lines

REGISTRY = default_registry()


def random_tree(rng: random.Random, leaves: int) -> dict[str, Any]:
    if leaves == 1:
        return {"leaf_value": rng.uniform(-1, 1)}
    left = rng.randint(1, leaves - 1)
    return {
        "split_feature": rng.randrange(5), "threshold": rng.choice((-1.0, 0.0, 0.5, 2.0)),
        "left_child": random_tree(rng, left), "right_child": random_tree(rng, leaves - left),
    }  # fmt: skip


def walk(tree: dict[str, Any], row: Any) -> float:
    while "leaf_value" not in tree:
        tree = tree["left_child"] if row[tree["split_feature"]] <= tree["threshold"] else tree["right_child"]
    return tree["leaf_value"]


def test_trees_as_masks_give_what_walking_them_gives() -> None:
    rng = random.Random(3)
    trees = [random_tree(rng, leaves) for leaves in (2, 3, 20, 31, 32, 32, 7)]
    rows = np.random.default_rng(3).choice((-1.0, -0.5, 0.0, 0.5, 1.0, 3.0), size=(700, 5)).astype(np.float32)
    arrays = tree_arrays(trees, columns=5)
    found = Trees(**{name: values.astype(np.int64) if values.dtype.kind == "i" else values
                     for name, values in arrays.items()}).log_odds(rows)  # fmt: skip
    assert found == pytest.approx([sum(walk(tree, row) for tree in trees) for row in rows], abs=1e-5)


def test_a_tree_of_more_leaves_than_a_mask_has_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="33 leaves"):
        tree_arrays([random_tree(random.Random(1), 33)], columns=5)
    with pytest.raises(ValueError, match="feature"):
        tree_arrays([random_tree(random.Random(1), 30)], columns=1)


def test_a_model_of_other_columns_is_refused() -> None:
    path = Path(__file__).parents[2] / "services" / "cleaner" / "model" / "text_body.npz"
    with np.load(path) as file:
        arrays: dict[str, Any] = dict(file)
    assert read_body_model(path.read_bytes())
    arrays["columns"] = np.array("0" * 16)
    other = io.BytesIO()
    np.savez(other, **arrays)
    with pytest.raises(ValueError, match="other features"):
        read_body_model(other.getvalue())
    with pytest.raises(ValueError, match="not a body model"):
        read_body_model(b"nothing of the kind")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://example.org/2026/03/harbour-bridge-to-reopen-in-april", {"harbour", "bridge", "reopen", "april"}),
        ("example.org/news/harbour-bridge,123.html", {"harbour", "bridge"}),
        ("https://example.org/br%C3%BCcke-am-hafen-%C3%B6ffnet", {"brucke", "hafen", "offnet"}),
        ("https://example.org/article/20260301-XY12", set()),
        ("http://[", set()),
        (None, set()),
    ],
)
def test_an_address_gives_the_words_it_spells(url: str | None, words: set[str]) -> None:
    assert slug_words(url) == words


@pytest.mark.parametrize("url", ["https://example.org/bruecke-am-hafen", "https://example.org/brucke-am-hafen"])
def test_an_addresss_words_are_found_however_it_spells_umlauts(url: str) -> None:
    page = PageLines.read("Neue Brücke am Hafen offen\nEtwas ganz anderes steht in dieser Zeile.", REGISTRY)
    table = LineTable(page.lines, page.metas, page.flattened, url)
    assert table.columns[:, FIRST.index("slug_share")].tolist() == [1.0, 0.0]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
def test_a_page_of_few_lines_has_all_columns(count: int) -> None:
    page = PageLines.read("\n".join(f"Line {number}, which says a little." for number in range(count)), REGISTRY)
    table = LineTable(page.lines, page.metas, page.flattened, "https://example.org/line-which-says-little")
    first = table.first()
    assert len(first) == len(table.second(np.full(count, 0.5))) == count
    assert np.isfinite(first).all()


def test_a_short_line_inside_the_gold_is_told_by_the_words_around_it() -> None:
    gold = "The bridge will reopen in April, said Ilse Varga , the mayor of Corran, on Monday. It was closed in May."
    page = GoldPage("1", "", "", gold, "", (), "")
    flattened = (
        "Ilse Varga\nNews\nThe bridge will reopen in April, said\n\nIlse Varga\n\n, the mayor of Corran, on Monday."
    )
    lines = PageLines.read(flattened, REGISTRY)
    found, sizes, words = body_lines(page, lines)
    assert [line.text for line, is_body in zip(lines.lines, found, strict=True) if is_body] == [
        "The bridge will reopen in April, said", "Ilse Varga", ", the mayor of Corran, on Monday.",
    ]  # fmt: skip
    assert found == [False, False, True, True, True]
    assert (sizes, words) == ([2, 1, 7, 2, 6], 20)

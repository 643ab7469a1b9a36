"""The teacher: MPNet's twelve layers of width 768 with our word shapes, eight times the network that it teaches.

It never ships. Trained on the same annotated sets, it tells more; the small network learns that from the news that it
labels. Song et al., "MPNet: Masked and Permuted Pre-training for Language Understanding", 2020.
"""
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import math
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from services.entities.encoding import CONTEXTS, LABELS, SHAPES
from services.entities.training.network import HEADS, Layer

WIDTH, LAYERS, INNER, BUCKETS, FARTHEST = 768, 12, 3072, 32, 128

_SPECIAL = {"[CLS]": "<s>", "[SEP]": "</s>", "[PAD]": "<pad>"}


def distance_buckets(length: int) -> Tensor:
    """[length, length]: the bucket of each pair's distance, as in T5: exact near by, logarithmic to `FARTHEST`."""
    at = torch.arange(length)
    back = at[:, None] - at[None, :]
    half, near = BUCKETS // 2, BUCKETS // 4
    far = near + (
        torch.log(back.abs().clamp(min=1).float() / near) / math.log(FARTHEST / near) * (half - near)
    ).long().clamp(max=half - near - 1)
    return (back < 0).long() * half + torch.where(back.abs() < near, back.abs(), far)


class TeacherNetwork(nn.Module):
    """MiniLM's piece ids and our features [batch, length] to label scores [batch, length, labels]."""

    def __init__(self, vocabulary: int = 30527, pieces: int = 30522, dropout: float = 0.1) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, WIDTH)
        self.positions = nn.Embedding(512, WIDTH)
        self.features = nn.Embedding(SHAPES * CONTEXTS, WIDTH)
        self.distances = nn.Embedding(BUCKETS, HEADS)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-5)
        self.layers = nn.ModuleList(
            Layer(dropout, INNER, width=WIDTH, eps=1e-5, attention_dropout=0.0) for _ in range(LAYERS)
        )
        self.dropout = nn.Dropout(dropout)
        self.labels = nn.Linear(WIDTH, len(LABELS))
        self.piece_words: Tensor
        self.register_buffer("piece_words", torch.zeros(pieces, dtype=torch.long))
        nn.init.normal_(self.features.weight, std=0.02)

    def forward(self, ids: Tensor, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """`mask` [batch, length] is true on pieces and false on padding; None when there is no padding."""
        length = ids.shape[1]
        x = self.words(self.piece_words[ids]) + self.positions.weight[:length] + self.features(features)
        x = self.dropout(self.norm(x))
        bias = self.distances(distance_buckets(length).to(ids.device)).permute(2, 0, 1)[None]
        if mask is not None:
            bias = bias.masked_fill(~mask[:, None, None, :], -1e4)
        for layer in self.layers:
            x = layer(x, bias)
        return self.labels(self.dropout(x))


def from_mpnet(folder: Path, tokenizer: Tokenizer) -> TeacherNetwork:
    """A network that starts from the MPNet weights in `folder`, for the pieces of MiniLM's `tokenizer`.

    Raises KeyError when a piece of the tokenizer is no word of MPNet's vocabulary.
    """
    from safetensors.torch import load_file

    loaded = load_file(str(folder / "model.safetensors"))
    known = {word: i for i, word in enumerate((folder / "vocab.txt").read_text(encoding="utf-8").split("\n"))}
    net = TeacherNetwork(loaded["embeddings.word_embeddings.weight"].shape[0], tokenizer.get_vocab_size())
    state = net.state_dict()
    state["words.weight"] = loaded["embeddings.word_embeddings.weight"]
    # positions 0 and 1 are the padding's
    state["positions.weight"] = loaded["embeddings.position_embeddings.weight"][2:514]
    state["distances.weight"] = loaded["encoder.relative_attention_bias.weight"]
    for piece, number in tokenizer.get_vocab().items():
        state["piece_words"][number] = known[_SPECIAL.get(piece, piece)]
    names = {
        "query": "attention.attn.q",
        "key": "attention.attn.k",
        "value": "attention.attn.v",
        "out": "attention.attn.o",
        "norm1": "attention.LayerNorm",
        "up": "intermediate.dense",
        "down": "output.dense",
        "norm2": "output.LayerNorm",
    }
    for part in ("weight", "bias"):
        state[f"norm.{part}"] = loaded[f"embeddings.LayerNorm.{part}"]
        for i in range(LAYERS):
            for new, old in names.items():
                state[f"layers.{i}.{new}.{part}"] = loaded[f"encoder.layer.{i}.{old}.{part}"]
    net.load_state_dict(state)
    return net

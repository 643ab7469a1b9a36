"""The network: MiniLM's six layers with an embedding of word shapes, and a label for every word piece."""
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from services.entities.encoding import CONTEXTS, LABELS, SHAPES, Encoded

WIDTH, HEADS, LAYERS, INNER = 384, 12, 6, 1536


class Layer(nn.Module):
    """One transformer layer, post-norm, as in BERT (Devlin et al., 2019)."""

    def __init__(
        self, dropout: float, inner: int, *, width: int = WIDTH, eps: float = 1e-12, attention_dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)
        self.norm1, self.norm2 = (nn.LayerNorm(width, eps=eps) for _ in range(2))
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)
        self.dropout = nn.Dropout(dropout)
        self.attention_dropout = attention_dropout

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`mask` is true where a piece may be looked at, or a number that is added to what each pair scores."""
        batch, length, width = x.shape

        def heads(y: Tensor) -> Tensor:
            return y.view(batch, length, HEADS, width // HEADS).transpose(1, 2)

        q, k, v = heads(self.query(x)), heads(self.key(x)), heads(self.value(x))
        if mask is None:  # export: plain operators that the run time knows how to fuse
            scores = torch.matmul(q, k.transpose(2, 3)) / math.sqrt(width // HEADS)
            mixed = torch.matmul(torch.softmax(scores, dim=-1), v)
        else:
            dropout = self.attention_dropout if self.training else 0.0
            added = mask.to(q.dtype) if mask.is_floating_point() else mask
            mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=added, dropout_p=dropout)
        mixed = mixed.transpose(1, 2).reshape(batch, length, width)
        x = self.norm1(x + self.dropout(self.out(mixed)))
        return self.norm2(x + self.dropout(self.down(functional.gelu(self.up(x)))))


class Network(nn.Module):
    """Piece ids and features [batch, length] to label scores [batch, length, labels]."""

    def __init__(
        self, vocabulary: int = 30522, dropout: float = 0.1, *, layers: int = LAYERS, inner: int = INNER
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, WIDTH)
        self.positions = nn.Embedding(512, WIDTH)
        self.features = nn.Embedding(SHAPES * CONTEXTS, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.layers = nn.ModuleList(Layer(dropout, inner, attention_dropout=dropout) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.labels = nn.Linear(WIDTH, len(LABELS))
        nn.init.normal_(self.features.weight, std=0.02)

    def forward(self, ids: Tensor, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """`mask` [batch, length] is true on pieces and false on padding; None when there is no padding."""
        x = self.words(ids) + self.positions.weight[: ids.shape[1]] + self.features(features)
        x = self.dropout(self.norm(x))
        attended = None if mask is None else mask[:, None, None, :]
        for layer in self.layers:
            x = layer(x, attended)
        return self.labels(self.dropout(x))


def padded(windows: Sequence[Encoded]) -> tuple[Tensor, Tensor, Tensor]:
    """ids, features, mask [windows, length] of windows that are run together; the mask is true on pieces."""
    length = max(len(window.ids) for window in windows)
    ids = torch.zeros(len(windows), length, dtype=torch.long)
    features = torch.zeros(len(windows), length, dtype=torch.long)
    mask = torch.zeros(len(windows), length, dtype=torch.bool)
    for row, window in enumerate(windows):
        count = len(window.ids)
        ids[row, :count] = torch.tensor(window.ids)
        features[row, :count] = torch.tensor(window.features)
        mask[row, :count] = True
    return ids, features, mask


def from_minilm(folder: Path) -> Network:
    """A network that starts from the MiniLM-L6 weights (Apache-2.0) in `folder`; features and labels start fresh."""
    from safetensors.torch import load_file

    stored = load_file(str(folder / "model.safetensors"))
    net = Network(vocabulary=stored["embeddings.word_embeddings.weight"].shape[0])
    state = net.state_dict()
    state["words.weight"] = stored["embeddings.word_embeddings.weight"]
    # there is one segment only: its embedding is a constant and moves into the positions
    segment = stored["embeddings.token_type_embeddings.weight"][0]
    state["positions.weight"] = stored["embeddings.position_embeddings.weight"] + segment
    for part in ("weight", "bias"):
        state[f"norm.{part}"] = stored[f"embeddings.LayerNorm.{part}"]
        for i in range(LAYERS):
            old, new = f"encoder.layer.{i}", f"layers.{i}"
            for name in ("query", "key", "value"):
                state[f"{new}.{name}.{part}"] = stored[f"{old}.attention.self.{name}.{part}"]
            state[f"{new}.out.{part}"] = stored[f"{old}.attention.output.dense.{part}"]
            state[f"{new}.norm1.{part}"] = stored[f"{old}.attention.output.LayerNorm.{part}"]
            state[f"{new}.up.{part}"] = stored[f"{old}.intermediate.dense.{part}"]
            state[f"{new}.down.{part}"] = stored[f"{old}.output.dense.{part}"]
            state[f"{new}.norm2.{part}"] = stored[f"{old}.output.LayerNorm.{part}"]
    net.load_state_dict(state)
    return net


def stored(path: Path) -> Network:
    """The network whose weights lie at `path`, with as many layers and as wide as those."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    layers = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("layers."))
    network = Network(state["words.weight"].shape[0], layers=layers, inner=state["layers.0.up.weight"].shape[0])
    network.load_state_dict(state)
    return network


def from_shipped(folder: Path, variant: str = "default") -> Network:
    """The network whose exported files lie in `folder`, int8 matrices as floats, to go on training what ships."""
    import numpy as np
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(folder / f"{variant}.onnx")).graph
    values = {item.name: numpy_helper.to_array(item) for item in graph.initializer}

    def matrix(quantized: str) -> Tensor:
        base = quantized.removesuffix("_quantized")
        table = values[quantized].astype(np.float32) - values[f"{base}_zero_point"].astype(np.float32)
        return torch.from_numpy(table * values[f"{base}_scale"])

    layers = 1 + max(int(name.split(".")[2]) for name in values if name.startswith("network.layers."))
    attention = [node for node in graph.node if node.op_type == "QAttention"]
    products = {node.output[0].split("/MatMul")[0].strip("/"): node.input[1] for node in graph.node
                if node.op_type == "MatMulInteger"}  # fmt: skip
    inner = values["network.layers.0.up.bias"].shape[0]
    with np.load(folder / "words.npz") as stored_words:
        table, scale = stored_words["table"], stored_words["scale"]
    net = Network(table.shape[0], layers=layers, inner=inner)
    state = net.state_dict()
    state["words.weight"] = torch.from_numpy(table.astype(np.float32) * scale)
    for name in state:
        if f"network.{name}" in values:
            state[name] = torch.from_numpy(values[f"network.{name}"].copy())
    for i, node in enumerate(attention):
        joint, bias = matrix(node.input[1]), torch.from_numpy(values[node.input[2]].copy())
        for k, part in enumerate(("query", "key", "value")):
            state[f"layers.{i}.{part}.weight"] = joint[:, k * WIDTH : (k + 1) * WIDTH].T.contiguous()
            state[f"layers.{i}.{part}.bias"] = bias[k * WIDTH : (k + 1) * WIDTH]
        for part in ("out", "up", "down"):
            state[f"layers.{i}.{part}.weight"] = matrix(products[f"layers.{i}/{part}"]).T.contiguous()
    state["labels.weight"] = matrix(products["labels"]).T.contiguous()
    net.load_state_dict(state)
    return net


def reduced(teacher: Network, *, layers: tuple[int, ...], inner: int) -> Network:
    """A student with some of the teacher's layers and, in each, the `inner` units of its middle that weigh most.

    Its word vectors are the teacher's and stay so: both are served from one table.
    """
    student = Network(teacher.words.num_embeddings, layers=len(layers), inner=inner)
    kept = {name: value for name, value in teacher.state_dict().items() if not name.startswith("layers.")}
    for new, old in enumerate(layers):
        state = teacher.layers[old].state_dict()
        weight = state["up.weight"].norm(dim=1) * state["down.weight"].norm(dim=0)
        best = weight.topk(inner).indices.sort().values
        state["up.weight"], state["up.bias"] = state["up.weight"][best], state["up.bias"][best]
        state["down.weight"] = state["down.weight"][:, best]
        kept |= {f"layers.{new}.{name}": value for name, value in state.items()}
    student.load_state_dict(kept)
    table, scale = rounded(teacher.words.weight.detach())
    student.words.weight.data = table.float() * scale
    student.words.weight.requires_grad_(False)
    return student


def rounded(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Word vectors as int8 [words, width] and a scale a word [words, 1]."""
    scale = weight.abs().amax(dim=1, keepdim=True).clamp(min=1e-8) / 127
    return (weight / scale).round().to(torch.int8), scale

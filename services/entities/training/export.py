"""A trained network as the files that ship: `python -m services.entities.training.export --help`.

Word vectors become a table of int8 with a scale a word, shared by the default network and the fast one; the layers'
matrices become int8 by onnxruntime's dynamic quantisation.
"""
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from services.entities.encoding import LABELS
from services.entities.training.network import WIDTH, Network, rounded, stored
from services.entities.transformer import MODEL_FOLDER


class Served(nn.Module):
    """The network as it is served: word vectors in, no padding, log probabilities out."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, vectors: Tensor, features: Tensor) -> Tensor:
        """[1, pieces, width] and [1, pieces] to [1, pieces, labels]."""
        net = self.network
        x = net.norm(vectors + net.positions.weight[: features.shape[1]] + net.features(features))
        for layer in net.layers:
            x = layer(x, None)
        return torch.log_softmax(net.labels(x), dim=-1)


def export(network: Network, file: Path, *, work: Path) -> None:
    """Writes `file`; `work` keeps the full-precision one."""
    served = Served(network.eval())
    full = work / "full.onnx"
    torch.onnx.export(
        served,
        (torch.zeros(1, 4, WIDTH), torch.zeros(1, 4, dtype=torch.long)),
        str(full),
        input_names=["vectors", "features"],
        output_names=["logs"],
        dynamic_axes={"vectors": {1: "pieces"}, "features": {1: "pieces"}, "logs": {1: "pieces"}},
        opset_version=17,
        dynamo=False,
    )
    source = full
    try:
        from onnxruntime.transformers.optimizer import optimize_model

        fused = optimize_model(str(full), model_type="bert", num_heads=12, hidden_size=WIDTH, opt_level=0)
        print("fused", fused.get_fused_operator_statistics())
        source = work / "fused.onnx"
        fused.save_model_to_file(str(source))
    except ImportError as error:
        print("not fused:", error)
    quantize_dynamic(
        str(source),
        str(file),
        op_types_to_quantize=["MatMul", "Attention"],
        per_channel=True,
        # 7 bits: without VNNI, products of 8-bit pairs saturate 16 bits and scores would differ between machines
        reduce_range=True,
        weight_type=QuantType.QInt8,
        extra_options={"MatMulConstBOnly": True, "DefaultTensorType": onnx.TensorProto.FLOAT},
    )
    model = onnx.load(str(file))
    onnx.checker.check_model(model)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--network", type=Path, required=True)
    parser.add_argument("--minilm", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=MODEL_FOLDER)
    parser.add_argument("--variant", default="default", choices=("default", "fast"))
    parser.add_argument("--version", default="1.1")
    parser.add_argument("--temperature", type=float, default=1.0)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    network = stored(arguments.network)
    with tempfile.TemporaryDirectory() as work:
        export(network, arguments.out / f"{arguments.variant}.onnx", work=Path(work))
    if arguments.variant == "default":
        table, scale = rounded(network.words.weight.detach())
        np.savez(arguments.out / "words.npz", table=table.numpy(), scale=scale.numpy())
        (arguments.out / "tokenizer.json").write_bytes((arguments.minilm / "tokenizer.json").read_bytes())
    name = "newsloom-minilm" if arguments.variant == "default" else f"newsloom-{arguments.variant}"
    config = {"name": name, "version": arguments.version, "labels": list(LABELS), "temperature": arguments.temperature}
    text = json.dumps(config, indent=1) + "\n"
    (arguments.out / f"{arguments.variant}.json").write_text(text, encoding="utf-8")
    for part in sorted(arguments.out.iterdir()):
        print(f"{part.stat().st_size:>10,}  {part.name}")


if __name__ == "__main__":
    main()

"""A trained network as the files that ship: `python -m services.entities.training.export --help`.

Word embeddings become int8 with a scale a row, the layers' matrices int8 by onnxruntime's dynamic quantisation.
"""
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from services.entities.encoding import LABELS
from services.entities.training.network import WIDTH, Network
from services.entities.transformer import MODEL_FOLDER


class Served(nn.Module):
    """The network as it is served: int8 word embeddings, no padding, log probabilities out."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        table = network.words.weight.detach()
        scale = table.abs().amax(dim=1, keepdim=True).clamp(min=1e-8) / 127
        self.register_buffer("table", (table / scale).round().to(torch.int8))
        self.register_buffer("scale", scale)

    def forward(self, ids: Tensor, features: Tensor) -> Tensor:
        """[1, pieces] each to [1, pieces, labels]."""
        net = self.network
        x = self.table[ids].float() * self.scale[ids] + net.positions.weight[: ids.shape[1]] + net.features(features)
        x = net.norm(x)
        for layer in net.layers:
            x = layer(x, None)
        return torch.log_softmax(net.labels(x), dim=-1)


def export(network: Network, folder: Path, *, work: Path) -> None:
    """Writes `folder/model.onnx`; `work` keeps the full-precision file."""
    served = Served(network.eval())
    ids = torch.tensor([[101, 2000, 2001, 102]])
    full = work / "full.onnx"
    torch.onnx.export(
        served,
        (ids, torch.zeros_like(ids)),
        str(full),
        input_names=["ids", "features"],
        output_names=["logs"],
        dynamic_axes={"ids": {1: "pieces"}, "features": {1: "pieces"}, "logs": {1: "pieces"}},
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
        str(folder / "model.onnx"),
        op_types_to_quantize=["MatMul", "Attention"],
        per_channel=True,
        # 7 bits: without VNNI, products of 8-bit pairs saturate 16 bits and scores would differ between machines
        reduce_range=True,
        weight_type=QuantType.QInt8,
        extra_options={"MatMulConstBOnly": True, "DefaultTensorType": onnx.TensorProto.FLOAT},
    )
    model = onnx.load(str(folder / "model.onnx"))
    onnx.checker.check_model(model)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--network", type=Path, required=True)
    parser.add_argument("--minilm", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=MODEL_FOLDER)
    parser.add_argument("--version", default="1")
    parser.add_argument("--temperature", type=float, default=1.0)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    network = Network()
    network.load_state_dict(torch.load(arguments.network, map_location="cpu", weights_only=True))
    with tempfile.TemporaryDirectory() as work:
        export(network, arguments.out, work=Path(work))
    (arguments.out / "tokenizer.json").write_bytes((arguments.minilm / "tokenizer.json").read_bytes())
    config = {"name": "newsloom-minilm", "version": arguments.version, "labels": list(LABELS)}
    config |= {"temperature": arguments.temperature}
    (arguments.out / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    for part in sorted(arguments.out.iterdir()):
        print(f"{part.stat().st_size:>10,}  {part.name}")


if __name__ == "__main__":
    main()

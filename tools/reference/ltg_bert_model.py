"""LTG-BERT in PyTorch (Sources/AntModels/LTGBert/modeling_ltgbert.py) with the initial weights and the dropout draws of
this program."""

import pathlib
import sys

import numpy as np
import torch

from philox import truncated_normal, uniform_at

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Sources/AntModels/LTGBert"))
from modeling_ltgbert import LtgBertConfig, LtgBertForMaskedLM  # noqa: E402


def make(seed, layout, **sizes):
    """A model in double precision; `sizes` are keys of its configuration."""
    config = LtgBertConfig(position_projection=layout, **sizes)
    model = LtgBertForMaskedLM(config).to(torch.float64)
    model.tie_weights()
    parameters = dict(model.named_parameters())
    deviation = (2 / (5 * config.hidden_size)) ** 0.5
    # Segments in the order of the flat parameter buffer: those that decay first, fused ones as their parts' rows.
    decaying, others = [], ["embedding.word_embedding.weight", "embedding.relative_embedding", None, None]
    for i in range(config.num_hidden_layers):
        layer = f"transformer.layers.{i}."
        factor = (1 / (2 * (1 + i))) ** 0.5
        decaying += [
            ((layer + "attention.in_proj_qk.weight", layer + "attention.in_proj_v.weight"), 1),
            ((layer + "attention.out_proj.weight",), 1),
            ((layer + "mlp.mlp.1.weight",), factor),
            ((layer + "mlp.mlp.4.weight",), factor),
        ]
    decaying.append((("classifier.nonlinearity.1.weight",), 1))
    drawn = [(index, names, factor) for index, (names, factor) in enumerate(decaying)]
    drawn += [(len(decaying) + i, (name,), 1) for i, name in enumerate(others) if name]
    with torch.no_grad():
        for name, p in parameters.items():
            p.fill_(1.0 if name.endswith("layer_norm.weight") else 0.0)
        for index, names, factor in drawn:
            parts = [parameters[name] for name in names]
            values = truncated_normal(seed, index, sum(p.numel() for p in parts), deviation * factor)
            for p, part in zip(parts, np.split(values, np.cumsum([p.numel() for p in parts])[:-1])):
                p.copy_(torch.from_numpy(part).reshape(p.shape))
    return model


class Draw(torch.nn.Module):
    """Dropout by counter: element i of the input is draw i of the stream."""

    def __init__(self, probability, purpose, layer):
        super().__init__()
        self.probability, self.purpose, self.layer = probability, purpose, layer
        self.seed = self.step = 0

    def elements(self, x):
        return np.arange(x.numel(), dtype=np.uint64)

    def forward(self, x):
        draws = uniform_at(self.seed, self.purpose, self.layer, self.step, self.elements(x))
        kept = torch.from_numpy(draws.astype(np.float32) >= np.float32(self.probability)).reshape(x.shape)
        return x * kept / (1 - self.probability)


class DrawProbabilities(Draw):
    """x: [batch, heads, query, key]; see AttentionDropout.element."""

    def elements(self, x):
        batch, heads, queries, keys = (np.arange(n, dtype=np.uint64) for n in x.shape)
        row = batch[:, None] * np.uint64(x.shape[1]) + heads[None, :]
        return (
            row[:, :, None, None] << np.uint64(34)
            | queries[:, None] << np.uint64(16)
            | keys[None, :]
        ).reshape(-1)


def draw_dropout(model, probability):
    """Replaces every dropout of `model` by one that draws our counters; gives the new modules."""
    drawers = []

    def replace(owner, name, drawer):
        if isinstance(owner, torch.nn.Sequential):
            owner[name] = drawer
        else:
            setattr(owner, name, drawer)
        drawers.append(drawer)

    replace(model.embedding, "dropout", Draw(probability, "embeddingDropout", 0))
    for i, layer in enumerate(model.transformer.layers):
        replace(layer.attention, "position_dropout", Draw(probability, "positionDropout", i))
        replace(layer.attention, "probability_dropout", DrawProbabilities(probability, "attentionDropout", i))
        replace(layer.attention, "output_dropout", Draw(probability, "hiddenDropout", 2 * i))
        replace(layer.mlp.mlp, 5, Draw(probability, "hiddenDropout", 2 * i + 1))
    replace(model.classifier.nonlinearity, 4, Draw(probability, "headDropout", 0))
    return drawers


"""A transformers Llama with the initial weights of this program."""

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama import modeling_llama

from ltg_bert_model import Draw, DrawProbabilities
from philox import normal


def make(sizes, seed, positions=512):
    """`sizes`: vocabulary, hidden, intermediate, layers, heads. Tied embeddings, `positions` positions."""
    vocabulary, hidden, intermediate, layers, heads = sizes
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=positions,
        rms_norm_eps=1e-6,
        rope_theta=10000.0,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        attn_implementation="eager",
    )
    model = LlamaForCausalLM(config)
    # The matrices in the order of the flat parameter buffer; fused ones are the parts' rows, stacked.
    matrices = [("model.embed_tokens.weight",)]
    for i in range(layers):
        layer = f"model.layers.{i}."
        matrices += [
            tuple(f"{layer}self_attn.{x}_proj.weight" for x in "qkv"),
            (f"{layer}self_attn.o_proj.weight",),
            tuple(f"{layer}mlp.{x}_proj.weight" for x in ("gate", "up")),
            (f"{layer}mlp.down_proj.weight",),
        ]
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for index, names in enumerate(matrices):
            parts = [parameters[name] for name in names]
            values = normal(seed, index, sum(p.numel() for p in parts), 0.02)
            for p, part in zip(parts, np.split(values, np.cumsum([p.numel() for p in parts])[:-1])):
                p.copy_(torch.from_numpy(part).reshape(p.shape))
        parameters["model.embed_tokens.weight"][0] = 0
    return model


eager = modeling_llama.eager_attention_forward


def attention(module, query, key, value, attention_mask, scaling, **others):
    """transformers' eager attention; where the module has a drawer that drops the weights, its formula by hand."""
    if not hasattr(module, "drawer"):
        return eager(module, query, key, value, attention_mask, scaling, **others)
    scores = query @ key.transpose(2, 3) * scaling + attention_mask[..., : key.shape[-2]]
    weights = module.drawer(scores.softmax(-1))
    return (weights @ value).transpose(1, 2).contiguous(), weights


modeling_llama.eager_attention_forward = attention


def draw_dropout(model, probability):
    """Drops out what this program drops out of a Llama, by our counters; gives the new modules. transformers itself
    drops attention weights alone. A probability of 0 leaves the model as it is."""
    drawers = []
    if probability == 0:
        return drawers

    def drop(module, drawer):
        module.register_forward_hook(lambda module, inputs, output: drawer(output))
        drawers.append(drawer)

    drop(model.model.embed_tokens, Draw(probability, "embeddingDropout", 0))
    for i, layer in enumerate(model.model.layers):
        layer.self_attn.drawer = DrawProbabilities(probability, "attentionDropout", i)
        drawers.append(layer.self_attn.drawer)
        drop(layer.self_attn.o_proj, Draw(probability, "hiddenDropout", 2 * i))
        drop(layer.mlp.down_proj, Draw(probability, "hiddenDropout", 2 * i + 1))
    return drawers

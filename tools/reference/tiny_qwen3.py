"""A tiny Qwen3 as transformers saves it, its logits, its loss and the gradients of that: what
Tests/AntModelsTests/Qwen3Tests.swift opens.

    python tools/reference/tiny_qwen3.py      writes tools/reference/tiny-qwen3/

Untied, with a rotary base of its own and norms that are not one, so that nothing passes by being a default. Gradients are
taken of the mean cross entropy of every next token, in double precision; vectors whole, of matrices the norm.
"""

import json
import pathlib

import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

folder = pathlib.Path(__file__).parent / "tiny-qwen3"
torch.manual_seed(5)
model = Qwen3ForCausalLM(
    Qwen3Config(
        vocab_size=48,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=32,
        rms_norm_eps=1e-5,
        rope_theta=5000.0,
        initializer_range=0.3,
        tie_word_embeddings=False,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
).eval()
with torch.no_grad():
    for name, p in model.named_parameters():
        if p.dim() == 1:
            p.uniform_(0.5, 1.5)
model.save_pretrained(folder)
model = model.double()
ids = torch.randint(3, 48, (2, 11))
logits = model(input_ids=ids).logits
loss = torch.nn.functional.cross_entropy(logits[:, :-1].reshape(-1, 48), ids[:, 1:].reshape(-1))
loss.backward()
result = dict(
    ids=ids.tolist(),
    logits=[[[round(float(x), 6) for x in row] for row in s] for s in logits.detach()],
    loss=loss.item(),
    gradients={
        name: [float(f"{float(x):.7g}") for x in (p.grad if p.dim() == 1 else p.grad.norm()[None])]
        for name, p in model.named_parameters()
    },
)
(folder / "values.json").write_text(json.dumps(result) + "\n")

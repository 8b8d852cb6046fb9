"""A tiny Llama as transformers saves it, and its logits: what Tests/ModelsTests/ModelFolderTests.swift opens.

    python tools/reference/tiny_llama.py      writes tools/reference/tiny-llama/

Untied, with a rotary base of its own, so that nothing passes by being a default.
"""

import json
import pathlib

import torch
from transformers import LlamaConfig, LlamaForCausalLM

folder = pathlib.Path(__file__).parent / "tiny-llama"
torch.manual_seed(3)
model = LlamaForCausalLM(
    LlamaConfig(
        vocab_size=48,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
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
ids = torch.randint(3, 48, (2, 11))
with torch.no_grad():
    logits = model(input_ids=ids).logits
result = dict(ids=ids.tolist(), logits=[[[round(float(x), 6) for x in row] for row in s] for s in logits])
(folder / "logits.json").write_text(json.dumps(result) + "\n")

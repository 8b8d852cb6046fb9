"""Times PyTorch's training step on one of the presets; prints one JSON object.

    training_step.py MODEL OBJECTIVE BATCH LENGTH VOCABULARY STEPS [--compile] [--cuda]
                     [--precision float32|tf32|bfloat16]

transformers LlamaForCausalLM with SDPA attention, or LTG-BERT as our modeling file computes it, with its dropout of
0.1; tied embeddings, fused AdamW, clip 1.0: the fastest plain way to do the same job. MLM replaces the causal mask by
the bidirectional one and reads 15 % of the positions through the head, as AntLM does. Tokens are random. `peakBytes`
is the process's peak resident set less what importing PyTorch and transformers took, or with --cuda the most memory
of the card that tensors took; `peakResidentBytes` is the whole process.
"""

import json
import pathlib
import resource
import sys

import torch
import torch.nn.functional as functional
from peer import DEVICE, OPTIONS, autocast, seconds
from transformers import LlamaConfig, LlamaForCausalLM

SIZES = {  # hidden, feed-forward, layers, heads
    "llama-micro": (128, 384, 2, 2),
    "llama-mini": (256, 768, 4, 4),
    "llama-small": (384, 1024, 12, 6),
    "llama-base": (768, 2048, 12, 12),
    "ltg-bert-mini": (256, 640, 4, 4),
    "ltg-bert-small": (384, 1024, 12, 6),
    "ltg-bert-base": (768, 2048, 12, 12),
}


def ltg_bert(vocabulary, hidden, feed_forward, layers, heads):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Sources/AntModels/LTGBert"))
    from modeling_ltgbert import LtgBertConfig, LtgBertForMaskedLM

    return LtgBertForMaskedLM(
        LtgBertConfig(
            vocab_size=vocabulary, hidden_size=hidden, intermediate_size=feed_forward, num_hidden_layers=layers,
            num_attention_heads=heads)
    ).train()


def main():
    model_name, objective, *sizes = OPTIONS.arguments
    batch, length, vocabulary, steps = map(int, sizes)
    imported = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    hidden, feed_forward, layers, heads = SIZES[model_name]
    is_llama = model_name.startswith("llama")
    if is_llama:
        model = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=vocabulary, hidden_size=hidden, intermediate_size=feed_forward, num_hidden_layers=layers,
                num_attention_heads=heads, num_key_value_heads=heads, max_position_embeddings=512,
                tie_word_embeddings=True, attn_implementation="sdpa",
            )
        )
    else:
        model = ltg_bert(vocabulary, hidden, feed_forward, layers, heads)
    model.to(DEVICE)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    everywhere = torch.ones(batch, 1, length, length, dtype=torch.bool, device=DEVICE)

    def loss_of(ids, picked):
        if not is_llama:
            states = model.encode(ids, None, causal=objective == "CLM")
            if objective == "CLM":
                return functional.cross_entropy(
                    model.classifier(states[:, :-1]).reshape(-1, vocabulary), ids[:, 1:].reshape(-1))
            return functional.cross_entropy(
                model.classifier(states.flatten(0, 1)[picked]), ids.flatten()[picked])
        if objective == "CLM":
            states = model.model(input_ids=ids, use_cache=False).last_hidden_state
            return functional.cross_entropy(
                model.lm_head(states[:, :-1]).reshape(-1, vocabulary), ids[:, 1:].reshape(-1))
        states = model.model(input_ids=ids, attention_mask=everywhere, use_cache=False).last_hidden_state
        return functional.cross_entropy(model.lm_head(states.flatten(0, 1)[picked]), ids.flatten()[picked])

    if OPTIONS.compile:
        loss_of = torch.compile(loss_of)

    def step(_):
        ids = torch.randint(4, vocabulary, (batch, length)).to(DEVICE)
        # As many every time: another number would be another shape to compile for.
        picked = torch.randperm(batch * length)[: batch * length * 3 // 20].to(DEVICE)
        with autocast():
            loss = loss_of(ids, picked)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()

    median = seconds(step, steps)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({
        "peer": "pytorch-compile" if OPTIONS.compile else "pytorch-eager", "model": model_name,
        "objective": objective, "batch": batch, "length": length,
        "tokensPerSecond": round(batch * length / median, 1),
        "peakBytes": torch.cuda.max_memory_allocated() if DEVICE == "cuda" else peak - imported, "peakResidentBytes": peak,
    }))


if __name__ == "__main__":
    main()

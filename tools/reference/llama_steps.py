"""Ten training steps of llama-mini in transformers, causal and masked: the losses and gradient norms that
Tests/ModelsTests/LlamaStepsTests.swift must find too.

    python tools/reference/llama_steps.py > tools/reference/llama_steps.json

AdamW(0.9, 0.999, 1e-8), weight decay on matrices only, clipping at 1, no dropout. Weights and batches come from
Philox (philox.py). Two batches take turns, so that the loss falls fast and a wrong gradient shows:

    token i of a batch    4 + word i of (sampling, layer 0, step = batch) mod 252
    masked, label there   uniform i of (masking, layer 0, step = batch) < 0.15, input 3
"""

import json
import sys

import torch

from llama_model import make
from philox import uniform, words

SIZES = (4096, 256, 768, 4, 4)
SEED, SEQUENCES, LENGTH, STEPS = 11, 4, 64, 10
LEARNING_RATE, WEIGHT_DECAY, MAXIMUM_NORM = 1e-3, 0.1, 1.0


def batch(number):
    count = SEQUENCES * LENGTH
    ids = 4 + words(SEED, "sampling", 0, number, count).astype("int64") % 252
    masked = uniform(SEED, "masking", 0, number, count) < 0.15
    shape = (SEQUENCES, LENGTH)
    return torch.from_numpy(ids).reshape(shape), torch.from_numpy(masked).reshape(shape)


def run(objective):
    model = make(SIZES, SEED).to(PRECISION).train()
    decayed = [p for p in model.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if p.dim() != 2]
    optimizer = torch.optim.AdamW(
        [dict(params=decayed, weight_decay=WEIGHT_DECAY), dict(params=others, weight_decay=0.0)],
        lr=LEARNING_RATE,
        betas=(0.9, 0.999),
        eps=1e-8,
    )
    losses, norms = [], []
    for step in range(STEPS):
        ids, masked = batch(step % 2)
        if objective == "causal":
            logits = model(input_ids=ids).logits[:, :-1]
            labels = ids[:, 1:]
        else:
            # An additive mask of zeros: every position sees every other.
            everything = torch.zeros(SEQUENCES, 1, LENGTH, LENGTH, dtype=PRECISION)
            logits = model(input_ids=ids.masked_fill(masked, 3), attention_mask=everything).logits[masked]
            labels = ids[masked]
        loss = torch.nn.functional.cross_entropy(logits.reshape(-1, SIZES[0]), labels.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), MAXIMUM_NORM)))
        optimizer.step()
        losses.append(loss.item())
    return dict(losses=losses, norms=norms)


# In double precision, so that the fixture's own rounding is out of the question; --single for comparison.
PRECISION = torch.float32 if "--single" in sys.argv else torch.float64
torch.manual_seed(0)
json.dump(
    dict(
        seed=SEED,
        sequences=SEQUENCES,
        length=LENGTH,
        learningRate=LEARNING_RATE,
        weightDecay=WEIGHT_DECAY,
        maximumNorm=MAXIMUM_NORM,
        causal=run("causal"),
        masked=run("masked"),
    ),
    sys.stdout,
    indent=1,
)
print()

"""Logits, gradients and training losses of both architectures in PyTorch, in double precision: what
Tests/ModelsTests/ParityTests.swift must find on every device.

    python tools/reference/parity.py > tools/reference/parity.json

Weights, inputs, dropout and projections come from Philox (philox.py), so nothing large is stored:

    token i of a batch     4 + word i of (sampling, layer 0, step) mod (vocabulary - 4)
    masked, label there    uniform i of (masking, layer 0, step) < 0.15, input 3
    projection k           sum over the elements e of a gradient, those with the top bit of word e of
                           (sampling, layer 1, step k) set counted negative

A gradient of which 8 projections agree to 1e-4 of its norm (root mean square) agrees to about that in the L2 norm:
the projections of a difference are spread as widely as it is long.
"""

import json
import sys

import numpy as np
import torch
from torch.nn import functional

import llama_model
import ltg_bert_model
from philox import uniform, words

SEED, PROJECTIONS = 23, 8
DOCUMENTS = [[[0, 50], [50, 128]], [[0, 90], [90, 120]]]
LLAMA = (61, 24, 40, 2, 2)
LTG_BERT = dict(vocab_size=61, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=2)
# Training: learning rate after a linear warm-up, weight decay of what decays, clipping.
STEPS, SEQUENCES, LENGTH, RATE, WARMUP, DECAY, NORM = 20, 4, 64, 2e-3, 5, 0.1, 1.0
LLAMA_TRAINED = (256, 64, 96, 3, 4)
LTG_BERT_TRAINED = dict(
    vocab_size=256, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4)
signs = {}


def project(values):
    count = values.size
    if count not in signs:
        signs[count] = np.stack(
            [1.0 - 2.0 * (words(SEED, "sampling", 1, k, count) >> 31) for k in range(PROJECTIONS)])
    return signs[count] * values.reshape(-1)


def rounded(x):
    return float(f"{x:.8g}")


def make(architecture, layout, sizes, positions=1024):
    if architecture == "llama":
        return llama_model.make(sizes, SEED, positions).to(torch.float64)
    return ltg_bert_model.make(SEED, layout, **sizes)


def draw_dropout(model, dropout):
    is_llama = isinstance(model, llama_model.LlamaForCausalLM)
    return (llama_model if is_llama else ltg_bert_model).draw_dropout(model, dropout)


def batch(vocabulary, sequences, length, step):
    count = sequences * length
    ids = 4 + words(SEED, "sampling", 0, step, count).astype("int64") % (vocabulary - 4)
    masked = uniform(SEED, "masking", 0, step, count) < 0.15
    shape = (sequences, length)
    return torch.from_numpy(ids).reshape(shape), torch.from_numpy(masked).reshape(shape)


def run(model, mask, ids, masked, documents):
    """Logits everywhere, and which predict what: causal predicts the next token, bidirectional what is masked."""
    sequences, length = ids.shape
    documents = documents or [[[0, length]]] * sequences
    sees = torch.zeros(sequences, length, length, dtype=torch.bool)
    positions = torch.zeros(sequences, length, dtype=torch.long)
    inside = torch.zeros(sequences, length, dtype=torch.bool)
    last = torch.zeros(sequences, length, dtype=torch.bool)
    for s, ranges in enumerate(documents):
        for start, end in ranges:
            block = torch.ones(end - start, end - start, dtype=torch.bool)
            sees[s, start:end, start:end] = block.tril() if mask == "causal" else block
            positions[s, start:end] = torch.arange(end - start)
            inside[s, start:end] = True
            last[s, end - 1] = True
    inputs = ids if mask == "causal" else ids.masked_fill(masked, 3)
    labelled = inside & ~last if mask == "causal" else inside & masked
    right = ids.roll(-1, 1) if mask == "causal" else ids
    if isinstance(model, llama_model.LlamaForCausalLM):
        additive = torch.zeros(sees.shape, dtype=torch.float64).masked_fill(~sees, -1e30)
        logits = model(input_ids=inputs, attention_mask=additive[:, None], position_ids=positions).logits
        return logits, logits[labelled], right[labelled]
    # The head's dropout is drawn by label, so it reads the labelled positions alone.
    states = model.encode(inputs, sees, causal=False)
    return model.classifier.eval()(states), model.classifier.train()(states[labelled]), right[labelled]


def case(architecture, layout, mask, length, dropout, documents=None):
    model = make(architecture, layout, LLAMA if architecture == "llama" else LTG_BERT).train()
    for drawer in draw_dropout(model, dropout):
        drawer.seed, drawer.step = SEED, 7
    sequences = 2 if length <= 128 else 1
    ids, masked = batch(61, sequences, length, 0)
    logits, predicted, right = run(model, mask, ids, masked, documents)
    loss = functional.cross_entropy(predicted, right)
    loss.backward()
    result = dict(
        architecture=architecture, layout=layout, mask=mask, length=length, sequences=sequences, dropout=dropout,
        loss=rounded(loss.item()), gradients=[])
    if documents:
        result["documents"] = documents
    if dropout == 0:
        rows = list(range(0, sequences * length, max(1, sequences * length // 6)))
        if documents:
            rows = [0, 49, 50, 127, 128 + 89, 128 + 90]
        result["rows"] = rows
        result["logits"] = [round(float(x), 6) for x in logits.detach().reshape(-1, 61)[rows].reshape(-1)]
    for name, p in model.named_parameters():
        values = p.grad.numpy()
        signed = project(values)
        entry = dict(
            tensor=name, norm=rounded(np.sqrt((values**2).sum())), projections=[rounded(x) for x in signed.sum(1)])
        if name.endswith("relative_embedding"):
            height = values.shape[0]
            entry["rowNorms"] = [rounded(x) for x in np.sqrt((values**2).sum(1))]
            entry["rowProjections"] = [
                [rounded(x) for x in row] for row in signed.reshape(PROJECTIONS, height, -1).sum(2)[:4].T]
        result["gradients"].append(entry)
    return result


def training(architecture, layout, mask, dropout):
    model = make(architecture, layout, LLAMA_TRAINED if architecture == "llama" else LTG_BERT_TRAINED).train()
    drawers = draw_dropout(model, dropout)
    decays = {
        name: p.dim() == 2 and (architecture == "llama" or "embedding" not in name)
        for name, p in model.named_parameters()}
    optimizer = torch.optim.AdamW(
        [
            dict(params=[p for n, p in model.named_parameters() if decays[n]], weight_decay=DECAY),
            dict(params=[p for n, p in model.named_parameters() if not decays[n]], weight_decay=0.0),
        ],
        lr=RATE, betas=(0.9, 0.999), eps=1e-8)
    losses = []
    for step in range(1, STEPS + 1):
        for drawer in drawers:
            drawer.seed, drawer.step = SEED, step
        ids, masked = batch(256, SEQUENCES, LENGTH, step % 3)
        _, predicted, right = run(model, mask, ids, masked, None)
        loss = functional.cross_entropy(predicted, right)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), NORM)
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, step / WARMUP)
        optimizer.step()
        losses.append(rounded(loss.item()))
    return dict(architecture=architecture, layout=layout, mask=mask, dropout=dropout, losses=losses)


VARIANTS = [("llama", "blocked", [0.0, 0.1]), ("ltgbert", "blocked", [0.0, 0.1]), ("ltgbert", "per_head", [0.0, 0.1])]
cases, trained = [], []
for architecture, layout, rates in VARIANTS:
    for mask in ("causal", "bidirectional"):
        for dropout in rates:
            for length in (17, 128, 512, 600):
                cases.append(case(architecture, layout, mask, length, dropout))
            cases.append(case(architecture, layout, mask, 128, dropout, DOCUMENTS))
        for dropout in rates if architecture == "llama" else rates[-1:]:
            trained.append(training(architecture, layout, mask, dropout))
json.dump(
    dict(
        seed=SEED, dropoutStep=7, steps=STEPS, sequences=SEQUENCES, length=LENGTH, learningRate=RATE, warmup=WARMUP,
        weightDecay=DECAY, maximumNorm=NORM, cases=cases, training=trained),
    sys.stdout, separators=(",", ":"))
print()

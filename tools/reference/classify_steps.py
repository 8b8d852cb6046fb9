"""Fine-tuning to classify in PyTorch and transformers, in double precision: what
Tests/AntLMTests/ClassificationParityTests.swift must find too, step by step.

    python tools/reference/classify_steps.py > tools/reference/classify_steps.json

The recipes of 2024 (LlamaForSequenceClassification of transformers; LTG-BERT with its classifier) and 2025 (the head
of that evaluation, causally at the last token and both ways at the first, with its dropout), with transformers' own
schedules. Weight decay spares norms and biases. Weights, heads, examples, their order and dropout come from Philox
(philox.py), so nothing large is stored:

    example i      3 + word i of (sampling, layer 2, step 0) mod 14 ids, id t being
                   4 + word t of (sampling, layer 3, step i) mod (vocabulary - 4)
    its label      word i of (sampling, layer 4, step 0) mod 2
    order          Fisher-Yates by the blocks of (shuffling, layer 0, step epoch)
    head           (classification, layer = number of the tensor)
"""

import json
import sys

import numpy as np
import torch
from torch import nn
from transformers import (
    LlamaForSequenceClassification, get_cosine_with_min_lr_schedule_with_warmup, get_linear_schedule_with_warmup)

import llama_model
import ltg_bert_model
from philox import normal_of, truncated_normal_of, uniform, word_blocks, words

SEED, EXAMPLES, BATCH, EPOCHS, LABELS = 29, 21, 8, 4, 2
VOCABULARY, HIDDEN = 256, 64
LLAMA = (VOCABULARY, HIDDEN, 96, 3, 4)
LTG_BERT = dict(
    vocab_size=VOCABULARY, hidden_size=HIDDEN, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4,
    hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
RATE, DECAY, WARMUP, FLOOR = 2e-3, 0.01, 0.25, 0.1


def examples():
    lengths = 3 + words(SEED, "sampling", 2, 0, EXAMPLES) % 14
    labels = words(SEED, "sampling", 4, 0, EXAMPLES) % 2
    ids = [4 + words(SEED, "sampling", 3, i, int(n)).astype("int64") % (VOCABULARY - 4) for i, n in enumerate(lengths)]
    return [torch.from_numpy(x) for x in ids], torch.from_numpy(labels.astype("int64"))


def permutation(count, epoch):
    blocks = word_blocks(SEED, "shuffling", 0, epoch, np.arange(count, dtype=np.uint64))
    order = list(range(count))
    for last in range(count - 1, 0, -1):
        bits = int(blocks[last][1]) << 32 | int(blocks[last][0])
        other = bits * (last + 1) >> 64
        order[last], order[other] = order[other], order[last]
    return order


class Head(nn.Module):
    """The classifier of LTG-BERT, and of the evaluation of 2025."""

    def __init__(self, epsilon, dropout):
        super().__init__()
        self.drawer = ltg_bert_model.Draw(dropout, "headDropout", 0)
        self.nonlinearity = nn.Sequential(
            nn.LayerNorm(HIDDEN, epsilon, elementwise_affine=False), nn.Linear(HIDDEN, HIDDEN), nn.GELU(),
            nn.LayerNorm(HIDDEN, epsilon, elementwise_affine=False), self.drawer, nn.Linear(HIDDEN, LABELS))

    def forward(self, x):
        return self.nonlinearity(x)


def fill(parameter, values):
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(values)).reshape(parameter.shape))


class Classifier(nn.Module):
    """A model, which position is read, and a head."""

    def __init__(self, architecture, year, causal):
        super().__init__()
        self.architecture, self.causal, self.year = architecture, causal, year
        if architecture == "llama":
            self.model = llama_model.make(LLAMA, SEED).to(torch.float64)
            if year == 2024:
                config = self.model.config
                config.num_labels = LABELS
                whole = LlamaForSequenceClassification(config).to(torch.float64)
                whole.model.load_state_dict(self.model.model.state_dict())
                self.model = whole
                fill(self.model.score.weight, normal_of(SEED, "classification", 0, LABELS * HIDDEN, 0.02))
        else:
            self.model = ltg_bert_model.make(SEED, "blocked", **LTG_BERT)
        if architecture == "ltg_bert" or year == 2025:
            self.head = Head(1e-7 if year == 2024 else 1e-5, 0.1 if year == 2025 else 0).to(torch.float64)
            bound = HIDDEN ** -0.5
            for number, p in enumerate(self.head.parameters()):
                if year == 2025:
                    draws = uniform(SEED, "classification", number, 0, p.numel()).astype("float32")
                    fill(p, np.float32(bound) * (2 * draws - 1))
                elif p.dim() == 2:
                    deviation = (2 / (5 * HIDDEN)) ** 0.5
                    fill(p, truncated_normal_of(SEED, "classification", number, p.numel(), deviation))
                else:
                    fill(p, np.zeros(p.numel()))

    def forward(self, sequences):
        lengths = torch.tensor([len(x) for x in sequences])
        longest = int(lengths.max())
        ids = torch.zeros(len(sequences), longest, dtype=torch.int64)
        for row, x in zip(ids, sequences):
            row[: len(x)] = x
        there = torch.arange(longest)[None] < lengths[:, None]
        if self.architecture == "llama" and self.year == 2024:
            return self.model(input_ids=ids, attention_mask=there.long()).logits
        sees = there[:, None, None].expand(-1, 1, longest, -1)
        if self.causal:
            sees = sees & torch.ones(longest, longest, dtype=torch.bool).tril()
        if self.architecture == "llama":
            mask = torch.zeros(sees.shape, dtype=torch.float64).masked_fill(~sees, torch.finfo(torch.float64).min)
            states = self.model.model(input_ids=ids, attention_mask=mask).last_hidden_state
        else:
            states = self.model.encode(ids, there.long(), causal=False)
        row = lengths - 1 if self.causal else torch.zeros_like(lengths)
        return self.head(states[torch.arange(len(sequences)), row])


def run(architecture, year, causal):
    model = Classifier(architecture, year, causal).train()
    sequences, labels = examples()
    unused = {"lm_head.weight"} if architecture == "llama" else {"classifier.nonlinearity"}
    trained = [p for n, p in model.named_parameters() if not any(u in n for u in unused)]
    decay = DECAY if year == 2025 else 0.0
    optimizer = torch.optim.AdamW(
        [dict(params=[p for p in trained if p.dim() == 2], weight_decay=decay),
         dict(params=[p for p in trained if p.dim() != 2], weight_decay=0.0)],
        lr=RATE, betas=(0.9, 0.999), eps=1e-8)
    drops_last = year == 2025
    steps = EXAMPLES // BATCH if drops_last else -(-EXAMPLES // BATCH)
    total = steps * EPOCHS
    if year == 2024:
        schedule = get_linear_schedule_with_warmup(optimizer, 0, total)
    else:
        schedule = get_cosine_with_min_lr_schedule_with_warmup(
            optimizer, int(WARMUP * total), total, min_lr_rate=FLOOR)
    losses, norms, rates = [], [], []
    for epoch in range(1, EPOCHS + 1):
        order = permutation(EXAMPLES, epoch)
        for place in range(steps):
            batch = order[place * BATCH : (place + 1) * BATCH]
            if hasattr(model, "head"):
                model.head.drawer.seed, model.head.drawer.step = SEED, len(losses) + 1
            loss = nn.functional.cross_entropy(model([sequences[i] for i in batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            limit = 1.0 if year == 2024 else float("inf")
            norms.append(float(nn.utils.clip_grad_norm_(trained, limit)))
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
    if hasattr(model, "head"):
        model.head.drawer.probability = 0
    with torch.no_grad():
        logits = model(sequences).reshape(-1).tolist()
    return dict(architecture=architecture, year=str(year), causal=causal, losses=losses, norms=norms, rates=rates,
                logits=logits)


torch.manual_seed(0)
json.dump(
    dict(
        seed=SEED, examples=EXAMPLES, batch=BATCH, epochs=EPOCHS, rate=RATE,
        runs=[run("llama", 2024, True), run("llama", 2025, True), run("llama", 2025, False),
              run("ltg_bert", 2024, False)]),
    sys.stdout, indent=1)
print()

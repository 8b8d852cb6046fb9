"""Scores minimal pairs with PyTorch: a second opinion on `antlm eval pairs --scores`.

    python tools/reference/score_pairs.py MODEL SCORES --scoring causal|mlm|mntp [--rule 2024|2025] [--batch N] [--limit N]

MODEL is a folder such as RUN/latest, SCORES what `antlm eval pairs RUN PATH... --scores SCORES` wrote; the pairs are read
from the files it names. Tokens come from Hugging Face's tokenizers, logits from transformers, masked one at a time.
Without --batch every sequence is run by itself. Prints the pairs whose verdict differs, the largest difference of a
score, and the seconds that scoring took; exits with 1 where a verdict differs by more than 1e-4.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer


def sentences(row):
    """[(given, scored)] of the right and the wrong one."""
    if "Context1" in row:
        return [(row["Context1"], " " + row["Target1"]), (row["Context1"], " " + row["Target2"])]
    return [("", row["sentence_good"]), ("", row["sentence_bad"])]


def sequences(given, scored, scoring, ids):
    """[(input, row of the logits, token)] for one sentence."""
    start, tokens = len(given), given + scored
    if scoring == "causal":
        return [([ids["bos"]] + tokens[:-1], list(range(start, len(tokens))), tokens[start:])]
    out = []
    for place in range(start, len(tokens)):
        copy = [ids["bos"]] + tokens + ([ids["eos"]] if scoring == "mlm" else [])
        copy[place + 1] = ids["mask"]
        out.append((copy, [place + 1 if scoring == "mlm" else place], [tokens[place]]))
    return out


@torch.inference_mode()
def run(model, is_llama, batch, scoring, padding):
    """The summed log-probability of each sequence of a batch."""
    length = max(len(ids) for ids, _, _ in batch)
    ids = torch.tensor([ids + [padding] * (length - len(ids)) for ids, _, _ in batch])
    seen = torch.tensor([[True] * len(ids) + [False] * (length - len(ids)) for ids, _, _ in batch])
    if is_llama:
        if scoring == "causal":
            logits = model(input_ids=ids, attention_mask=seen.long(), use_cache=False).logits
        else:
            everywhere = seen[:, None, None, :].expand(len(batch), 1, length, length)
            logits = model(input_ids=ids, attention_mask=everywhere, use_cache=False).logits
    else:
        logits = model(input_ids=ids, attention_mask=seen.long()).logits
    out = []
    for index, (_, rows, tokens) in enumerate(batch):
        picked = logits[index, rows].double().log_softmax(-1)
        out.append(picked[torch.arange(len(rows)), torch.tensor(tokens)].sum().item())
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("scores")
    parser.add_argument("--scoring", choices=["causal", "mlm", "mntp"], required=True)
    parser.add_argument("--rule", choices=["2024", "2025"], default="2025")
    parser.add_argument("--batch", type=int, help="positions of a batch, padding included")
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    torch.set_num_threads(2)

    is_llama = json.loads((Path(options.model) / "config.json").read_text())["model_type"] == "llama"
    kind = AutoModelForCausalLM if is_llama or options.scoring == "causal" else AutoModelForMaskedLM
    model = kind.from_pretrained(options.model, trust_remote_code=True, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(options.model, trust_remote_code=True)
    special = {"bos": tokenizer.bos_token_id, "eos": tokenizer.eos_token_id, "mask": tokenizer.mask_token_id}
    encode = lambda text: tokenizer.encode(text, add_special_tokens=False) if text else []

    lines = [json.loads(line) for line in Path(options.scores).read_text().splitlines()][: options.limit]
    files = {}
    jobs, counts = [], []
    for number, line in enumerate(lines):
        rows = files.setdefault(line["file"], Path(line["file"]).read_text(encoding="utf-8").split("\n"))
        for side, (given, scored) in enumerate(sentences(json.loads(rows[line["line"] - 1]))):
            given, scored = encode(given.strip()), encode(scored.rstrip() if given else scored.strip())
            counts.append(len(scored))
            jobs += [(2 * number + side, job) for job in sequences(given, scored, options.scoring, special)]
    sums = [0.0] * len(counts)
    start = time.perf_counter()
    if options.batch:
        jobs.sort(key=lambda job: len(job[1][0]))
        batch = []
        for job in jobs + [None]:
            if job is None or batch and (len(batch) + 1) * len(job[1][0]) > options.batch:
                for (index, _), value in zip(batch, run(model, is_llama, [b for _, b in batch], options.scoring, 0)):
                    sums[index] += value
                batch = []
            if job is not None:
                batch.append(job)
    else:
        for index, job in jobs:
            sums[index] += run(model, is_llama, [job], options.scoring, 0)[0]
    seconds = time.perf_counter() - start

    if options.rule == "2024" and options.scoring == "mlm":
        sums = [s / max(c, 1) for s, c in zip(sums, counts)]
    worst, differing = 0.0, 0
    for number, line in enumerate(lines):
        ours = line[f"{options.scoring}Good"], line[f"{options.scoring}Bad"]
        theirs = sums[2 * number], sums[2 * number + 1]
        worst = max(worst, *(abs(a - b) for a, b in zip(ours, theirs)))
        if (ours[0] >= ours[1]) != (theirs[0] >= theirs[1]) and abs(theirs[0] - theirs[1]) >= 1e-4:
            differing += 1
            print(f"{line['file']}, line {line['line']}: {ours} here, {theirs} there")
    print(f"{len(lines)} pairs, {differing} verdicts differ, largest difference of a score {worst:.2e}, {seconds:.1f} s")
    sys.exit(differing > 0)


main()

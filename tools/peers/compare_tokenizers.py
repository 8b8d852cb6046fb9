#!/usr/bin/env python3
"""Holds our tokenizers to Hugging Face's: what is learnt, which ids come out, and how long both take on one thread.

    tools/peers/compare_tokenizers.py --train FOLDER --text FOLDER... [--vocab 16000] [--rounds 3]

Learns BPE and WordPiece from all lines of the files in FOLDER with both programs and compares vocabularies and
merges; then encodes every line (of *.jsonl files every string in it) with both from one tokenizer.json, with NFKC, a
space before and digits one by one as well, and compares ids. Times are medians of the rounds, in turns; ours are
those of the whole process. Exits with 1 where anything differs.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BPE = ["<pad>", "<s>", "</s>", "[MASK]"]
WORDPIECE = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "[PAR]", "[TAB]"]
KINDS = {
    "bpe": dict(model="bpe"),
    "bpe, NFKC, space, digits": dict(model="bpe", normalizer="NFKC", space=True, digits=True),
    "wordpiece": dict(model="wordpiece", space=True, digits=True),
    "wordpiece, NFKC": dict(model="wordpiece", normalizer="NFKC", space=True, digits=True),
}


def flags(kind):
    out = ["--model", kind["model"]]
    out += ["--normalizer", kind["normalizer"]] if "normalizer" in kind else []
    out += ["--prefix-space"] if kind.get("space") else []
    return out + (["--separate-digits"] if kind.get("digits") else [])


def theirs(kind, lines, vocab):
    wordpiece = kind["model"] == "wordpiece"
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]") if wordpiece else models.BPE())
    if "normalizer" in kind:
        tokenizer.normalizer = getattr(normalizers, kind["normalizer"])()
    steps = [pre_tokenizers.ByteLevel(add_prefix_space=kind.get("space", False))]
    steps += [pre_tokenizers.Digits(individual_digits=True)] if kind.get("digits") else []
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    common = dict(vocab_size=vocab, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    if wordpiece:
        trainer = trainers.WordPieceTrainer(
            min_frequency=10, special_tokens=WORDPIECE, continuing_subword_prefix="", **common)
    else:
        specials = [AddedToken(name, lstrip=name == "[MASK]", special=True) for name in BPE]
        trainer = trainers.BpeTrainer(min_frequency=2, special_tokens=specials, **common)
    start = time.perf_counter()
    tokenizer.train_from_iterator(lines, trainer)
    return json.loads(tokenizer.to_str())["model"], time.perf_counter() - start


def ours(antlm, *arguments, stdin=None):
    start = time.perf_counter()
    out = subprocess.run(
        ["taskset", "-c", "0", antlm, "tokenizer", *map(str, arguments)], stdin=stdin, stdout=subprocess.PIPE, check=True)
    return out.stdout, time.perf_counter() - start


def strings(folders):
    for folder in folders:
        for path in sorted(p for p in pathlib.Path(folder).rglob("*") if p.is_file()):
            for line in path.read_text(encoding="utf-8").split("\n"):
                if path.suffix == ".jsonl":
                    yield from (v for v in json.loads(line).values() if isinstance(v, str)) if line else ()
                elif line:
                    yield line


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", required=True)
    parser.add_argument("--text", required=True, nargs="+")
    parser.add_argument("--vocab", type=int, default=16000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    build = ["swift", "build", "-c", "release", "-Xcc", "-march=native", "--show-bin-path"]
    antlm = pathlib.Path(subprocess.check_output(build, cwd=ROOT, text=True).strip()) / "antlm"

    lines = [line for line in strings([options.train]) if line.strip()]
    texts = [text for text in strings(options.text) if "\n" not in text]
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "text").write_text("\n".join(texts) + "\n", encoding="utf-8")
        megabytes = (folder / "text").stat().st_size / 1e6
        for name, kind in KINDS.items():
            file = folder / "tokenizer.json"
            times = {key: [] for key in ("learn, theirs", "learn, ours", "encode, theirs", "encode, ours")}
            for _ in range(options.rounds):
                learnt, seconds = theirs(kind, lines, options.vocab)
                times["learn, theirs"].append(seconds)
                _, seconds = ours(antlm, "train", "--vocab", options.vocab, "--out", file, *flags(kind), options.train)
                times["learn, ours"].append(seconds)
                tokenizer = Tokenizer.from_file(str(file))
                start = time.perf_counter()
                expected = [e.ids for e in tokenizer.encode_batch(texts)]
                times["encode, theirs"].append(time.perf_counter() - start)
                out, seconds = ours(antlm, "encode", "--add-specials", file, folder / "text")
                times["encode, ours"].append(seconds)
            model = json.loads(file.read_text())["model"]
            same = model["vocab"] == learnt["vocab"] and model.get("merges") == learnt.get("merges")
            ids = [[int(word) for word in line.split()] for line in out.decode().split("\n")[:-1]]
            differing = sum(a != b for a, b in zip(ids, expected)) + abs(len(ids) - len(expected))
            failed = failed or not same or differing > 0
            median = {key: statistics.median(values) for key, values in times.items()}
            print(f"{name}: {len(model['vocab'])} tokens, {'the same' if same else 'DIFFERENT'}; "
                  f"{differing} of {len(texts)} texts ({megabytes:.1f} MB) differ in ids; "
                  f"learn {median['learn, theirs']:.2f} s theirs, {median['learn, ours']:.2f} s ours "
                  f"({median['learn, theirs'] / median['learn, ours']:.2f} x); "
                  f"encode {median['encode, theirs']:.2f} s, {median['encode, ours']:.2f} s "
                  f"({median['encode, theirs'] / median['encode, ours']:.2f} x)", flush=True)
    sys.exit(failed)


main()

"""Writes tokenizers_ids.json: what Hugging Face's `tokenizers` learns and which ids it gives.

    python tools/reference/tokenizers_ids.py

`lines` is text to learn from, `merges` what a BPE trainer makes of it (260 + merges tokens), `plain` and `spaced`
are tokenizer.json files, without and with a prefix space, and each of `samples` has a text and its ids under both.
All texts are made here.
"""

import json
import random
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

SPECIALS = ["<pad>", "<s>", "</s>", "[MASK]"]
WORDS = (
    "the a dog dogs dog's cat cats child children chases chase sees see ball balls they're don't we'll "
    "runs ran running house houses 1 12 1999 naïve café Ärger 日本 日本語 они ½"
).split()
ODD = [
    " ", "  ", "\t", "\r", "\u00a0", "\u2003", "\u3000", "\u0085", "\u200b", "\x0b", "\x1c", "'", "'s", "'re", "'LL",
    "e\u0301", "😀", "👩‍👩‍👧", "ǅ", "ʰ", "Ⅷ", "١٢", "…", "<s>", "</s>", "<pad>", "[MASK]", " [MASK] ", "[MASK", "\x00", "\x7f",
    "\ufffd", "\U0010ffff",
]

draws = random.Random(1)


def line():
    words = [draws.choice(WORDS) for _ in range(draws.randint(3, 12))]
    return " ".join(words).capitalize() + draws.choice([".", "?", "!", " ..."])


def sample():
    return "".join(draws.choice(ODD + [" " + w for w in WORDS] + WORDS) for _ in range(draws.randint(0, 14)))


def learn(lines, prefix_space):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        lines,
        trainers.BpeTrainer(
            vocab_size=400,
            min_frequency=2,
            special_tokens=[AddedToken(s, lstrip=s == "[MASK]", special=True) for s in SPECIALS],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return tokenizer


lines = [line() for _ in range(150)]
plain, spaced = learn(lines, False), learn(lines, True)
texts = [sample() for _ in range(250)] + ["", " ", "a" * 200, "ab" * 100, " " * 100 + "x", "日本語" * 40]
ids = lambda tokenizer, text: tokenizer.encode(text, add_special_tokens=False).ids
fixture = {
    "lines": lines,
    "merges": [list(m) for m in json.loads(plain.to_str())["model"]["merges"]],
    "plain": plain.to_str(),
    "spaced": spaced.to_str(),
    "samples": [{"text": t, "plain": ids(plain, t), "spaced": ids(spaced, t)} for t in texts],
}
path = Path(__file__).with_name("tokenizers_ids.json")
path.write_text(json.dumps(fixture, ensure_ascii=True) + "\n")

"""Writes translation_scores.json: what sacrebleu makes of 1,200 sentence pairs.

    python tools/reference/translation_scores.py

`pairs` are hypothesis and reference, `sentences` BLEU (of what a single sentence is long enough for) and chrF of each;
`corpora` are runs of pairs, from and up to, with BLEU and chrF of each; `words` what BLEU compares of odd lines; and
`groups` sets of texts with the BLEU of each against all others of its set. All texts are made here.

    python tools/reference/translation_scores.py HYPOTHESES REFERENCES

prints BLEU and chrF of two files, a sentence a line.
"""

import json
import random
import sys
from pathlib import Path

from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

corpus_bleu, sentence_bleu, chrf = BLEU(), BLEU(effective_order=True), CHRF()

if len(sys.argv) == 3:
    sides = [Path(p).read_bytes().decode().removesuffix("\n").split("\n") for p in sys.argv[1:]]
    print(corpus_bleu.corpus_score(sides[0], [sides[1]]))
    print(chrf.corpus_score(sides[0], [sides[1]]))
    sys.exit()

WORDS = (
    "the a dog dogs dog's cat cats child children chases sees ball balls they're don't we'll runs house houses and "
    "der die das ein eine Hund Hunde Katze läuft über Straße Mädchen größer für und steht auf grünen Wiese"
).split()
ODD = [
    "1,000.5", "3.14", "1.", ".5", "5-6", "5-", "-5", "x-y", "10%", "$5", "U.S.", "e.g.,", "...", "..", ",,", ",.", "a.b",
    "2,b", "b,2", "&quot;hi&quot;", "&amp;", "&lt;b&gt;", "&amp;lt;", "&amp;quot;", "&", "<skipped>", "<s>", "\"so\"", "'so'",
    "(a)", "[b]", "{c}", "a/b", "a\\b", "a_b", "^", "`", "~", "#1", "@you", "a;b", "what?!", "=", "+", "*", "|",
    "naïve", "nai\u0308ve", "Ä.", "日本語", "日本,語", "。", "「", "😀", "👩‍👩‍👧", "٣.٤", "½", "²,²", "—", "–", "…", "“q”",
    "\u00a0", "\u2003", "\u3000", "\x1c", "\x85", "\u200b", "\t", "-\n", "\n", "the the the the",
]
LINES = [
    "", " ", ".", "a", "ab", "\u00a0", "The cat.", " The cat. ", "the cat", "the the the the the the", "日本語", "Ein Hund.",
]

draws = random.Random(1)


def line():
    words = [draws.choice(ODD if draws.random() < 0.12 else WORDS) for _ in range(draws.randint(1, 18))]
    text = " ".join(words)
    return draws.choice(["", "", "", " "]) + text[:1].upper() + text[1:] + draws.choice([".", ".", " .", "!", "", " ", "-\n"])


def edited(text):
    """The words of `text`, some of them dropped, changed, doubled or out of place."""
    rate = draws.choice([0, 0.1, 0.3, 0.6, 1])
    words = []
    for word in text.split(" "):
        kind = draws.random() / rate if rate else 1
        if kind < 0.25:
            continue
        words.append(draws.choice(WORDS + ODD) if kind < 0.5 else word)
        if 0.5 <= kind < 0.6:
            words.append(word)
        if 0.6 <= kind < 0.8 and len(words) > 1:
            words[-1], words[-2] = words[-2], words[-1]
    text = " ".join(words)
    return text.upper() if draws.random() < 0.03 else text


pairs = [[a, b] for a in LINES for b in LINES]
while len(pairs) < 1200:
    reference = line()
    pairs.append([edited(reference), reference])

sentences = [
    [sentence_bleu.sentence_score(h, [r]).score, chrf.sentence_score(h, [r]).score] for h, r in pairs]
corpora = []
for start, end in [(0, 1200), (144, 1200), (0, 144), (12, 24), (0, 12)] + [(s, s + 50) for s in range(150, 1200, 50)]:
    hypotheses, references = zip(*pairs[start:end])
    corpora.append([
        start, end, corpus_bleu.corpus_score(hypotheses, [references]).score,
        chrf.corpus_score(hypotheses, [references]).score])

groups = []
for size in [2, 3, 5, 8]:
    for _ in range(4):
        first = line()
        texts = [first] + [edited(first) for _ in range(size - 1)]
        scores = [sentence_bleu.sentence_score(t, texts[:i] + texts[i + 1:]).score for i, t in enumerate(texts)]
        groups.append({"texts": texts, "scores": scores})

split = Tokenizer13a()
words = [[text, split(text.rstrip()).split()] for text in ODD + LINES + [r for _, r in pairs[144:250]]]
path = Path(__file__).with_suffix(".json")
path.write_text(
    json.dumps(
        {"pairs": pairs, "sentences": sentences, "corpora": corpora, "words": words, "groups": groups},
        ensure_ascii=False, separators=(",", ":")).replace("\u2028", "\\u2028") + "\n")

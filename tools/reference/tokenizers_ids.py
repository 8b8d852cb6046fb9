"""Writes tokenizers_ids.json: what Hugging Face's `tokenizers` learns and which ids it gives.

    python tools/reference/tokenizers_ids.py

`lines` is text to learn from, `merges` what a BPE trainer makes of it (260 + merges tokens) and `wordpieces` what a
WordPiece trainer does, `files` are tokenizer.json files by name, and each of `samples` has a text and its ids under
each of them, without and with the tokens that the file puts around a text. All texts are made here.
"""

import json
import random
from pathlib import Path

from tokenizers import (
    AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers)

SPECIALS = ["<pad>", "<s>", "</s>", "[MASK]"]
WORDS = (
    "the a dog dogs dog's cat cats child children chases chase sees see ball balls they're don't we'll "
    "runs ran running house houses 1 12 1999 naïve café Ärger 日本 日本語 они ½"
).split()
ODD = [
    " ", "  ", "\t", "\r", "\u00a0", "\u2003", "\u3000", "\u0085", "\u200b", "\x0b", "\x1c", "'", "'s", "'re", "'LL",
    "e\u0301", "😀", "👩‍👩‍👧", "ǅ", "ʰ", "Ⅷ", "١٢", "…", "<s>", "</s>", "<pad>", "[MASK]", " [MASK] ", "[MASK", "\x00", "\x7f",
    "\ufffd", "\U0010ffff", "[CLS]", "[UNK]", "ò", "²", "ﬁ", "Å", "A\u030a", "q\u0307\u0323", "한국", "㍿", "ﬃn", "ﷺ", "½7",
    "٣4", "fine", "ﬁne", " fi ne ", "x" * 101,
]
WORDPIECE = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "[PAR]", "[TAB]"]

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


def learn_wordpiece(lines):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.ByteLevel(add_prefix_space=True), pre_tokenizers.Digits(individual_digits=True)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        lines,
        trainers.WordPieceTrainer(
            vocab_size=400, min_frequency=10, special_tokens=WORDPIECE, continuing_subword_prefix="",
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return tokenizer


def with_parts(tokenizer, normalizer=None, pre_tokenizer=None, post_processor=None, added=()):
    tokenizer = Tokenizer.from_str(tokenizer.to_str())
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    if post_processor:
        tokenizer.post_processor = post_processor
    tokenizer.add_tokens(list(added))
    return tokenizer


def without_bytes(tokenizer):
    """As LTG-BERT's own files are: bytes that no text had are unknown."""
    contents = json.loads(tokenizer.to_str())
    for name in "Xx½ĠÃ":
        del contents["model"]["vocab"][name]
    return Tokenizer.from_str(json.dumps(contents))


lines = [line() for _ in range(150)]
plain, spaced, wordpiece = learn(lines, False), learn(lines, True), learn_wordpiece(lines)
byte_level, digits = pre_tokenizers.ByteLevel, pre_tokenizers.Digits
files = {
    "plain": plain,
    "spaced": spaced,
    "wordpiece": with_parts(
        wordpiece,
        post_processor=processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])),
    "unknown bytes": with_parts(
        without_bytes(wordpiece), normalizer=normalizers.NFKC(), post_processor=processors.ByteLevel()),
    "nfkc": with_parts(
        spaced, normalizer=normalizers.NFKC(), post_processor=processors.RobertaProcessing(("</s>", 2), ("<s>", 1)),
        added=[AddedToken("ﬁne", normalized=True), AddedToken("ﷺ", normalized=False, lstrip=True)]),
    "nfd, digits": with_parts(
        plain, normalizer=normalizers.Sequence([normalizers.NFKC(), normalizers.NFD()]),
        pre_tokenizer=pre_tokenizers.Sequence(
            [digits(individual_digits=True), byte_level(add_prefix_space=True), digits(individual_digits=False)]),
        post_processor=processors.Sequence([
            processors.ByteLevel(), processors.BertProcessing(("</s>", 2), ("<s>", 1))])),
    "digit runs": with_parts(
        plain, pre_tokenizer=pre_tokenizers.Sequence([digits(individual_digits=False), byte_level(add_prefix_space=False)])),
}
texts = [sample() for _ in range(180)] + ["", " ", "a" * 200, "ab" * 100, " " * 100 + "x", "日本語" * 40]
# What normalization puts together and apart: marks of half-width kana, jamo of every kind, characters beyond U+FFFF,
# marks out of order and newer than Unicode 9, and runs of all that.
texts += [
    "ｶﾞｷﾞﾊﾟﾝ", "ㄱㅏㅋㅋㅏ", "ﾡￂ", "\u1112\u1161\u11ab", "가\u11a8", "𝐀𝟙𝓐", "\U0002f800", "\U00011099\U000110ba", "\U0001d15e",
    "a\u0315\u0300\u05ae\u0062", "e\u0899\u0301", "\u32ff", "\u1fef\u212a\u212b", "\u0958\u0344", "ｶ\U0010ffffﾞ",
    "ｶﾞ" * 100, "漢字ㄱㅏ" * 50, "\u09c7" + "\u09be" * 90, "e" + "\u0301\u0327" * 80,
]
fixture = {
    "lines": lines,
    "merges": [list(m) for m in json.loads(plain.to_str())["model"]["merges"]],
    "wordpieces": json.loads(wordpiece.to_str())["model"]["vocab"],
    "files": {name: tokenizer.to_str() for name, tokenizer in files.items()},
    "samples": [
        {"text": text, "ids": {
            name: [tokenizer.encode(text, add_special_tokens=special).ids for special in (False, True)]
            for name, tokenizer in files.items()}}
        for text in texts
    ],
}
path = Path(__file__).with_name("tokenizers_ids.json")
path.write_text(json.dumps(fixture, ensure_ascii=True, separators=(",", ":")) + "\n")

"""What a language model must beat: unigram entropy and an interpolated bigram's cross-entropy, in nats a token.

    ngram.py --tokenizer tok.json --train FILE... --dev FILE...

Tokens are AntLM's: every non-blank line becomes <s> tokens </s>. The bigram is Witten-Bell interpolated
(Witten & Bell 1991): p(w|v) = (c(v,w) + d(v) p(w)) / (c(v) + d(v)), d(v) the number of distinct followers of
v and p(w) the add-one unigram. The unigram entropy is the cross-entropy of the training unigram on dev.
"""

import argparse
import json
from collections import Counter

import numpy
from tokenizers import Tokenizer


def stream(tokenizer, files):
    ids = []
    for name in files:
        with open(name, encoding="utf-8", newline="\n") as lines:
            for line in lines:
                line = line.rstrip("\r\n")
                if line.strip():
                    ids.append(1)
                    ids.extend(tokenizer.encode(line, add_special_tokens=False).ids)
                    ids.append(2)
    return numpy.array(ids, dtype=numpy.int64)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--train", nargs="+", required=True)
    parser.add_argument("--dev", nargs="+", required=True)
    arguments = parser.parse_args()
    tokenizer = Tokenizer.from_file(arguments.tokenizer)
    vocabulary = tokenizer.get_vocab_size()
    train, dev = stream(tokenizer, arguments.train), stream(tokenizer, arguments.dev)

    counts = numpy.bincount(train, minlength=vocabulary).astype(float)
    unigram = (counts + 1) / (counts.sum() + vocabulary)
    pairs = Counter((train[:-1] * vocabulary + train[1:]).tolist())
    followers = numpy.bincount(numpy.array(list(pairs), dtype=numpy.int64) // vocabulary, minlength=vocabulary)
    seen = numpy.bincount(train[:-1], minlength=vocabulary).astype(float)

    history, word = dev[:-1], dev[1:]
    joint = numpy.array([pairs.get(p, 0) for p in (history * vocabulary + word).tolist()], dtype=float)
    weight = followers[history].astype(float)
    total = seen[history] + weight
    bigram = numpy.where(total > 0, (joint + weight * unigram[word]) / numpy.maximum(total, 1), unigram[word])
    print(json.dumps({
        "trainTokens": len(train), "devTokens": len(dev), "unigram": float(-numpy.log(unigram[word]).mean()),
        "bigram": float(-numpy.log(bigram).mean()),
    }))


main()

"""Texts read one after the other make a development text of another kind than the training text. This cuts them in pieces
of some 400 words, puts the pieces in an order of their own, and writes as many as make so many bytes, a piece a line.

    python pieces.py BYTES FILE... > text.txt
"""

import random
import sys

size, files = int(sys.argv[1]), sys.argv[2:]
pieces = []
for file in sorted(files):
    words = open(file, encoding="utf-8", errors="ignore").read().split()
    pieces += [" ".join(words[start : start + 400]) for start in range(0, len(words), 400)]
random.Random(1).shuffle(pieces)
written = 0
for piece in pieces:
    if written >= size:
        break
    written += len(piece.encode()) + 1
    print(piece)

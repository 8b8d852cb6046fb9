"""What the PyTorch peers share: where and in which precision they compute, and how time is taken.

Two threads; with --cuda on the first GPU. --precision float32 (as is), tf32 (products only, as the card does it) or
bfloat16 (operands in memory too, training under autocast).
"""

import argparse
import contextlib
import statistics
import time

import torch

parser = argparse.ArgumentParser()
parser.add_argument("arguments", nargs="*")
parser.add_argument("--cuda", action="store_true")
parser.add_argument("--precision", default="float32", choices=["float32", "tf32", "bfloat16"])
parser.add_argument("--compile", action="store_true")
OPTIONS = parser.parse_args()
PRECISION = OPTIONS.precision
DEVICE = "cuda" if OPTIONS.cuda else "cpu"
# What operands of single products are kept in.
DTYPE = torch.bfloat16 if PRECISION == "bfloat16" else torch.float32

torch.manual_seed(1)
torch.set_num_threads(2)
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = PRECISION == "tf32"


def autocast():
    """What a training step's forward pass runs in."""
    return torch.autocast(DEVICE, torch.bfloat16) if PRECISION == "bfloat16" else contextlib.nullcontext()


def seconds(body, repeats, warmups=2):
    """The median time of `body(repeat)`, each run ending with the device idle."""
    samples = []
    for repeat in range(-warmups, repeats):
        synchronize()
        start = time.perf_counter()
        body(repeat)
        synchronize()
        if repeat >= 0:
            samples.append(time.perf_counter() - start)
    return statistics.median(samples)


def synchronize():
    if DEVICE == "cuda":
        torch.cuda.synchronize()

"""What the PyTorch peers share: where and in which precision they compute, and how time is taken.

Two threads; with --cuda on the first GPU. --precision float32 (as is), tf32 (products only, as the card does it) or
bfloat16 (operands in memory too, training under autocast).
"""

import contextlib
import statistics
import sys
import time

import torch

DEVICE = "cuda" if "--cuda" in sys.argv else "cpu"
PRECISION = sys.argv[sys.argv.index("--precision") + 1] if "--precision" in sys.argv else "float32"
if PRECISION not in ("float32", "tf32", "bfloat16"):
    sys.exit(f"--precision is '{PRECISION}'; it must be float32, tf32 or bfloat16")
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


def numbers():
    """The arguments that are no options."""
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    return [word for word in words if word != PRECISION or "--precision" not in sys.argv]

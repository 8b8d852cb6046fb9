"""Times PyTorch's matrix product C = A' B'; prints one JSON object.

    matmul.py nn|nt|tn M N K REPEATS [--cuda] [--precision float32|tf32|bfloat16]
"""

import json

import torch
from peer import DEVICE, DTYPE, OPTIONS, seconds


def main():
    layout, *sizes = OPTIONS.arguments
    m, n, k, repeats = map(int, sizes)
    a = torch.randn(*((k, m) if layout[0] == "t" else (m, k)), device=DEVICE, dtype=DTYPE)
    b = torch.randn(*((n, k) if layout[1] == "t" else (k, n)), device=DEVICE, dtype=DTYPE)
    left, right = a.T if layout[0] == "t" else a, b.T if layout[1] == "t" else b
    median = seconds(lambda _: left @ right, repeats)
    print(json.dumps({"peer": "pytorch", "layout": layout, "m": m, "n": n, "k": k, "seconds": median,
                      "gflops": 2e-9 * m * n * k / median}))


if __name__ == "__main__":
    main()

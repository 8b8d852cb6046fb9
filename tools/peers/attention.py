"""Times PyTorch's scaled_dot_product_attention, forward and backward together; prints one JSON object.

    attention.py PATTERN BATCH HEADS LENGTH HEAD REPEATS      (PATTERN: causal or bidirectional)

float32, on two threads, inputs as a model has them: [batch, heads, length, head]. GFLOP/s count seven T x T products,
of which a causal mask needs half, as AntLM counts them.
"""

import json
import statistics
import sys
import time

import torch
import torch.nn.functional as functional


def main():
    pattern = sys.argv[1]
    batch, heads, length, head, repeats = map(int, sys.argv[2:7])
    torch.manual_seed(1)
    torch.set_num_threads(2)
    query, key, value = (torch.randn(batch, heads, length, head, requires_grad=True) for _ in range(3))
    upstream = torch.randn(batch, heads, length, head)
    seconds = []
    for run in range(-2, repeats):
        start = time.perf_counter()
        context = functional.scaled_dot_product_attention(query, key, value, is_causal=pattern == "causal")
        torch.autograd.grad(context, (query, key, value), upstream)
        if run >= 0:
            seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds)
    operations = 14 * batch * heads * length * length * head * (0.5 if pattern == "causal" else 1)
    print(json.dumps({"pattern": pattern, "shape": f"{batch}x{heads}x{length}x{head}", "seconds": median,
                      "gflops": operations / median * 1e-9}))


if __name__ == "__main__":
    main()

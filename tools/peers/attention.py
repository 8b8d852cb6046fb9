"""Times PyTorch's scaled_dot_product_attention, forward and backward together; prints one JSON object.

    attention.py causal|bidirectional BATCH HEADS LENGTH HEAD REPEATS [--cuda] [--precision float32|tf32|bfloat16]

Inputs as a model has them: [batch, heads, length, head]. GFLOP/s count seven T x T products, of which a causal mask
needs half, as AntLM counts them.
"""

import json

import torch
import torch.nn.functional as functional
from peer import DEVICE, DTYPE, OPTIONS, seconds


def main():
    pattern, *sizes = OPTIONS.arguments
    batch, heads, length, head, repeats = map(int, sizes)
    shape = {"size": (batch, heads, length, head), "device": DEVICE, "dtype": DTYPE}
    query, key, value = (torch.randn(**shape, requires_grad=True) for _ in range(3))
    upstream = torch.randn(**shape)

    def both(_):
        context = functional.scaled_dot_product_attention(query, key, value, is_causal=pattern == "causal")
        torch.autograd.grad(context, (query, key, value), upstream)

    median = seconds(both, repeats)
    operations = 14 * batch * heads * length * length * head * (0.5 if pattern == "causal" else 1)
    print(json.dumps({"pattern": pattern, "shape": f"{batch}x{heads}x{length}x{head}", "seconds": median,
                      "gflops": operations / median * 1e-9}))


if __name__ == "__main__":
    main()

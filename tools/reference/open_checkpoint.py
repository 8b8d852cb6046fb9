"""Opens a checkpoint folder of this program with transformers, unchanged, and prints its causal logits.

    python tools/reference/open_checkpoint.py FOLDER 5 17 4 ...

prints one line of logits for each token id. Any key or tensor that transformers did not expect is an error.
"""

import sys

import torch
from transformers import AutoModelForCausalLM, GenerationConfig

folder, ids = sys.argv[1], [int(x) for x in sys.argv[2:]]
model, report = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
for kind, names in report.items():
    if names:
        sys.exit(f"{kind}: {names}")
GenerationConfig.from_pretrained(folder)
with torch.no_grad():
    for row in model.eval()(input_ids=torch.tensor([ids])).logits[0]:
        print(*(f"{float(x):.8g}" for x in row))

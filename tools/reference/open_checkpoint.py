"""Opens a checkpoint folder of this program with transformers, unchanged, and prints its logits.

    python tools/reference/open_checkpoint.py FOLDER causal|masked 5 17 4 ...

prints one line of logits for each token id. Any key or tensor that transformers did not expect is an error. An
LTG-BERT brings its classes along, which is what trust_remote_code is for.
"""

import sys

import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, GenerationConfig

folder, mode, ids = sys.argv[1], sys.argv[2], [int(x) for x in sys.argv[3:]]
opener = AutoModelForCausalLM if mode == "causal" else AutoModelForMaskedLM
model, report = opener.from_pretrained(folder, output_loading_info=True, trust_remote_code=True)
for kind, names in report.items():
    if names:
        sys.exit(f"{kind}: {names}")
GenerationConfig.from_pretrained(folder)
with torch.no_grad():
    for row in model.eval()(input_ids=torch.tensor([ids])).logits[0]:
        print(*(f"{float(x):.8g}" for x in row))

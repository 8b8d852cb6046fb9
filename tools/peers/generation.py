"""Times greedy generation by transformers on one of the Llama presets; prints one JSON object.

    generation.py MODEL VOCABULARY PROMPT TOKENS REPEATS

LlamaForCausalLM in float32 with random weights and SDPA attention, its own key-value cache, one sequence, two threads.
"""

import json

import torch
from peer import OPTIONS, seconds
from training_step import SIZES
from transformers import LlamaConfig, LlamaForCausalLM

model_name, *sizes = OPTIONS.arguments
vocabulary, prompt, tokens, repeats = map(int, sizes)
hidden, feed_forward, layers, heads = SIZES[model_name]
model = LlamaForCausalLM(
    LlamaConfig(
        vocab_size=vocabulary, hidden_size=hidden, intermediate_size=feed_forward, num_hidden_layers=layers,
        num_attention_heads=heads, num_key_value_heads=heads, max_position_embeddings=512, tie_word_embeddings=True,
        attn_implementation="sdpa", bos_token_id=None, eos_token_id=None, pad_token_id=None)).eval()
ids = torch.randint(vocabulary, (1, prompt))


def generate(_):
    out = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False)
    assert out.shape == (1, prompt + tokens)


with torch.inference_mode():
    median = seconds(generate, repeats, warmups=1)
print(json.dumps({"peer": "transformers", "model": model_name, "tokensPerSecond": tokens / median}))

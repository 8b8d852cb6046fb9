"""LTG-BERT for transformers: the architecture of Samuel et al. (2023), "Trained on 100 million words and still in
shape", read with any attention mask. Written by AntLM beside a model's config.json, which names these classes under
`auto_map`; open it with trust_remote_code=True.

    AutoModelForMaskedLM    every position sees every other of its sequence
    AutoModelForCausalLM    a position sees itself and what came before

config.position_projection says how the heads share the projected positions: "blocked" (all heads' query positions,
then all heads' key positions) or "per_head" (head by head, both).
"""

import math

import torch
from torch import nn
from torch.nn import functional
from transformers import GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput, CausalLMOutput, MaskedLMOutput


class LtgBertConfig(PretrainedConfig):
    model_type = "ltgbert"

    def __init__(
        self,
        vocab_size=16384,
        hidden_size=384,
        intermediate_size=1024,
        num_hidden_layers=12,
        num_attention_heads=6,
        max_position_embeddings=512,
        position_bucket_size=32,
        layer_norm_eps=1e-7,
        hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1,
        position_projection="blocked",
        **kwargs,
    ):
        super().__init__(**{"tie_word_embeddings": True, **kwargs})
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.intermediate_size = intermediate_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.max_position_embeddings = max_position_embeddings
        self.position_bucket_size = position_bucket_size
        self.layer_norm_eps = layer_norm_eps
        self.hidden_dropout_prob = hidden_dropout_prob
        self.attention_probs_dropout_prob = attention_probs_dropout_prob
        self.position_projection = position_projection


def plain_norm(width, config):
    return nn.LayerNorm(width, eps=config.layer_norm_eps, elementwise_affine=False)


def bucket_indices(length, config, device):
    """[length, length]: the row of the relative embedding for query i and key j."""
    middle, farthest = config.position_bucket_size // 2, config.max_position_embeddings
    place = torch.arange(length, device=device)
    distance = place[:, None] - place[None, :]
    far = distance.abs().clamp(min=middle, max=farthest - 1).to(torch.float32)
    steps = torch.log(far / middle) / math.log((farthest - 1) / middle) * (middle - 1)
    # At the farthest distance rounding may leave a little more than middle - 1.
    log_bucket = (torch.ceil(steps).clamp(max=middle - 1).to(torch.long) + middle) * distance.sign()
    return torch.where(distance.abs() <= middle, distance, log_bucket) + config.position_bucket_size - 1


class Embedding(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.word_embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.word_layer_norm = plain_norm(config.hidden_size, config)
        self.relative_embedding = nn.Parameter(
            torch.empty(2 * config.position_bucket_size - 1, config.hidden_size)
        )
        self.relative_layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, input_ids):
        words = self.dropout(self.word_layer_norm(self.word_embedding(input_ids)))
        return words, self.relative_layer_norm(self.relative_embedding)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        width = config.hidden_size
        self.heads = config.num_attention_heads
        self.per_head = config.position_projection == "per_head"
        self.scale = 1 / math.sqrt(3 * width // self.heads)
        self.pre_layer_norm = plain_norm(width, config)
        self.in_proj_qk = nn.Linear(width, 2 * width)
        self.in_proj_v = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)
        self.post_layer_norm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.position_dropout = nn.Dropout(config.attention_probs_dropout_prob)
        self.probability_dropout = nn.Dropout(config.attention_probs_dropout_prob)
        self.output_dropout = nn.Dropout(config.attention_probs_dropout_prob)

    def split(self, x):
        return x.unflatten(-1, (self.heads, -1)).transpose(-3, -2)

    def forward(self, x, relative, indices, sees):
        x = self.pre_layer_norm(x)
        query, key = (self.split(part) for part in self.in_proj_qk(x).chunk(2, dim=-1))
        value = self.split(self.in_proj_v(x))
        positions = self.in_proj_qk(self.position_dropout(relative))
        if self.per_head:
            query_position, key_position = self.split(positions).chunk(2, dim=-1)
        else:
            query_position, key_position = (self.split(part) for part in positions.chunk(2, dim=-1))
        index = indices.expand(*query.shape[:2], *indices.shape)
        scores = query @ key.transpose(-1, -2)
        scores = scores + (query @ key_position.transpose(-1, -2)).gather(-1, index)
        scores = scores + (key @ query_position.transpose(-1, -2)).gather(-1, index.transpose(-1, -2)).transpose(-1, -2)
        # Not minus infinity: a query that sees nothing would make not-a-numbers of its gradients.
        scores = (scores * self.scale).masked_fill(~sees, torch.finfo(scores.dtype).min)
        probabilities = torch.softmax(scores, dim=-1).masked_fill(~sees, 0.0)
        context = (self.probability_dropout(probabilities) @ value).transpose(1, 2).flatten(2)
        return self.output_dropout(self.post_layer_norm(self.out_proj(context)))


class GeGLU(nn.Module):
    def forward(self, x):
        value, gate = x.chunk(2, dim=-1)
        return value * functional.gelu(gate, approximate="tanh")


class FeedForward(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.mlp = nn.Sequential(
            plain_norm(config.hidden_size, config),
            nn.Linear(config.hidden_size, 2 * config.intermediate_size, bias=False),
            GeGLU(),
            plain_norm(config.intermediate_size, config),
            nn.Linear(config.intermediate_size, config.hidden_size, bias=False),
            nn.Dropout(config.hidden_dropout_prob),
        )

    def forward(self, x):
        return self.mlp(x)


class Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attention = Attention(config)
        self.mlp = FeedForward(config)

    def forward(self, x, relative, indices, sees):
        x = x + self.attention(x, relative, indices, sees)
        return x + self.mlp(x)


class Encoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layers = nn.ModuleList([Layer(config) for _ in range(config.num_hidden_layers)])


class Classifier(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.nonlinearity = nn.Sequential(
            plain_norm(config.hidden_size, config),
            nn.Linear(config.hidden_size, config.hidden_size),
            nn.GELU(),
            plain_norm(config.hidden_size, config),
            nn.Dropout(config.hidden_dropout_prob),
            nn.Linear(config.hidden_size, config.vocab_size),
        )

    def forward(self, x):
        return self.nonlinearity(x)


class LtgBertPreTrainedModel(PreTrainedModel):
    config_class = LtgBertConfig
    # Each layer's table of buckets, which some files repeat, follows from the configuration.
    _keys_to_ignore_on_load_unexpected = [r"\.position_indices$"]
    base_model_prefix = ""

    def _init_weights(self, module):
        deviation = math.sqrt(2 / (5 * self.config.hidden_size))
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.trunc_normal_(module.weight, std=deviation, a=-2 * deviation, b=2 * deviation)
            if getattr(module, "bias", None) is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, Embedding):
            nn.init.trunc_normal_(
                module.relative_embedding, std=deviation, a=-2 * deviation, b=2 * deviation
            )

    def get_input_embeddings(self):
        return self.embedding.word_embedding

    def set_input_embeddings(self, value):
        self.embedding.word_embedding = value

    def encode(self, input_ids, attention_mask, causal):
        """`attention_mask`: [batch, length], 0 at padding; or [batch, length, length], which query sees which key."""
        batch, length = input_ids.shape
        sees = torch.ones(length, length, dtype=torch.bool, device=input_ids.device)
        if causal:
            sees = sees.tril()
        sees = sees[None, None]
        if attention_mask is not None:
            given = attention_mask.to(torch.bool)
            sees = sees & (given[:, None, None, :] if given.dim() == 2 else given[:, None])
        x, relative = self.embedding(input_ids)
        indices = bucket_indices(length, self.config, input_ids.device)
        for layer in self.transformer.layers:
            x = layer(x, relative, indices, sees)
        return x


class LtgBertModel(LtgBertPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.embedding = Embedding(config)
        self.transformer = Encoder(config)
        self.post_init()

    def forward(self, input_ids, attention_mask=None, **_):
        return BaseModelOutput(last_hidden_state=self.encode(input_ids, attention_mask, causal=False))


class LtgBertForMaskedLM(LtgBertPreTrainedModel):
    _tied_weights_keys = {"classifier.nonlinearity.5.weight": "embedding.word_embedding.weight"}
    causal = False
    output_class = MaskedLMOutput

    def __init__(self, config):
        super().__init__(config)
        self.embedding = Embedding(config)
        self.transformer = Encoder(config)
        self.classifier = Classifier(config)
        self.post_init()

    def get_output_embeddings(self):
        return self.classifier.nonlinearity[5]

    def set_output_embeddings(self, value):
        self.classifier.nonlinearity[5] = value

    def forward(self, input_ids, attention_mask=None, labels=None, **_):
        logits = self.classifier(self.encode(input_ids, attention_mask, self.causal))
        loss = None
        if labels is not None:
            predicted, labels = (logits[:, :-1], labels[:, 1:]) if self.causal else (logits, labels)
            loss = functional.cross_entropy(predicted.flatten(0, 1), labels.flatten())
        return self.output_class(loss=loss, logits=logits)


class LtgBertForCausalLM(LtgBertForMaskedLM, GenerationMixin):
    causal = True
    output_class = CausalLMOutput

    def prepare_inputs_for_generation(self, input_ids, attention_mask=None, **_):
        return {"input_ids": input_ids, "attention_mask": attention_mask}

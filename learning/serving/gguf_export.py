"""Writes a model of the llama architecture as a GGUF file for llama.cpp, with its tokenizer and chat template.

Knows nothing of adapters: one is merged into the model first. The pre-tokenizer's name is the nearest that llama.cpp
has; the engine does not depend on it, since it sends token ids.
"""

import json
from pathlib import Path
from typing import Any, Literal

import gguf
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from bot.errors import ModelFileError

Precision = Literal["f32", "f16", "q8_0"]
TYPES = {
    "f32": gguf.GGMLQuantizationType.F32,
    "f16": gguf.GGMLQuantizationType.F16,
    "q8_0": gguf.GGMLQuantizationType.Q8_0,
}
FILE_TYPES = {
    "f32": gguf.LlamaFileType.ALL_F32,
    "f16": gguf.LlamaFileType.MOSTLY_F16,
    "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
}
STATIC_ROPE = {"default", "linear", "llama3"}
"""Kinds of position encoding whose frequencies don't depend on the text's length."""


def export_gguf(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, path: Path, precision: Precision) -> None:
    """Raises ModelFileError for an architecture, position encoding or tokenizer that can't be converted."""
    _check_architecture(model)
    writer = gguf.GGUFWriter(path, "llama")
    _add_settings(writer, model.config, FILE_TYPES[precision])
    _add_tokenizer(writer, tokenizer, model.config)
    _add_weights(writer, model, TYPES[precision])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _check_architecture(model: PreTrainedModel) -> None:
    if model.config.model_type != "llama":
        raise _not_convertible(f"its architecture is {model.config.model_type!r}, and only 'llama' is converted")
    rotary = model.model.rotary_emb
    if rotary.rope_type not in STATIC_ROPE or rotary.attention_scaling != 1.0:
        raise _not_convertible(f"its position encoding is {rotary.rope_type!r}")


def _not_convertible(why: str) -> ModelFileError:
    return ModelFileError(f"The base model can't be converted for llama.cpp: {why}. Set MENTEE_ENGINE=transformers.")


# --- settings and tokenizer -----------------------------------------------------------------------------------------


def _add_settings(writer: gguf.GGUFWriter, config: Any, file_type: gguf.LlamaFileType) -> None:
    writer.add_file_type(file_type)
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)


def _add_tokenizer(writer: gguf.GGUFWriter, tokenizer: PreTrainedTokenizerBase, config: Any) -> None:
    definition = json.loads(tokenizer.backend_tokenizer.to_str())
    if definition["model"]["type"] != "BPE" or definition["model"].get("byte_fallback"):
        raise _not_convertible("its tokenizer is not a byte-level BPE")
    tokens = [f"[unused{i}]" for i in range(config.vocab_size)]
    types = [gguf.TokenType.UNUSED] * config.vocab_size
    for token, i in definition["model"]["vocab"].items():
        tokens[i], types[i] = token, gguf.TokenType.NORMAL
    for added in definition["added_tokens"]:
        tokens[added["id"]] = added["content"]
        types[added["id"]] = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(_pre_tokenizer(definition))
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([" ".join(merge) for merge in definition["model"]["merges"]])
    writer.add_add_bos_token(False)  # the chat template says where one stands
    if tokenizer.bos_token_id is not None:
        writer.add_bos_token_id(tokenizer.bos_token_id)
    if tokenizer.eos_token_id is not None:
        writer.add_eos_token_id(tokenizer.eos_token_id)
    if isinstance(tokenizer.chat_template, str):
        writer.add_chat_template(tokenizer.chat_template)


def _pre_tokenizer(definition: dict[str, Any]) -> str:
    described = json.dumps(definition["pre_tokenizer"])
    if '"Digits"' in described:
        return "smollm"
    return "llama-bpe" if '"Split"' in described else "gpt-2"


# --- weights --------------------------------------------------------------------------------------------------------


def _add_weights(writer: gguf.GGUFWriter, model: PreTrainedModel, kind: gguf.GGMLQuantizationType) -> None:
    config = model.config
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, weight in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue  # llama.cpp takes the embedding where there is none
        if ".q_proj." in name:
            weight = _interleaved(weight, config.num_attention_heads)
        elif ".k_proj." in name:
            weight = _interleaved(weight, config.num_key_value_heads)
        _add_tensor(writer, names.get_name(name, try_suffixes=(".weight", ".bias")), weight, kind)
    _add_rope_factors(writer, model)


def _interleaved(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """Rows of each head from (first halves, second halves), as transformers rotates them, to pairs side by side."""
    halves = weight.view(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
    return halves.transpose(1, 2).reshape(weight.shape)


def _add_rope_factors(writer: gguf.GGUFWriter, model: PreTrainedModel) -> None:
    """Frequencies other than the plain ones are told as their divisors."""
    dim, theta = model.config.head_dim, model.config.rope_parameters["rope_theta"]
    plain = 1.0 / theta ** (torch.arange(0, dim, 2, dtype=torch.float32) / dim)  # (dim / 2,)
    factors = plain / model.model.rotary_emb.inv_freq.float().cpu()
    if not torch.allclose(factors, torch.ones_like(factors)):
        writer.add_tensor("rope_freqs.weight", factors.numpy())


def _add_tensor(
    writer: gguf.GGUFWriter, name: str | None, weight: torch.Tensor, kind: gguf.GGMLQuantizationType
) -> None:
    """Vectors stay in full precision, and rows that can't be cut into quantisation blocks in half."""
    if name is None:
        raise _not_convertible("it has weights that llama.cpp has no name for")
    data = weight.detach().float().cpu().numpy()
    if data.ndim == 1:
        kind = gguf.GGMLQuantizationType.F32
    elif data.shape[-1] % gguf.GGML_QUANT_SIZES[kind][0] != 0:
        kind = gguf.GGMLQuantizationType.F16
    writer.add_tensor(name, gguf.quants.quantize(data, kind), raw_dtype=kind)

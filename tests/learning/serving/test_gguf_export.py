"""What a GGUF file says of the model, and which models are not converted at all."""

from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedModel, Qwen3Config, Qwen3ForCausalLM

from bot.errors import ModelFileError
from learning.models import BaseModel
from learning.serving.gguf_export import Precision, export_gguf
from learning.serving.merging import load_merged

SMALL: dict[str, Any] = {
    "vocab_size": 500, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8,
}  # fmt: skip


def exported(model: PreTrainedModel, base: BaseModel, path: Path, precision: Precision = "f32") -> gguf.GGUFReader:
    export_gguf(model, AutoTokenizer.from_pretrained(base.folder), path, precision)
    return gguf.GGUFReader(path)


def test_tokenizer_and_chat_template_are_in_the_file(base: BaseModel, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(base.folder)
    fields = exported(load_merged(base, None), base, tmp_path / "m.gguf").fields
    assert fields["tokenizer.chat_template"].contents() == tokenizer.chat_template
    tokens = fields["tokenizer.ggml.tokens"].contents()
    assert tokens == tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    types = fields["tokenizer.ggml.token_type"].contents()
    assert [i for i, kind in enumerate(types) if kind == gguf.TokenType.CONTROL] == [0, 1]
    assert fields["tokenizer.ggml.eos_token_id"].contents() == tokenizer.eos_token_id
    assert fields["llama.rope.freq_base"].contents() == pytest.approx(10_000.0)


@pytest.mark.parametrize(("precision", "most"), [("f32", 0.0), ("f16", 1e-3), ("q8_0", 1e-2)])
def test_weights_are_kept_as_exactly_as_asked_for(
    base: BaseModel, tmp_path: Path, precision: Precision, most: float
) -> None:
    model = load_merged(base, None)
    tensors = {each.name: each for each in exported(model, base, tmp_path / "m.gguf", precision).tensors}
    for ours, theirs in (
        ("mlp.down_proj", "ffn_down"),
        ("self_attn.v_proj", "attn_v"),
        ("input_layernorm", "attn_norm"),
    ):
        weight = model.state_dict()[f"model.layers.1.{ours}.weight"]
        kept = tensors[f"blk.1.{theirs}.weight"]
        read = torch.from_numpy(gguf.quants.dequantize(kept.data, kept.tensor_type).copy()).view(weight.shape)
        assert float((read - weight).abs().max()) <= most * float(weight.abs().max())
    assert len(tensors) == len(list(model.parameters()))


def test_stretched_positions_are_told(base: BaseModel, tmp_path: Path) -> None:
    stretched: dict[str, Any] = {
        "rope_type": "llama3", "rope_theta": 10_000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    }  # fmt: skip
    model = LlamaForCausalLM(LlamaConfig(**SMALL, rope_parameters=stretched, max_position_embeddings=512))
    reader = exported(model, base, tmp_path / "m.gguf")
    (factors,) = (each.data.tolist() for each in reader.tensors if each.name == "rope_freqs.weight")
    assert factors[0] == pytest.approx(1.0)
    assert factors[-1] == pytest.approx(8.0)


def yarn() -> PreTrainedModel:
    parameters = {"rope_type": "yarn", "rope_theta": 10_000.0, "factor": 4.0, "original_max_position_embeddings": 64}
    return LlamaForCausalLM(LlamaConfig(**SMALL, rope_parameters=parameters, max_position_embeddings=256))


def qwen() -> PreTrainedModel:
    return Qwen3ForCausalLM(Qwen3Config(**SMALL))


@pytest.mark.parametrize(("make", "why"), [(qwen, "'qwen3'"), (yarn, "'yarn'")])
def test_what_cannot_be_converted_is_said(base: BaseModel, tmp_path: Path, make: Any, why: str) -> None:
    with pytest.raises(ModelFileError, match=f"{why}.*MENTEE_ENGINE=transformers"):
        exported(make(), base, tmp_path / "m.gguf")
    assert not (tmp_path / "m.gguf").exists()

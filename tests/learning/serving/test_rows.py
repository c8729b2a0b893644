"""Texts side by side give what each gives alone, whatever the architecture."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from transformers import (
    AutoModelForCausalLM,
    DeepseekV3Config,
    FalconConfig,
    Gemma3Config,
    Gemma3TextConfig,
    GPT2Config,
    GraniteConfig,
    Lfm2Config,
    LlamaConfig,
    MambaConfig,
    Phi3Config,
    PretrainedConfig,
    Qwen3Config,
)

from learning.serving.adapted import NOTHING, Adapted
from learning.serving.proving import TOLERANCE, rows_for
from learning.serving.row_cache import RowCache
from learning.serving.rows import Apart, Rows, Together
from tests.learning.model_cache import CACHE, needs

SIZE: dict[str, Any] = {
    "vocab_size": 99, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 512, "pad_token_id": 0,
}  # fmt: skip
GEMMA3: dict[str, Any] = {
    "vision_config": {
        "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 28,
        "patch_size": 14,
    },
    "mm_tokens_per_image": 4, "image_token_index": 98, "boi_token_index": 97, "eoi_token_index": 96,
}  # fmt: skip
TOGETHER: dict[str, PretrainedConfig] = {
    "llama": LlamaConfig(**SIZE),
    "qwen3": Qwen3Config(**SIZE, head_dim=8),
    "granite": GraniteConfig(**SIZE),
    "phi3": Phi3Config(**SIZE),
    "gpt2": GPT2Config(vocab_size=99, n_embd=32, n_layer=2, n_head=4),
    "gemma3 that sees, without windows": Gemma3Config(
        text_config={**SIZE, "head_dim": 8, "layer_types": ["full_attention"] * 2}, **GEMMA3
    ),
}
APART: dict[str, PretrainedConfig] = {
    "gemma3, sliding windows": Gemma3TextConfig(**SIZE, head_dim=8, sliding_window=4),
    "gemma3 that sees": Gemma3Config(text_config={**SIZE, "head_dim": 8, "sliding_window": 4}, **GEMMA3),
    "lfm2, convolutions": Lfm2Config(**SIZE, layer_types=["conv", "full_attention"]),
    "mamba, no attention": MambaConfig(vocab_size=99, hidden_size=32, num_hidden_layers=2, state_size=4),
    "deepseek, keys and values of different sizes": DeepseekV3Config(
        **SIZE | {"num_key_value_heads": 4},
        q_lora_rank=16,
        kv_lora_rank=8,
        qk_nope_head_dim=8,
        qk_rope_head_dim=4,
        v_head_dim=8,
        moe_intermediate_size=16,
        n_routed_experts=4,
        n_group=1,
        topk_group=1,
        num_experts_per_tok=2,
    ),
    "falcon, linear biases": FalconConfig(
        vocab_size=99, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, alibi=True
    ),
}
Feeds = list[list[list[int]]]
"""Pass by pass, row by row, the tokens that are fed."""


def make(config: PretrainedConfig, dtype: torch.dtype = torch.float32) -> Adapted:
    torch.manual_seed(0)
    return Adapted(AutoModelForCausalLM.from_config(config, dtype=dtype).eval())


@pytest.fixture(scope="module")
def llama() -> Adapted:
    return make(TOGETHER["llama"])


def plain(model: Adapted, tokens: list[int]) -> torch.Tensor:
    """All logits (T, V) of a text, without any cache."""
    logits: torch.Tensor = model.model(input_ids=torch.tensor([tokens]), use_cache=False).logits
    return logits[0]


@torch.inference_mode()
def check(model: Adapted, rows: Rows, passes: Feeds) -> None:
    texts: list[list[int]] = [[] for _ in passes[0]]
    for feeds in passes:
        logits = rows.forward(0, [len(text) for text in texts], feeds)
        for row, (text, feed) in enumerate(zip(texts, feeds, strict=True)):
            text += feed
            torch.testing.assert_close(logits[row, : len(feed)], plain(model, text)[-len(feed) :], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("name", TOGETHER)
def test_full_attention_is_written_together(name: str) -> None:
    model = make(TOGETHER[name])
    rows = rows_for(model)
    assert isinstance(rows, Together)
    check(model, rows, [[[5, 6, 7], [8, 9, 10, 11, 12]], [[1], [2]], [[3, 4], [5]]])


@pytest.mark.parametrize("name", APART)
def test_everything_else_is_written_one_by_one(name: str) -> None:
    model = make(APART[name])
    rows = rows_for(model)
    assert isinstance(rows, Apart)
    check(model, rows, [[[5, 6, 7], [8, 9, 10, 11, 12]], [[1], [2]], [[3], [5]]])


TOKENS = st.lists(st.integers(1, 98), min_size=1, max_size=9)


@settings(max_examples=25)
@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(TOKENS, min_size=n, max_size=n), min_size=1, max_size=4)))
def test_ragged_passes_give_what_each_text_gives_alone(llama: Adapted, passes: Feeds) -> None:
    check(llama, Together(llama), passes)


@torch.inference_mode()
def test_tokens_are_taken_back_by_feeding_others_in_their_place(llama: Adapted) -> None:
    rows = Together(llama)
    rows.forward(0, [0, 0], [[1, 2, 3], [4, 5]])
    rows.forward(0, [3, 2], [[6, 7, 8, 9], [10]])  # of the first row's draft only 6 was right
    logits = rows.forward(0, [4, 3], [[11], [12, 13]])
    torch.testing.assert_close(logits[0, 0], plain(llama, [1, 2, 3, 6, 11])[-1], atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(logits[1], plain(llama, [4, 5, 10, 12, 13])[-2:], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", [Together, Apart])
@torch.inference_mode()
def test_rows_move_up_when_one_leaves(llama: Adapted, kind: type[Together] | type[Apart]) -> None:
    rows = kind(llama)
    rows.forward(0, [0, 0, 0], [[1, 2], [3, 4, 5], [6]])
    rows.drop({1}, [2, 3, 1])
    logits = rows.forward(0, [2, 1], [[7], [8]])
    torch.testing.assert_close(logits[0, 0], plain(llama, [1, 2, 7])[-1], atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(logits[1, 0], plain(llama, [6, 8])[-1], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", [Together, Apart])
@torch.inference_mode()
def test_several_rows_leave_at_once(llama: Adapted, kind: type[Together] | type[Apart]) -> None:
    rows = kind(llama)
    rows.forward(0, [0] * 5, [[1, 2], [3, 4, 5], [6], [7, 8], [9]])
    rows.drop({0, 2, 3}, [2, 3, 1, 2, 1])
    logits = rows.forward(0, [3, 1], [[10], [11]])
    torch.testing.assert_close(logits[0, 0], plain(llama, [3, 4, 5, 10])[-1], atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(logits[1, 0], plain(llama, [9, 11])[-1], atol=2e-5, rtol=1e-4)


@torch.inference_mode()
def test_what_a_beginning_left_can_begin_another_row(llama: Adapted) -> None:
    rows = Together(llama)
    rows.forward(0, [0], [list(range(1, 40))])
    kept = rows.keep(0, 30)
    rows.forward(1, [0], [[50, 51]])
    rows.restore(1, kept, 20)
    logits = rows.forward(1, [20], [[60, 61]])
    torch.testing.assert_close(logits[0], plain(llama, [*range(1, 21), 60, 61])[-2:], atol=2e-5, rtol=1e-4)


def test_where_rows_stand_is_on_the_models_device_once_for_all_layers() -> None:
    cache, meta = RowCache(2), torch.device("meta")
    assert {made.device for made in cache.begin(0, [3, 5], 2, meta)} == {meta}
    new = torch.zeros(2, 1, 2, 4, device=meta)
    assert [kept.shape for kept in cache.update(new, new, 1)] == [(2, 1, 7, 4)] * 2
    assert cache.get_seq_length() == 5


@torch.inference_mode()
def test_a_long_text_outgrows_its_room(llama: Adapted) -> None:
    rows = Together(llama)
    long, short = [1 + i % 90 for i in range(300)], [3, 4]
    rows.forward(0, [0, 0], [short, long[:200]])
    rows.forward(1, [200], [long[200:]])
    logits = rows.forward(0, [2, 300], [[5], [6]])
    torch.testing.assert_close(logits[0, 0], plain(llama, [*short, 5])[-1], atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(logits[1, 0], plain(llama, [*long, 6])[-1], atol=2e-5, rtol=1e-4)


@torch.inference_mode()
def test_a_shorter_feed_is_not_filled_up_beyond_the_last_position() -> None:
    model = make(GPT2Config(vocab_size=99, n_embd=32, n_layer=2, n_head=4, n_positions=64))
    rows = Together(model)
    short, long = [1 + i % 90 for i in range(60)], [3 + i % 90 for i in range(40)]
    rows.forward(0, [0], [short])
    rows.forward(0, [60, 0], [[5], long])
    logits = rows.forward(0, [61, 40], [[6], [7]])
    torch.testing.assert_close(logits[0, 0], plain(model, [*short, 5, 6])[-1], atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(logits[1, 0], plain(model, [*long, 7])[-1], atol=2e-5, rtol=1e-4)


@torch.inference_mode()
def test_with_the_last_row_the_memory_goes(llama: Adapted) -> None:
    rows = Together(llama)
    rows.forward(0, [0], [[1, 2]])
    assert any(room is not None for room in rows._cache._keys)
    rows.drop({0}, [2])
    assert all(room is None for room in rows._cache._keys)


def test_a_model_that_gives_something_else_together_is_written_one_by_one(
    llama: Adapted, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Together.forward
    monkeypatch.setattr(Together, "forward", lambda *given, **named: 1.1 * whole(*given, **named))
    assert isinstance(rows_for(llama), Apart)


@pytest.mark.parametrize("name", [*TOGETHER, *APART])
@torch.inference_mode()
def test_rows_with_adapters_of_their_own_give_what_each_gives_alone(name: str) -> None:
    model = make((TOGETHER | APART)[name])
    one, other = model.random_lora(1), model.random_lora(2)
    loras, feeds = [one, one, NOTHING, other], [[5, 6, 7], [8], [9, 10], [11, 12]]
    logits = rows_for(model).forward(0, [0] * 4, feeds, loras)
    seen = []
    for row, (lora, feed) in enumerate(zip(loras, feeds, strict=True)):
        with model.wearing([lora]):
            alone = plain(model, feed)
        torch.testing.assert_close(logits[row, : len(feed)], alone, atol=2e-5, rtol=1e-4)
        seen.append(plain(model, feed)[-1].allclose(alone[-1], atol=1e-3))
    assert seen == [False, False, True, False]


def test_a_model_that_turns_its_rows_around_is_written_one_by_one() -> None:
    model = make(TOGETHER["llama"])
    assert isinstance(rows_for(model), Together)
    turn_rows_around(model)
    assert isinstance(rows_for(model), Apart)


def turn_rows_around(model: Adapted) -> None:
    head = model.layers["lm_head"]
    head.register_forward_pre_hook(lambda _, given: (given[0].flip(0),))
    head.register_forward_hook(lambda _, __, output: output.flip(0))


@needs("smollm2-135m")
def test_what_rounding_makes_of_a_model_does_not_count() -> None:
    """In bf16 one comparison of this model's differs by 2 %, others by more than all."""
    loaded = AutoModelForCausalLM.from_pretrained(CACHE / "smollm2-135m", dtype=torch.bfloat16)
    assert isinstance(rows_for(Adapted(loaded.eval())), Together)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_rounding_hides_nothing_and_pretends_nothing(dtype: torch.dtype) -> None:
    model = make(LlamaConfig(**SIZE | {"num_hidden_layers": 8}, initializer_range=0.3, tie_word_embeddings=True), dtype)
    before = {name: (weight.data_ptr(), weight.clone()) for name, weight in model.model.named_parameters()}
    assert isinstance(rows_for(model), Together)
    for name, weight in model.model.named_parameters():
        address, content = before[name]
        assert (weight.data_ptr(), weight.dtype) == (address, dtype)
        assert torch.equal(weight, content)
    with pytest.raises(RuntimeError, match="in the middle"), model.exact():
        raise RuntimeError("in the middle")
    assert {weight.dtype for weight in model.model.parameters()} == {dtype}
    turn_rows_around(model)
    with capture_logs() as logs:
        assert isinstance(rows_for(model), Apart)
    assert [(entry["side_by_side"], entry["difference"] > TOLERANCE) for entry in logs] == [(False, True)]


def test_it_holds_for_a_model_read_from_files(tmp_path: Path) -> None:
    AutoModelForCausalLM.from_config(TOGETHER["llama"]).save_pretrained(tmp_path)
    assert isinstance(rows_for(Adapted(AutoModelForCausalLM.from_pretrained(tmp_path).eval())), Together)

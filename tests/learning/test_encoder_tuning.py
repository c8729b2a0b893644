"""Tuning the encoder brings together what means the same; what it leaves is added to the encoder as peft would."""

import random
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import BertConfig, BertModel

from learning.encoder import add_lora
from learning.encoder_tuning import BATCH_GROUPS, batches, info_nce, pair
from learning.starter.practice import practice_groups

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=60, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=32,
    )  # fmt: skip
    BertModel(config).save_pretrained(tmp_path / "bert")
    return tmp_path / "bert"


def test_the_tuning_is_added_as_peft_would(folder: Path, tmp_path: Path) -> None:
    config = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="FEATURE_EXTRACTION")
    tuned = get_peft_model(BertModel.from_pretrained(folder), config)
    for name, parameter in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    tuned.save_pretrained(str(tmp_path / "tuning"))
    plain, ours = (BertModel.from_pretrained(folder).eval() for _ in range(2))
    add_lora(ours, tmp_path / "tuning")
    oracle = PeftModel.from_pretrained(plain, str(tmp_path / "tuning")).merge_and_unload()
    ids = torch.arange(20).view(2, 10)
    with torch.inference_mode():
        expected, got = (model(input_ids=ids).last_hidden_state for model in (oracle, ours))
        untuned = BertModel.from_pretrained(folder).eval()(input_ids=ids).last_hidden_state
    torch.testing.assert_close(got, expected)
    assert not torch.allclose(got, untuned, atol=0.1)


def test_what_is_easily_confused_stands_in_one_batch_and_everything_in_some() -> None:
    groups = practice_groups()
    made = list(batches(groups, random.Random(0)))
    assert sorted(entry.fact for batch in made for entry in batch) == sorted(e.fact for group in groups for e in group)
    by_fact = {entry.fact: number for number, batch in enumerate(made) for entry in batch}
    assert all(len({by_fact[entry.fact] for entry in group}) == 1 for group in groups)
    assert max(map(len, made)) == 3 * BATCH_GROUPS


def test_a_pair_is_two_texts_of_one_fact() -> None:
    rng = random.Random(0)
    for entry in [*practice_groups()[0]] * 20:
        first, second = pair(entry, rng)
        assert first != second
        assert {first, second} <= {entry.answer, *entry.questions}


def test_the_loss_is_that_of_finding_the_counterpart() -> None:
    apart = torch.eye(4)
    assert info_nce(apart, apart).item() == pytest.approx(0.0, abs=1e-6)
    same = torch.ones(4, 1)
    assert info_nce(same, same).item() == pytest.approx(torch.tensor(4.0).log().item())
    assert info_nce(apart, apart.flip(0)).item() > 10

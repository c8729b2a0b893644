"""What the weights are kept in where there is a GPU. None is needed, and none is used."""

import pytest
import torch

from learning.serving.slots import describe_machine


@pytest.mark.parametrize(("has_bf16", "told"), [(True, "A card in bfloat16"), (False, "A card in float32")])
def test_a_gpu_that_only_emulates_bf16_serves_in_fp32(
    monkeypatch: pytest.MonkeyPatch, has_bf16: bool, told: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "A card")
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda *, including_emulation=True: has_bf16 or including_emulation
    )
    assert describe_machine() == told

"""How a training process ends when memory is short, and when it is not."""

import multiprocessing
import resource
from collections.abc import Callable

import pytest
import torch

from learning.exits import EXIT_OUT_OF_GPU_MEMORY, EXIT_OUT_OF_MEMORY, _exit_code, data_bytes, end_with_code

MB = 2**20


def _fill_up(_: str) -> None:
    """Whatever breaks first: here, what never says a word of memory."""
    held = bytearray(200 * MB)
    try:
        bytearray(600 * MB)
    except MemoryError:
        raise ValueError(f"too odd, after {len(held)}") from None


def _break(_: str) -> None:
    raise ValueError("too odd")


def _limited(program: Callable[[str], None], limit_mb: int) -> None:
    used = data_bytes() // MB
    resource.setrlimit(resource.RLIMIT_DATA, ((used + limit_mb) * MB, resource.RLIM_INFINITY))
    end_with_code(program, "")


@pytest.mark.parametrize(("program", "limit_mb", "code"), [(_fill_up, 205, EXIT_OUT_OF_MEMORY), (_break, 2_000, 1)])
def test_what_breaks_at_the_limit_is_laid_to_memory(
    program: Callable[[str], None], limit_mb: int, code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_limited, args=(program, limit_mb))
    process.start()
    process.join()
    assert process.exitcode == code
    assert "too odd" in capfd.readouterr().err


@pytest.mark.parametrize(("has_gpu", "code"), [(True, EXIT_OUT_OF_GPU_MEMORY), (False, EXIT_OUT_OF_MEMORY)])
def test_a_cards_memory_is_told_from_the_machines(has_gpu: bool, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: has_gpu)
    assert _exit_code(torch.OutOfMemoryError("CUDA out of memory."), memory_is_short=False) == code
    assert _exit_code(MemoryError(), memory_is_short=False) == EXIT_OUT_OF_MEMORY

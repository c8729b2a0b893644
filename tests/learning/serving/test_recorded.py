"""What is recorded and replayed gives what each text gives alone, while rows come, grow and go."""

import gc
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from torch import Tensor

from learning.serving import recorded
from learning.serving.adapted import Adapted
from learning.serving.recorded import CudaGraphs, Pass, Recorded
from tests.fakes.recording import FakeGraphs
from tests.learning.serving.test_rows import TOGETHER, Feeds, check, make, plain

TOKENS = st.lists(st.integers(1, 98), min_size=1, max_size=9)


@pytest.fixture(scope="module")
def llama() -> Adapted:
    return make(TOGETHER["llama"])


@pytest.mark.parametrize("name", TOGETHER)
def test_whatever_the_architecture(name: str) -> None:
    graphs = FakeGraphs()
    check(
        make(TOGETHER[name]),
        Recorded(make(TOGETHER[name]), graphs),
        [[[1, 2, 3], [4]], [[5], [6]], [[7], [8]], [[9], [10]]],
    )
    assert (graphs.recorded, graphs.replayed) == (1, 3)  # once to compare


@settings(deadline=None, max_examples=25)
@given(passes=st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(TOKENS, min_size=n, max_size=n), max_size=6)))
def test_ragged_passes_give_what_each_text_gives_alone(llama: Adapted, passes: Feeds) -> None:
    if passes:
        check(llama, Recorded(llama, FakeGraphs()), [passes[0], *passes])


@torch.inference_mode()
def test_a_row_that_is_still_read_is_not_touched_by_what_fills_up_the_others(llama: Adapted) -> None:
    rows = Recorded(llama, FakeGraphs())
    rows.forward(0, [0, 0, 0, 0], [[1, 2], [3], [4], [5]])
    for step in range(3):
        rows.forward(0, [2 + step, 1 + step, 1 + step], [[6], [7], [8]])  # the fourth is not written
    logits = rows.forward(3, [1], [[9, 10]])
    torch.testing.assert_close(logits[0], plain(llama, [5, 9, 10])[-2:], atol=2e-5, rtol=1e-4)


@torch.inference_mode()
def test_a_row_that_leaves_and_one_that_outgrows_its_room(llama: Adapted) -> None:
    graphs = FakeGraphs()
    rows = Recorded(llama, graphs)
    long = [1 + i % 90 for i in range(250)]
    rows.forward(0, [0, 0, 0], [[1, 2], long, [3]])
    for step in range(2):
        rows.forward(0, [2 + step, 250 + step, 1 + step], [[4], [5], [6]])
    rows.drop({0}, [4, 252, 3])
    for step in range(8):  # 256 positions are room for the first
        logits = rows.forward(0, [252 + step, 3 + step], [[7], [8]])
    torch.testing.assert_close(logits[0, 0], plain(llama, [*long, 5, 5, *[7] * 8])[-1], atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(logits[1, 0], plain(llama, [3, 6, 6, *[8] * 8])[-1], atol=2e-5, rtol=1e-4)
    assert (graphs.recorded, graphs.replayed) == (3, 3 + 1 + 3 + 3)  # each once to compare


@torch.inference_mode()
def test_each_adapter_has_its_own_and_several_together_have_none(llama: Adapted) -> None:
    graphs = FakeGraphs()
    rows = Recorded(llama, graphs)
    one, other = llama.random_lora(1), llama.random_lora(2)
    rows.forward(0, [0, 0], [[1], [2]], [one, other])
    for lora in (one, other):
        for _ in range(2):
            logits = rows.forward(0, [0, 0], [[3], [4]], [lora, lora])
        with llama.wearing([lora]):
            torch.testing.assert_close(logits[1, 0], plain(llama, [4])[-1], atol=2e-5, rtol=1e-4)
    assert graphs.recorded == 2
    rows.forward(0, [1, 1], [[5], [6]], [one, other])
    assert graphs.recorded == 2


@torch.inference_mode()
def test_recordings_go_with_their_adapter(llama: Adapted) -> None:
    def record(run: Pass) -> tuple[Callable[[], None], Tensor]:  # as a GPU does, which holds on to no adapter
        return lambda: None, run()

    rows, lora = Recorded(llama, record), llama.random_lora(1)
    rows.forward(0, [0], [[1]], [lora])
    rows.forward(0, [0], [[1]], [lora])
    assert len(rows._recordings) == 1
    del lora
    gc.collect()
    assert len(rows._recordings) == 0


@torch.inference_mode()
def test_when_rows_move_to_other_memory_all_is_recorded_anew(llama: Adapted) -> None:
    graphs = FakeGraphs()
    rows = Recorded(llama, graphs)
    rows.forward(0, [0], [[1]])
    for _ in range(2):
        rows.forward(0, [1], [[2]])
    assert graphs.recorded == 1
    rows.forward(0, [0] * 5, [[1]] * 5, last=True)  # there was room for two
    rows.forward(0, [1], [[2]])
    assert graphs.recorded == 2


@torch.inference_mode()
@pytest.mark.parametrize("problem", ["it waits for the GPU", "it gives something else"])
def test_what_can_not_be_recorded_is_not(llama: Adapted, problem: str) -> None:
    tried: list[int] = []

    def record(run: Pass) -> tuple[Callable[[], None], Tensor]:
        tried.append(1)
        if problem == "it waits for the GPU":
            raise RuntimeError(problem)
        return lambda: None, run().flip(-1)

    with capture_logs() as logs:
        check(llama, Recorded(llama, record), [[[1, 2, 3], [4]], [[5], [6]], [[7], [8]], [[9, 10], [11]]])
    assert len(tried) == 1
    assert logs[-1]["event"] == "steps are not recorded"


@torch.inference_mode()
def test_rows_stay_where_they_lie_but_for_what_takes_much_memory(
    llama: Adapted, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs = FakeGraphs()
    rows = Recorded(llama, graphs)
    for _ in range(3):
        rows.forward(0, [0], [[1]])
        rows.drop({0}, [1])
    assert graphs.recorded == 1
    monkeypatch.setattr(recorded, "KEPT_BYTES", 0)
    rows.drop({0}, [1])
    assert rows._cache.is_empty


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@torch.inference_mode()
def test_on_a_gpu() -> None:
    model = make(TOGETHER["llama"])
    model.model.to("cuda")  # type: ignore[arg-type]  # its stub takes a Tensor's
    rows, alone = Recorded(model, CudaGraphs()), make(TOGETHER["llama"])
    for others in (2, 0, 5):  # the second time nothing moves, the third time all is recorded anew
        text, first = [1, 2], [[3]] * others
        rows.forward(0, [0] * (1 + others), [text, *first])
        for token in range(5, 45):
            text.append(token)
            logits = rows.forward(0, [len(text) - 1, *[token - 4] * others], [[token]] * (1 + others))
            torch.testing.assert_close(logits[0, 0].cpu(), plain(alone, text)[-1], atol=1e-3, rtol=1e-3)
        assert sum(map(len, rows._recordings.values())) >= 1
        rows.clear()

"""Whoever asks for a text hears of it, whatever becomes of the thread that writes."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

from bot.errors import MenteeError
from bot.generation import Sampling
from learning.models import BaseModel
from learning.serving import worker as worker_module
from learning.serving.adapted import Adapted
from learning.serving.decoding import Decoder, Threads
from learning.serving.request import Request
from learning.serving.worker import Worker


class Asked:
    """A request, and how it ended."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.problem: MenteeError | None = None
        self._ended = threading.Event()
        self.request = Request.make([5, 9, 7], Sampling(3), tokenizer, frozenset(), lambda _: None, self._end)

    def _end(self, _: Request, problem: MenteeError | None) -> None:
        self.problem = problem
        self._ended.set()

    def end(self) -> str:
        """Empty when all went well."""
        assert self._ended.wait(10)
        return str(self.problem or "")


@pytest.fixture(scope="module")
def tokenizer(base: BaseModel) -> PreTrainedTokenizerBase:
    loaded: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(base.folder)
    return loaded


@pytest.fixture
def decoder(base: BaseModel) -> Decoder:
    return Decoder(Adapted(AutoModelForCausalLM.from_pretrained(base.folder).eval()))


@pytest.fixture
def worker(decoder: Decoder) -> Iterator[Worker]:
    started = Worker()
    assert started.start(decoder).wait(30)
    yield started
    started.close()


COUNT = """
import sys, threading
import torch
from transformers import AutoModelForCausalLM
from learning.serving.adapted import Adapted
from learning.serving.decoding import Decoder
from learning.serving.engine import _give_way
from learning.serving.worker import Worker

counted = []
Decoder.rehearse_reading = lambda self: counted.append(torch.get_num_threads())
decoder = Decoder(Adapted(AutoModelForCausalLM.from_pretrained(sys.argv[1]).eval()))
loader = threading.Thread(target=_give_way)
loader.start()
loader.join()
worker = Worker()
assert worker.start(decoder).wait(30)
worker.close()
print(counted[0])
"""


def test_what_the_loading_thread_takes_is_not_all_that_the_writing_one_gets(base: BaseModel) -> None:
    done = subprocess.run(
        [sys.executable, "-c", COUNT, str(base.folder)],
        env={**os.environ, "OMP_NUM_THREADS": "2"}, capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    assert done.stdout.split()[-1] == "2"


def fail(*_: object, **__: object) -> None:
    raise RuntimeError("an illegal memory access was encountered")


def test_a_gpu_that_has_failed_fails_texts_and_not_the_thread(
    worker: Worker, decoder: Decoder, tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Asked(tokenizer), Asked(tokenizer)
    monkeypatch.setattr(torch.cuda, "empty_cache", fail)
    with monkeypatch.context() as broken:
        broken.setattr(Decoder, "_write", fail)
        worker.add(decoder, first.request)
        assert first.end() == "The engine failed: RuntimeError."
    worker.add(decoder, second.request)
    assert second.end() == ""


def test_what_comes_after_the_end_is_told_so(
    worker: Worker, decoder: Decoder, tokenizer: PreTrainedTokenizerBase
) -> None:
    worker.close()
    late = Asked(tokenizer)
    worker.add(decoder, late.request)
    assert late.end() == "The engine has been stopped."


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_waits_for_a_thread_that_has_died(
    worker: Worker, decoder: Decoder, tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_turn", fail)
    begun, late = Asked(tokenizer), Asked(tokenizer)
    worker.add(decoder, begun.request)
    assert begun.end() == "The engine has been stopped."
    worker.add(decoder, late.request)
    assert late.end() == "The engine has been stopped."


def test_while_it_is_to_rest_no_step_begins(
    worker: Worker, decoder: Decoder, tokenizer: PreTrainedTokenizerBase
) -> None:
    worker.rest()
    asked = Asked(tokenizer)
    worker.add(decoder, asked.request)
    worker.rest()  # for a second one
    worker.go_on()
    time.sleep(0.1)
    assert worker._arrived  # the thread that writes hasn't taken it
    worker.go_on()
    assert asked.end() == ""


def test_it_rests_once_the_step_that_has_begun_is_over(
    worker: Worker, decoder: Decoder, tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, steps = threading.Event(), threading.Event(), list[str]()
    right = decoder.turn

    def turn(threads: Threads, *, is_alone: bool) -> None:
        begun.set()
        go_on.wait()
        right(threads, is_alone=is_alone)
        steps.append("step")

    monkeypatch.setattr(worker_module, "REST_WITHIN_S", 60.0)
    monkeypatch.setattr(decoder, "turn", turn)
    asked = Asked(tokenizer)
    worker.add(decoder, asked.request)
    begun.wait()
    threading.Timer(0.05, go_on.set).start()
    worker.rest()
    assert steps == ["step"]
    worker.go_on()
    assert asked.end() == ""

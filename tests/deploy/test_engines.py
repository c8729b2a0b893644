"""MENTEE_ENGINE chooses what writes, and `mentee doctor` says what serves."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.errors import SettingError
from deploy.engines import llamacpp_precision, make_engine, openai_server
from deploy.settings import Settings
from learning.serving import llamacpp
from learning.serving.openai import OpenAiEngine
from storage.adapter_files import AdapterFiles
from tests.deploy.conftest import Mentee
from tests.fakes.vllm import FakeVllm
from tests.learning.adapters import tiny_base


def engine_finding(mentee: Mentee) -> dict[str, str]:
    found = json.loads(mentee("doctor", "--json").stdout)["findings"]
    return next(finding for finding in found if finding["name"] == "engine")


@pytest.mark.parametrize(
    "engine",
    ["vllm", "llamacpp:q2_k", "openai:", "openai:http://localhost:8000/v1", "openai:localhost:8000/v1#smol",
     "openai:http://localhost/v1#", "openai:file:///etc#smol"],
)  # fmt: skip
def test_nonsense_is_refused(mentee: Mentee, monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    with pytest.raises(SettingError, match="openai:<base-url>#<model>"):
        make_engine(Settings(engine=engine), tiny_base(Path()), AdapterFiles(Path()), None)  # type: ignore[arg-type]
    monkeypatch.setenv("MENTEE_ENGINE", engine)
    assert engine_finding(mentee)["state"] == "fail"


def test_a_server_is_named_by_address_and_model() -> None:
    server = openai_server(Settings(engine="openai:https://gpu:8000/v1/#org/model", engine_api_key="secret"))
    assert (server.url, server.model, server.api_key) == ("https://gpu:8000/v1", "org/model", "secret")
    assert "secret" not in repr(server)


def test_a_server_is_what_the_engine_asks() -> None:
    settings = Settings(engine="openai:http://localhost:8000/v1#smol")
    engine = make_engine(settings, tiny_base(Path()), AdapterFiles(Path()), None)  # type: ignore[arg-type]
    assert isinstance(engine, OpenAiEngine)


@pytest.mark.parametrize(
    ("engine", "precision"),
    [("llamacpp", "f16"), ("llamacpp:f16", "f16"), ("llamacpp:q8_0", "q8_0"), ("transformers", None)],
)
def test_llamacpp_has_two_precisions(engine: str, precision: str | None) -> None:
    assert llamacpp_precision(Settings(engine=engine)) == precision


# --- mentee doctor ------------------------------------------------------------------------------------------------


def test_transformers_is_the_default(mentee: Mentee) -> None:
    finding = engine_finding(mentee)
    assert finding["state"] == "ok"
    assert finding["text"].startswith("transformers and peft on the processor")


def test_llamacpp_says_what_it_is(mentee: Mentee, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENTEE_ENGINE", "llamacpp:q8_0")
    finding = engine_finding(mentee)
    assert finding["state"] == "ok"
    assert "q8_0" in finding["text"]


def test_llamacpp_without_its_wheel_says_how_to_get_it(mentee: Mentee, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENTEE_ENGINE", "llamacpp")
    monkeypatch.setattr(llamacpp, "find_spec", lambda name: None)
    finding = engine_finding(mentee)
    assert finding["state"] == "fail"
    assert "pip install 'mentee[llamacpp]'" in finding["text"]


class Elsewhere:
    """A server in a thread of its own, since the command line has its own event loop."""

    def __init__(self, server: FakeVllm) -> None:
        self._server = server
        self._started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    async def _run(self) -> None:
        async with self._server.running():
            self._started.set()
            await self._end.wait()

    def __enter__(self) -> str:
        self._thread.start()
        assert self._started.wait(10)
        return self._server.url

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def vllm() -> Iterator[str]:
    with Elsewhere(FakeVllm(api_key="key")) as url:
        yield url


@pytest.mark.parametrize(
    ("model", "state", "said"),
    [("smol", "ok", "models: smol; runtime LoRA: yes"), ("other", "warn", "models: smol")],
)
def test_a_server_is_asked(
    mentee: Mentee, monkeypatch: pytest.MonkeyPatch, vllm: str, model: str, state: str, said: str
) -> None:
    monkeypatch.setenv("MENTEE_ENGINE", f"openai:{vllm}#{model}")
    monkeypatch.setenv("MENTEE_ENGINE_API_KEY", "key")
    finding = engine_finding(mentee)
    assert finding["state"] == state
    assert said in finding["text"]


def test_a_server_without_adapters_says_what_that_means(mentee: Mentee, monkeypatch: pytest.MonkeyPatch) -> None:
    with Elsewhere(FakeVllm(allows_loading=False)) as url:
        monkeypatch.setenv("MENTEE_ENGINE", f"openai:{url}#smol")
        finding = engine_finding(mentee)
    assert (finding["state"], "runtime LoRA: no" in finding["text"]) == ("warn", True)
    assert "Its base model answers" in finding["remedy"]


def test_a_server_that_is_away_is_found(mentee: Mentee, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENTEE_ENGINE", "openai:http://127.0.0.1:9/v1#smol")
    finding = engine_finding(mentee)
    assert finding["state"] == "fail"
    assert "can't be reached" in finding["text"]


def test_a_wrong_key_is_found(mentee: Mentee, monkeypatch: pytest.MonkeyPatch, vllm: str) -> None:
    monkeypatch.setenv("MENTEE_ENGINE", f"openai:{vllm}#smol")
    finding = engine_finding(mentee)
    assert finding["state"] == "fail"
    assert "401" in finding["text"]

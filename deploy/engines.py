"""Which engine writes the answers: chosen by MENTEE_ENGINE, described by `mentee doctor`."""

import asyncio
import re
from contextlib import AbstractContextManager
from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol

from bot.errors import SettingError
from bot.ids import AdapterId
from bot.ports import AdapterStore, Generator
from deploy.settings import Settings

if TYPE_CHECKING:
    from learning.models import BaseModel
    from learning.serving.openai_server import Server
    from learning.serving.versions import Live

LLAMACPP = re.compile(r"llamacpp(:(?P<precision>f16|q8_0))?")
OPENAI = re.compile(r"openai:(?P<url>https?://[^#\s]+?)/?#(?P<model>\S+)")


class ServingEngine(Generator, Protocol):
    @property
    def serving(self) -> AdapterId | None: ...

    async def refresh(self) -> None: ...

    async def prepare(self, adapter: AdapterId | None) -> None: ...

    def resting(self) -> AbstractContextManager[None]:
        """Nothing is computed in this process's Python for as long as it lasts, which must be short."""
        ...

    def close(self) -> None: ...


def make_engine(settings: Settings, base: "BaseModel", files: AdapterStore, live: "Live") -> ServingEngine:
    """Raises SettingError for an unusable MENTEE_ENGINE."""
    if settings.engine == "transformers":
        from learning.serving.engine import Engine

        return Engine(base, files, live)
    if precision := llamacpp_precision(settings):
        from learning.serving.llamacpp import LlamaCppEngine

        return LlamaCppEngine(base, files, live, settings.cache_dir, "q8_0" if precision == "q8_0" else "f16")
    from learning.serving.openai import OpenAiEngine

    return OpenAiEngine(openai_server(settings), base, files, live)


def llamacpp_precision(settings: Settings) -> str | None:
    """None when the engine is another one."""
    chosen = LLAMACPP.fullmatch(settings.engine)
    return (chosen["precision"] or "f16") if chosen else None


def openai_server(settings: Settings) -> "Server":
    """Raises SettingError for what names no server."""
    from learning.serving.openai_server import Server

    named = OPENAI.fullmatch(settings.engine)
    if named is None:
        raise SettingError(
            f"MENTEE_ENGINE is {settings.engine!r}: use transformers, llamacpp, llamacpp:q8_0, or "
            "openai:<base-url>#<model>, for instance openai:http://localhost:8000/v1#smollm2."
        )
    key = settings.engine_api_key
    return Server(named["url"], named["model"], key.get_secret_value() if key else None)


# --- for `mentee doctor` --------------------------------------------------------------------------------------------


def describe_engine(settings: Settings) -> tuple[str, str]:
    """What serves, and what to do about a shortcoming, if any. Raises SettingError, EngineFailed, Busy."""
    if settings.engine == "transformers":
        from learning.serving.slots import describe_machine

        return f"transformers and peft on {describe_machine()}", ""
    if precision := llamacpp_precision(settings):
        from learning.serving.llamacpp import check_installed

        check_installed()
        compared = "each version is compared with transformers before it serves"
        return f"llama.cpp in this process (xllamacpp {version('xllamacpp')}, {precision}); {compared}", ""
    return asyncio.run(_describe_server(openai_server(settings)))


async def _describe_server(server: "Server") -> tuple[str, str]:
    models = await server.models()
    loads = await server.loads_adapters()
    told = f"{server.url} answers; models: {', '.join(models)}; runtime LoRA: {'yes' if loads else 'no'}"
    if server.model not in models:
        return told, f"It lists no {server.model!r}: mend the name after # in MENTEE_ENGINE."
    if not loads:
        return told, "Its base model answers, adapters don't. vLLM with --enable-lora serves them; see .env.example."
    return told, ""

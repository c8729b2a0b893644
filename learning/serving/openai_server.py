"""What a server that speaks OpenAI's API serves, and vLLM's way of loading adapters into it. Writes no text."""

import json
from dataclasses import dataclass, field

import aiohttp

from bot.errors import AdapterBroken, EngineFailed
from learning.models import BaseModel
from learning.serving.streaming import Event, ServerBroke, refusal, session

LOAD = "load_lora_adapter"
UNLOAD = "unload_lora_adapter"
MAX_SAID = 200


@dataclass(frozen=True)
class Server:
    url: str
    """As OpenAI's clients take it: up to and with /v1."""
    model: str
    """The base model, as the server calls it."""
    api_key: str | None = field(default=None, repr=False)

    async def models(self) -> dict[str, Event]:
        """What it serves, by name. Raises EngineFailed, Busy."""
        status, said = await self._ask("GET", "models")
        try:
            return {str(model["id"]): model for model in json.loads(said)["data"]}
        except (ValueError, LookupError, TypeError) as problem:
            raise EngineFailed(
                f"{self.url}/models answered {status}, and no list of models: {_short(said)}"
            ) from problem

    async def loads_adapters(self) -> bool:
        """Whether it has vLLM's endpoint. GET is not allowed there, and changes nothing."""
        status, _ = await self._ask("GET", LOAD)
        return status == 405

    async def check_base(self, base: BaseModel) -> None:
        """The server takes adapters for any base model, and would write nonsense. Compared is what it says it was
        started with (`root` in its list of models) with the name and the folder of ours. Raises AdapterBroken."""
        models = await self.models()
        if self.model not in models:
            raise AdapterBroken(f"{self.url} serves no {self.model!r}, only {', '.join(models)}. Mend MENTEE_ENGINE.")
        root = models[self.model].get("root")
        if root not in (base.name.partition("@")[0], str(base.folder)):
            raise AdapterBroken(
                f"{self.url} serves {root!r} as {self.model!r}; adapters are trained for {base.name!r}. Start the "
                f"server with --model {base.folder}, or set MENTEE_BASE_MODEL to what it serves."
            )

    async def load(self, name: str, path: str) -> None:
        """Raises AdapterBroken when the server won't have it, EngineFailed or Busy when it may later."""
        status, said = await self._ask("POST", LOAD, {"lora_name": name, "lora_path": path})
        if status >= 400 and not (status == 400 and name in await self.models()):  # it may be there already
            raise AdapterBroken(
                f"{self.url} won't load adapter {name}: {status}, {_short(said)}. It has to see {path}, and to allow "
                "the adapter's rank (vLLM: --max-lora-rank)."
            )

    async def unload(self, name: str) -> None:
        """Raises EngineFailed, Busy. One that is not there is no problem."""
        await self._ask("POST", UNLOAD, {"lora_name": name})

    async def _ask(self, method: str, endpoint: str, content: Event | None = None) -> tuple[int, str]:
        """Status and text. Raises ServerBusy, ServerBroke."""
        try:
            async with (
                session(self.api_key) as client,
                client.request(method, f"{self.url}/{endpoint}", json=content) as response,
            ):
                # With 500 vLLM says that it can't take an adapter; what is beyond comes from whoever stands before it.
                if response.status > 500 or response.status == 429:
                    raise await refusal(response)
                return response.status, await response.text(errors="replace")
        except (aiohttp.ClientError, ValueError) as problem:
            raise ServerBroke(f"{self.url} can't be reached: {type(problem).__name__}.") from problem


def _short(said: str) -> str:
    return said[:MAX_SAID]

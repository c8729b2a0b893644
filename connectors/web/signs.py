"""What machines ask of the bot: does it live, can it answer, how is it. Decides nothing, knows no format."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


async def _always() -> str:
    return ""


async def _none() -> bytes:
    return b""


@dataclass(frozen=True)
class Signs:
    problem: Callable[[], Awaitable[str]] = _always
    """Why it can't answer now; empty when it can."""
    metrics: Callable[[], Awaitable[bytes]] = _none
    """In Prometheus's text format."""

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/healthz", self.lives)
        router.add_api_route("/readyz", self.is_ready, response_model=None)
        router.add_api_route("/metrics", self.measured, response_model=None)
        return router

    async def lives(self) -> dict[str, bool]:
        """The process answers: restarting it would mend nothing."""
        return {"ok": True}

    async def is_ready(self) -> JSONResponse:
        problem = await self.problem()
        return JSONResponse({"ok": not problem, "problem": problem}, 503 if problem else 200)

    async def measured(self) -> Response:
        return Response(await self.metrics(), media_type=PROMETHEUS)

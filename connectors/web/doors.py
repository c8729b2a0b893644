"""The way in and out where people sign in: by a link from the chat, or with the operator's password."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from bot.desk import Desk
from bot.letting_in import SESSION_FOR
from connectors.web.config import WebConfig
from connectors.web.login import Login
from connectors.web.rendering import Rendering
from connectors.web.visitor import OPERATOR, SESSION


@dataclass(frozen=True)
class Doors:
    desk: Desk
    config: WebConfig
    login: Login | None
    """None where no password is set: then by links alone."""
    rendering: Rendering

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/login", self.form, response_class=HTMLResponse)
        router.add_api_route("/login", self.with_password, methods=["POST"], response_model=None)
        router.add_api_route("/enter", self.ask, response_class=HTMLResponse)
        router.add_api_route("/enter", self.by_link, methods=["POST"], response_model=None)
        router.add_api_route("/logout", self.leave, methods=["POST"], response_model=None)
        return router

    async def form(self) -> str:
        return self._form("")

    async def with_password(self, request: Request, password: Annotated[str, Form()] = "") -> Response:
        address = request.client.host if request.client is not None else ""
        if self.login is None:
            return HTMLResponse(self._form(""), 403)
        if self.login.is_locked_out(address):
            return HTMLResponse(self._form(self.desk.texts.too_many), 429)
        if not await self.login.is_right(password, address):
            return HTMLResponse(self._form("That is not the password."), 403)
        return self._inside(request, await self.desk.sign_in(OPERATOR))

    async def ask(self, link: str = "") -> str:
        """Programs that look into links before people do (previews, scanners) must not use them up: a button does."""
        return self.rendering.page("enter.html", link=link)

    async def by_link(self, request: Request, link: Annotated[str, Form()] = "") -> Response:
        session = await self.desk.enter(link)
        if session is None:
            return HTMLResponse(self._form(self.desk.texts.link_used), 403)
        return self._inside(request, session)

    async def leave(self, request: Request) -> Response:
        await self.desk.leave(request.cookies.get(SESSION, ""))
        response = RedirectResponse("/login", 303)
        response.delete_cookie(SESSION)
        return response

    def _form(self, trouble: str) -> str:
        return self.rendering.page("login.html", trouble=trouble, has_password=self.login is not None)

    def _inside(self, request: Request, session: str) -> Response:
        response = RedirectResponse("/", 303)
        is_https = request.url.scheme == "https" or self.config.url.startswith("https://")
        lives = int(SESSION_FOR.total_seconds())
        response.set_cookie(SESSION, session, lives, httponly=True, samesite="strict", secure=is_https)
        return response

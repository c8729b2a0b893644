"""The way in and out where a password is set: login form, session cookie, logout."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from connectors.web.login import SESSION, SESSION_S, Login
from connectors.web.rendering import Rendering


@dataclass(frozen=True)
class Doors:
    login: Login
    rendering: Rendering

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/login", self.form, response_class=HTMLResponse)
        router.add_api_route("/login", self.enter, methods=["POST"], response_model=None)
        router.add_api_route("/logout", self.leave, methods=["POST"], response_model=None)
        return router

    async def form(self) -> str:
        return self.rendering.page("login.html", is_wrong=False)

    async def enter(self, request: Request, password: Annotated[str, Form()] = "") -> Response:
        session = await self.login.session(password)
        if session is None:
            return HTMLResponse(self.rendering.page("login.html", is_wrong=True), 403)
        response = RedirectResponse("/", 303)
        is_https = request.url.scheme == "https"
        response.set_cookie(SESSION, session, SESSION_S, httponly=True, samesite="strict", secure=is_https)
        return response

    async def leave(self) -> Response:
        response = RedirectResponse("/login", 303)
        response.delete_cookie(SESSION)
        return response

"""The page behind a password."""

from pathlib import Path

from connectors.web.config import WebConfig
from tests.connectors.web.conftest import open_site


async def test_a_password_opens_the_page_until_one_leaves(tmp_path: Path) -> None:
    async with open_site(tmp_path, WebConfig(password="open sesame")) as site:
        assert (await site.client.get("/", headers={"accept": "text/html"})).headers["location"] == "/login"
        wrong = await site.client.post("/login", data={"password": "open"})
        assert (wrong.status_code, "That is not the password." in wrong.text) == (403, True)
        assert (await site.client.get("/lessons")).status_code == 401
        right = await site.client.post("/login", data={"password": "open sesame"})
        cookie = right.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "Log out" in await site.html("/lessons")
        await site.client.post("/logout")
        assert (await site.client.get("/lessons")).status_code == 401


async def test_a_session_over_tls_is_for_tls_alone(tmp_path: Path) -> None:
    async with open_site(tmp_path, WebConfig(password="open sesame")) as site:
        site.client.base_url = "https://bot.example"
        site.client.headers["origin"] = "https://bot.example"
        right = await site.client.post("/login", data={"password": "open sesame"})
        assert "; secure" in right.headers["set-cookie"].lower()

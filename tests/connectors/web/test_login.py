"""Sessions: for the right password, from this process, for a limited time."""

import asyncio
import time

import pytest

from connectors.web.login import SESSION_S, Login


async def test_the_right_password_opens_a_session() -> None:
    login = Login("héllo wörld", pause_s=0)
    session = await login.session("héllo wörld")
    assert session is not None
    assert login.holds(session)


@pytest.mark.parametrize("password", ["", "hello", "hello world ", "Hello world"])
async def test_any_other_does_not(password: str) -> None:
    assert await Login("hello world", pause_s=0).session(password) is None


@pytest.mark.parametrize("forged", ["", ".", "1", "99999999999.", "99999999999.00", "é.ü", "99999999999.é"])
async def test_a_forged_session_does_not_hold(forged: str) -> None:
    assert not Login("hello world").holds(forged)


async def test_a_session_cannot_be_made_longer_and_does_not_outlive_the_process() -> None:
    login = Login("hello world")
    session = await login.session("hello world")
    assert session is not None
    ends, signature = session.split(".")
    assert not login.holds(f"{int(ends) + 1}.{signature}")
    assert not Login("hello world").holds(session)


async def test_a_session_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    login = Login("hello world")
    session = await login.session("hello world")
    assert session is not None
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + SESSION_S + 1)
    assert not login.holds(session)


async def test_guesses_wait_for_each_other() -> None:
    login = Login("hello world", pause_s=3600)
    guess = asyncio.create_task(login.session("a guess"))
    other = asyncio.create_task(login.session("hello world"))
    done, waiting = await asyncio.wait({guess, other}, timeout=0.05)
    for task in waiting:
        task.cancel()
    assert done == set()


def test_the_password_and_the_key_are_not_shown() -> None:
    assert repr(Login("hello world")) == "Login(pause_s=0.5)"

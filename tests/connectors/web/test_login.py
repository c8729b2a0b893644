"""The page's password: right or wrong, one guess at a time, and not too many of them."""

import asyncio

import pytest

from connectors.web.login import FORGIVEN_S, GUESSES, Login


async def test_the_right_password_is_right() -> None:
    assert await Login("héllo wörld", pause_s=0).is_right("héllo wörld", "1.2.3.4")


@pytest.mark.parametrize("password", ["", "hello", "hello world ", "Hello world"])
async def test_any_other_is_not(password: str) -> None:
    assert not await Login("hello world", pause_s=0).is_right(password, "1.2.3.4")


async def test_guesses_wait_for_each_other() -> None:
    login = Login("hello world", pause_s=3600)
    guess = asyncio.create_task(login.is_right("a guess", "1.2.3.4"))
    other = asyncio.create_task(login.is_right("hello world", "1.2.3.4"))
    done, waiting = await asyncio.wait({guess, other}, timeout=0.05)
    for task in waiting:
        task.cancel()
    assert done == set()


async def test_who_guesses_too_often_is_locked_out_for_a_while_and_nobody_else_is() -> None:
    now = 0.0
    login = Login("hello world", pause_s=0, clock=lambda: now)
    for _ in range(GUESSES):
        assert not login.is_locked_out("1.2.3.4")
        await login.is_right("a guess", "1.2.3.4")
    assert login.is_locked_out("1.2.3.4")
    assert not login.is_locked_out("5.6.7.8")
    now = FORGIVEN_S
    assert not login.is_locked_out("1.2.3.4")


def test_the_password_is_not_shown() -> None:
    assert "hello" not in repr(Login("hello world"))

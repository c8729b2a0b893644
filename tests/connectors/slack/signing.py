"""Requests as Slack signs and sends them, for what local-slack can't send: menus, repetitions, forgeries."""

import json
import time
from typing import Any
from urllib.parse import urlencode

import aiohttp
from slack_sdk.signature import SignatureVerifier

Json = dict[str, Any]


async def send_event(url: str, secret: str, body: str, retry: int = 0) -> int:
    """The status that the bot answers with; 200 is what makes Slack forget the event. A retry is signed later."""
    more = {"X-Slack-Retry-Num": str(retry)} if retry else {}
    return await _send(url, secret, body, "application/json", more, later_s=retry)


async def send_interaction(url: str, secret: str, payload: Json) -> int:
    return await _send(url, secret, urlencode({"payload": json.dumps(payload)}), "application/x-www-form-urlencoded")


async def send_command(url: str, secret: str, **fields: str) -> int:
    return await _send(url, secret, urlencode(fields), "application/x-www-form-urlencoded")


async def _send(
    url: str, secret: str, body: str, kind: str, more: dict[str, str] | None = None, later_s: int = 0
) -> int:
    timestamp = str(int(time.time()) + later_s)
    signature = SignatureVerifier(secret).generate_signature(timestamp=timestamp, body=body)
    headers = {
        "Content-Type": kind,
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signature or "",
        **(more or {}),
    }
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as answer:
        return answer.status

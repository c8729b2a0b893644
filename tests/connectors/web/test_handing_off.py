"""A hand-off on the page: taken, answered and learnt by whoever has chosen the agent's role."""

import re

from bot.texts import ENGLISH
from tests.connectors.web.conftest import Site

QUESTION = "May I bring my parrot?"
REPLY = "Birds are welcome in the garden studio, on a leash."


def button(html: str, label: str) -> str:
    found = re.findall(rf'data-press="([^"]+)"[^>]*>{re.escape(label)}<', html)
    assert found, label
    return str(found[-1])


async def test_it_is_taken_answered_and_learnt(site: Site) -> None:
    await site.ask(QUESTION)
    html = await site.words("/")
    assert ENGLISH.handoff_open in html
    assert f"Question: {QUESTION}" not in html, "the card is the agents'"

    site.become("agent")
    html = await site.words("/")
    assert f"Question: {QUESTION}" in html
    claim = button(html, ENGLISH.claim_button)
    site.become("customer")
    await site.post("/presses", code=claim)
    assert ENGLISH.handoff_not_agent in await site.words("/")

    site.become("agent")
    await site.post("/presses", code=claim)
    assert "🟡 Taken by page agent" in await site.words("/")
    await site.post("/messages", text=REPLY)
    await site.post("/presses", code=button(await site.words("/"), ENGLISH.learn_button))
    assert "🟢 Solved by page agent" in await site.words("/")

    site.become("customer")
    await site.post("/messages", text=QUESTION)
    answers = await site.house.store.run(lambda unit: unit.answers.count_by_kind())
    assert answers == {"handoff": 1, "known": 1}


async def test_what_is_no_button_is_refused(site: Site) -> None:
    for code in ("nonsense", "claim:", "dance:1:", "a:b:c:d"):
        response = await site.post("/presses", code=code)
        assert response.status_code == 400

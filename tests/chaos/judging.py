"""What was acknowledged, compared with what stands in Slack and in the database afterwards."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from bot.events import MessageRef
from bot.people import Platform
from tests.chaos.traffic import World


def judge(world: World, check: Callable[[bool, str], None]) -> None:
    """Compare what was acknowledged with what stands there: each once, none lost, none doubled.

    An event that three processes died of in turn is set aside: its effect is that whoever sent it is told so.
    """
    if world.is_sqlite:
        check(world.rows("PRAGMA integrity_check") == [("ok",)], "the database is damaged")
    posts, lessons = world.slack.replies(), Counter(row[0] for row in world.rows("SELECT answer FROM lessons"))
    answers = Counter(row[0] for row in world.rows("SELECT asked_in FROM answers"))
    rated = {row[0] for row in world.rows("SELECT a.message_id FROM ratings r JOIN answers a ON a.id = r.answer")}
    aside = [event for event in parked(world) if event["kind"] != "message"]
    excused = {event.get("text") or event.get("message", {}).get("id") for event in aside}
    for ts in sorted(world.ledger.questions):
        key = MessageRef(Platform.SLACK, "T1", "C1", ts).key
        check(posts[ts] == 1 and answers[key] == 1, f"question {ts}: {answers[key]} answers, {posts[ts]} messages")
    for text in sorted(world.ledger.lessons):
        check(lessons[text] == (text not in excused), f"lesson {text!r}: kept {lessons[text]} times")
    for ts in sorted(world.ledger.reactions):
        check(ts in rated or ts in excused, f"the ✅ on {ts} is lost")
    resumed = world.count("SELECT count(*) FROM audit WHERE act = 'resumed'")
    commands = world.ledger.commands - sum(event["kind"] == "command" for event in aside)
    for number in range(world.ledger.commands):
        check(number > 0 or resumed == commands, f"{resumed} effects of {commands} commands")


def parked(world: World) -> list[dict[str, Any]]:
    return [json.loads(row[0]) for row in world.rows("SELECT event FROM inbox WHERE state = 'parked'")]

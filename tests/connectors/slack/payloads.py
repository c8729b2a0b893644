"""What Slack sends, cut down to what is read."""

from typing import Any

from connectors.slack.parsing import Identity

BOT = Identity(team="T1", user="U0BOT")
Json = dict[str, Any]


def message(text: str = "How do I cancel a class?", **more: Any) -> Json:
    return {"type": "message", "channel": "C1", "user": "U1", "text": text, "ts": "1712345678.000100", **more}


def reaction(emoji: str = "white_check_mark", **more: Any) -> Json:
    event = {
        "type": "reaction_added",
        "user": "U1",
        "reaction": emoji,
        "item": {"type": "message", "channel": "C1", "ts": "1712345600.000200"},
        "item_user": "U0BOT",
        "event_ts": "1712345699.000300",
        **more,
    }
    return {"event_id": "Ev123", "team_id": "T1", "event": event}


def command(text: str = "status", **more: Any) -> Json:
    return {
        "team_id": "T1",
        "channel_id": "C1",
        "user_id": "U1",
        "user_name": "ann",
        "command": "/mentee",
        "text": text,
        "trigger_id": "13.37.abc",
        "response_url": "https://hooks.slack.com/commands/1/2/3",
        **more,
    }


def click(value: str, **more: Any) -> Json:
    return {
        "type": "block_actions",
        "team": {"id": "T1"},
        "user": {"id": "U1", "name": "ann"},
        "channel": {"id": "C1", "name": "help"},
        "container": {"type": "message", "message_ts": "1712345600.000200", "thread_ts": "1712345500.000100"},
        "trigger_id": "13.37.abc",
        "response_url": "https://hooks.slack.com/actions/1/2/3",
        "actions": [{"type": "button", "action_id": "mentee_choice_0", "value": value}],
        **more,
    }

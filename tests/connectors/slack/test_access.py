"""Who may do what in Slack: each gesture and command of each kind of person, as Slack sends it, through bolt and the
real listeners, with what Slack's Web API says of the person, up to the table's decision."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.access import COMMANDS, Deed
from bot.buttons import Act, Button
from bot.desk import Desk
from bot.errors import DatabaseHeld, NotAllowed
from bot.events import Event, Place
from bot.outgoing import CorrectionForm
from bot.people import Person
from bot.texts import ENGLISH
from connectors.slack import forms
from connectors.slack.listening import Listening, attach
from connectors.slack.people import People
from connectors.slack.posting import Posting
from connectors.slack.rendering import PRESS_ACTION
from connectors.slack.surface import RIGHT_SHORTCUT, SHORTCUT, WHY_SHORTCUT
from tests.connectors.access import ALL, GESTURES, MARKS, MAY_MARK, Who, decisions, staff_naming, wanted
from tests.connectors.slack.listeners import always
from tests.connectors.slack.payloads import BOT, click, command, message, reaction
from tests.connectors.slack.web_api import Reply, WebApi, web_api

Json = dict[str, Any]

ANSWER = "0190b2f4-0000-7000-8000-0000000000aa"
WHO_AM_I = {"team_id": "T1", "user_id": BOT.user, "bot_id": "B0BOT", "url": "https://t1.slack.com/", "team": "t"}
IDS = {who: f"U0{who.name.replace('_', '')}" for who in Who}
SAID: dict[Who, Json] = {
    Who.CUSTOMER: {},
    Who.AGENT: {},
    Who.ADMIN: {"is_admin": True},
    Who.GUEST: {"is_restricted": True, "is_admin": True},
    Who.STRANGER: {"team_id": "T2", "is_admin": True, "is_owner": True},
    Who.BOT: {"is_bot": True},
    Who.EX_MEMBER: {"deleted": True, "is_admin": True},
}
"""What `users.info` says of each; of who is unknown, nothing."""


@dataclass
class WritingDesk:
    heard: list[Person] = field(default_factory=list)
    marks: frozenset[str] = frozenset({"dart"})

    async def receive(self, event: Event) -> bool:
        self.heard.append(event.person)
        return True

    def may_mark(self, person: Person) -> bool:
        return staff_naming(IDS).may(person, Deed.TEACH)

    async def correction_form(self, _: object, person: Person, __: Place) -> CorrectionForm:
        self.heard.append(person)
        raise NotAllowed("It is only looked who asks.")

    def clock(self) -> datetime:
        return datetime.now(UTC)


EMOJI = {"tick": "white_check_mark", "cross": "x", "pencil": "pencil2"}
MENUS = {"form": SHORTCUT, "mark": RIGHT_SHORTCUT, "why menu": WHY_SHORTCUT}


def gesture(name: str, user: str) -> Json:
    """The payload that Slack sends for it."""
    if name in COMMANDS:
        return command(name, user_id=user)
    if name in EMOJI:
        return _event(reaction(EMOJI[name], user=user)["event"])
    if name in MENUS:
        return _menu(MENUS[name], user)
    match name:
        case "message":
            return _event(message(f"<@{BOT.user}> Hello", user=user))
        case "edit":
            changed = {"user": user, "text": "Now", "ts": "1712345678.000100", "edited": {"ts": "1712345679.000100"}}
            return _event(message(subtype="message_changed", message=changed, previous_message={"text": "Then"}))
        case "bullseye" | "no bullseye":
            kind = "reaction_added" if name == "bullseye" else "reaction_removed"
            return _event(reaction("dart", user=user, type=kind, item_user="U9")["event"])
        case "untick":
            return _event(reaction(user=user, type="reaction_removed")["event"])
        case "choice":
            return click(json.dumps({"answer": ANSWER, "fact": None}), user={"id": user})
        case "submit":
            return _submission(user)
        case _:
            about = "C1/1712345600.000200" if name == "learn" else ANSWER
            code = Button("", Act(name), about, "wrong" if name == "reason" else "").code
            action = {"type": "button", "action_id": f"{PRESS_ACTION}0", "value": code}
            return click(code, user={"id": user}, actions=[action])


def _event(event: Json) -> Json:
    return {"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": event}


def _menu(shortcut: str, user: str) -> Json:
    more = {
        "response_url": None,
        "type": "message_action",
        "callback_id": shortcut,
        "message": {"ts": "1712345600.000200", "text": "Hi"},
    }
    return {**click("", user={"id": user}), **more}


def _submission(user: str) -> Json:
    def typed(field: str) -> Json:
        return {field: {"value": "Words"}}

    values = {forms.QUESTION_FIELD: typed(forms.QUESTION_FIELD), forms.ANSWER_FIELD: typed(forms.ANSWER_FIELD)}
    context = {"answer": ANSWER, "channel": "C1", "thread": None, "direct": False}
    view = {
        "id": "V1", "hash": "h", "type": "modal", "callback_id": forms.CORRECTION_VIEW, "state": {"values": values},
        "private_metadata": json.dumps(context),
    }  # fmt: skip
    return {"type": "view_submission", "team": {"id": "T1"}, "user": {"id": user}, "view": view}


@dataclass
class Door:
    api: WebApi
    desk: WritingDesk
    app: AsyncApp

    async def heard(self, who: Who, name: str) -> Person | None:
        """As whom the bot takes whoever does it; None when it takes nothing in."""
        failed = Reply({"ok": False, "error": "internal_error"})
        user = {"id": IDS[who], "team_id": "T1", "profile": {}, **SAID.get(who, {})}
        self.api.replies["users.info"] = failed if who is Who.UNKNOWN else Reply({"ok": True, "user": user})
        self.desk.heard.clear()
        answer = await self.dispatch(name, IDS[who])
        assert answer.status == 200, (who, name, answer.body)
        return self.desk.heard[-1] if self.desk.heard else None

    async def dispatch(self, name: str, user: str) -> BoltResponse:
        body = {**gesture(name, user), "response_url": None}
        return await self.app.async_dispatch(AsyncBoltRequest(body=body, mode="socket_mode"))


def door(api: WebApi, desk: WritingDesk | None = None) -> Door:
    client = AsyncWebClient(token="xoxb-1", base_url=api.url)
    app = AsyncApp(client=client, signing_secret="s", process_before_response=True)
    desk = desk or WritingDesk()
    posting = Posting(client, ENGLISH, None)
    listening = Listening(cast(Desk, desk), BOT, People(client, "T1", ()), posting, client, ENGLISH)
    attach(app, always(listening), cast(Desk, desk), lambda _: None)
    return Door(api, desk, app)


async def cells(names: Iterable[str]) -> dict[tuple[Who, str], Person | None]:
    async with web_api(auth_test=WHO_AM_I, chat_postEphemeral={}, conversations_replies={"messages": []}) as api:
        opened = door(api)
        return {(who, name): await opened.heard(who, name) for name in names for who in Who}


async def test_every_gesture_and_command_of_everybody() -> None:
    heard = await cells(ALL)
    assert len(heard) == len(ALL) * len(Who)
    assert decisions(staff_naming(IDS), heard) == wanted(heard)
    unheard = {who for (who, name), person in heard.items() if person is None and name not in MARKS}
    assert unheard <= {Who.BOT}
    marking = {who for (who, name), person in heard.items() if person is not None and name in MARKS}
    assert marking == MAY_MARK


def test_every_button_is_a_gesture_of_the_table() -> None:
    told = {Act.APPROVE: "tick", Act.REJECT: "cross"}  # the same as the emoji
    assert {told.get(act, act.value) for act in Act} <= set(GESTURES)


@dataclass
class HeldDesk(WritingDesk):
    """Of a database that another program holds."""

    async def receive(self, event: Event) -> bool:
        raise DatabaseHeld("another program writes")

    async def correction_form(self, _: object, person: Person, __: Place) -> CorrectionForm:
        raise DatabaseHeld("another program writes")


async def test_who_clicks_or_commands_while_nothing_can_be_kept_is_told_so() -> None:
    async with web_api(auth_test=WHO_AM_I, chat_postEphemeral={}, users_info={"user": {"id": "U1"}}) as api:
        opened = door(api, HeldDesk())
        for name in ("help", "choice", "claim", "form", "why menu"):
            assert (await opened.dispatch(name, "U1")).status == 200
            told = api.called("chat.postEphemeral").pop()
            assert (told["text"], told["user"]) == (ENGLISH.not_kept, "U1"), name
            api.calls.clear()


async def test_a_form_that_can_not_be_kept_stays_open_with_what_was_typed() -> None:
    async with web_api(auth_test=WHO_AM_I, users_info={"user": {"id": "U1"}}) as api:
        answer = await door(api, HeldDesk()).dispatch("submit", "U1")
        said = json.loads(answer.body)
        assert (said["response_action"], said["errors"]) == ("errors", {forms.ANSWER_FIELD: ENGLISH.not_kept})


async def test_what_slack_delivers_again_is_left_to_it() -> None:
    async with web_api(auth_test=WHO_AM_I, users_info={"user": {"id": "U1"}}) as api:
        for name in ("message", "tick"):
            assert (await door(api, HeldDesk()).dispatch(name, "U1")).status == 500
        assert api.called("chat.postEphemeral") == []

"""Conversations from ticket systems (Zendesk, Intercom), and plain ones. Parses; decides nothing."""

from collections.abc import Mapping
from typing import Any

from learning.sources.conversations import Conversation, Role, Said

Record = Mapping[str, Any]
CLOSED = frozenset(("solved", "closed", "resolved"))
PLAIN_ROLES = {
    "user": Role.ASKER, "customer": Role.ASKER, "asker": Role.ASKER, "assistant": Role.OTHER, "agent": Role.OTHER,
    "human_agent": Role.OTHER, "bot": Role.BOT, "system": Role.BOT, "tool": Role.BOT,
}  # fmt: skip


def is_conversation(record: Record) -> bool:
    """A Zendesk ticket with comments, an Intercom conversation, or plain messages."""
    is_intercom = "conversation_parts" in record
    return is_intercom or any(isinstance(record.get(name), list) for name in ("comments", "messages"))


def conversation_of(record: Record) -> Conversation:
    """Of what is one. What its fields hold is not looked at: for `pair_in`."""
    if isinstance(record.get("comments"), list):
        return _zendesk(record)
    return _intercom(record) if "conversation_parts" in record else _plain(record)


def _zendesk(ticket: Record) -> Conversation:
    asker = ticket.get("requester_id") or (ticket.get("requester") or {}).get("id")
    people = {
        person["id"]: str(person.get("name") or "")
        for person in (ticket.get(who) for who in ("requester", "submitter", "assignee"))
        if isinstance(person, dict) and "id" in person
    }
    said = [
        Said(
            name=people.get(comment.get("author_id"), str(comment.get("author_id", ""))),
            role=Role.ASKER if comment.get("author_id") == asker else Role.OTHER,
            text=comment.get("plain_body") or comment.get("body") or comment.get("html_body") or "",
            at=comment.get("created_at") or "",
        )
        for comment in ticket["comments"]
        if isinstance(comment, dict) and comment.get("public", True)
    ]
    return Conversation(
        said, _first_tag(ticket), f"ticket {ticket.get('id', '')}", str(ticket.get("subject") or ""),
        is_closed=ticket.get("status") in CLOSED,
    )  # fmt: skip


def _first_tag(record: Record) -> str:
    tags = record.get("tags")
    return str(tags[0]) if isinstance(tags, list) and tags else ""


def _intercom(conversation: Record) -> Conversation:
    parts = conversation["conversation_parts"]
    parts = parts.get("conversation_parts") if isinstance(parts, dict) else parts
    first = conversation.get("source") or conversation.get("conversation_message") or {}
    said = [
        _intercom_said(part)
        for part in (first, *(parts or ()))
        if isinstance(part, dict) and part.get("part_type", "comment") in ("comment", "assignment", "close", "open")
    ]
    where = f"conversation {conversation.get('id', '')}"
    is_closed = conversation.get("state") == "closed" or conversation.get("open") is False
    return Conversation(said, where=where, subject=str(first.get("subject") or ""), is_closed=is_closed)


def _intercom_said(part: Record) -> Said:
    author = part.get("author") or {}
    kind = author.get("type")
    role = Role.ASKER if kind in ("user", "lead", "contact") else Role.OTHER if kind in ("admin", "team") else Role.BOT
    return Said(str(author.get("name") or ""), role, part.get("body") or "", str(part.get("created_at") or ""))


def _plain(record: Record) -> Conversation:
    said = [
        Said(
            name=str(message.get("name") or message.get("role") or ""),
            role=PLAIN_ROLES.get(str(message.get("role", "")).lower(), Role.OTHER),
            text=str(message.get("content") or message.get("text") or ""),
            accepted=bool(message.get("accepted")),
        )
        for message in record["messages"]
        if isinstance(message, dict)
    ]
    return Conversation(said, str(record.get("topic") or ""), str(record.get("id") or ""))

"""Edits and deletions that Discord tells of before it tells of the question. Against simcord."""

from pathlib import Path
from typing import Any

from tests.connectors.discord.stage import on_stage
from tests.connectors.late import LatePosts

QUESTION, RIGHT = "Can I pause my pass?", "Yes, for 90 days, in the settings of the pass."


async def test_a_question_is_answered_as_it_stands_and_a_deleted_one_is_not(tmp_path: Path, monkeypatch: Any) -> None:
    async with on_stage(tmp_path) as stage:
        late = LatePosts(stage.house.desk)
        monkeypatch.setattr(stage.env.bot, "desk", late)
        await stage.house.teach(QUESTION, RIGHT)
        text = f"{stage.bot} Why is the sky blue?"
        reworded, gone = [await stage.customer.send(stage.channel, text) for _ in range(2)]
        await stage.customer.edit(reworded, f"{stage.bot} {QUESTION}")
        await stage.customer.delete(gone)
        assert (len(late.kept_back), len(late.heard)) == (2, 2)
        await late.let_through()
        answer = await stage.heard()
        assert answer.content.startswith(RIGHT)
        assert answer.reference.message_id == reworded.id
        assert [each.author.id for each in stage.channel.history()].count(stage.env.bot.user.id) == 1

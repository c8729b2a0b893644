"""Edits and deletions that Slack tells of before it tells of the question. Against local-slack."""

from pathlib import Path
from typing import cast

from bot.desk import Desk
from tests.connectors.late import LatePosts
from tests.connectors.slack.local_slack import BOT, CUSTOMER
from tests.connectors.slack.studio import open_studio, words
from tests.connectors.slack.waiting import until

QUESTION, RIGHT = "Can I pause my pass?", "Yes, for 90 days, in the settings of the pass."


async def test_a_question_is_answered_as_it_stands_and_a_deleted_one_is_not(tmp_path: Path) -> None:
    late: list[LatePosts] = []

    def hearing(desk: Desk) -> Desk:
        late.append(LatePosts(desk))
        return cast("Desk", late[-1])

    async with open_studio(tmp_path, "socket", hearing) as studio:
        slack = studio.slack
        await studio.house.teach(QUESTION, RIGHT)
        reworded, gone = [await slack.say(CUSTOMER, f"<@{BOT}> May I bring my parrot?") for _ in range(2)]
        await until(lambda: len(late[0].kept_back) == 2, "both questions")
        await slack.edit(slack.messages[reworded], f"<@{BOT}> {QUESTION}")
        await slack.delete(slack.messages[gone])
        await until(lambda: len(late[0].heard) == 2, "the edit and the deletion")
        await late[0].let_through()
        await studio.house.settle()
        answer = (await until(slack.said, "the answer"))[0]
        assert (words(answer), answer["thread_ts"], len(slack.said())) == (RIGHT, reworded, 1)

"""A correction rewrites an earlier answer in a Slack workspace. Against local-slack."""

from pathlib import Path

from tests.connectors.slack.local_slack import AGENT, CUSTOMER
from tests.connectors.slack.studio import buttons, open_studio, words
from tests.connectors.slack.waiting import until

QUESTION = "Can I pause my pass?"
WRONG, RIGHT = "Yes, 30 days.", "Yes, for 90 days, in the settings of the pass."


async def test_a_correction_rewrites_an_earlier_answer_and_calls_its_asker(tmp_path: Path) -> None:
    async with open_studio(tmp_path, "socket") as studio:
        slack = studio.slack
        await studio.house.teach(QUESTION, WRONG)
        earlier, corrected = await studio.ask(QUESTION), await studio.ask("Please, can I pause my pass?")
        await slack.react(AGENT, corrected, "pencil2")
        offer = (await until(lambda: slack.whispered(AGENT), "the offer"))[0]
        await slack.press(AGENT, offer, buttons(offer)[0])
        await until(lambda: slack.modal, "the form")
        await slack.submit(AGENT, question=QUESTION, answer=RIGHT)
        await until(lambda: slack.said()[2:], "the receipt")
        await studio.house.bot.amending.look()
        notice = (await until(lambda: slack.said()[3:], "the word to the earlier asker"))[0]
        assert notice["thread_ts"] == earlier["thread_ts"]
        assert f"<@{CUSTOMER}>" in str(notice["blocks"])
        now = {message["ts"]: words(message) for message in slack.said()}
        assert (now[earlier["ts"]], now[corrected["ts"]]) == (RIGHT, RIGHT)

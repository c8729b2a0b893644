"""A direct question in a Slack workspace, answered from the agents' channel. Against local-slack."""

from pathlib import Path

from bot.access import Staff
from bot.events import Place
from bot.people import Platform
from bot.policy import Policy
from bot.texts import ENGLISH
from tests.connectors.slack.local_slack import ADMIN, AGENT, AGENTS_CHANNEL, CUSTOMER
from tests.connectors.slack.studio import buttons, open_studio, words
from tests.connectors.slack.waiting import until

QUESTION = "May I bring my parrot?"
REPLY = "Birds are welcome in the garden studio: birds@studio.example"
POLICY = Policy(
    staff=Staff(agents=frozenset({AGENT}), admins=frozenset({ADMIN})),
    agents_channels={Platform.SLACK: Place(Platform.SLACK, "", AGENTS_CHANNEL)},
)


async def test_a_direct_question_is_answered_from_the_agents_channel(tmp_path: Path) -> None:
    async with open_studio(tmp_path, "socket", policy=POLICY) as studio:
        slack = studio.slack
        asked = await slack.say(CUSTOMER, QUESTION, channel=CUSTOMER)
        direct = slack.messages[asked]["channel"]
        told = (await until(lambda: slack.said(direct), "the word that it was passed on"))[0]
        assert words(told) == f"{ENGLISH.handoff} {ENGLISH.passed_on}"
        assert "S0AGENTS" not in str(told["blocks"])
        card = (await until(lambda: slack.said(AGENTS_CHANNEL), "the card"))[0]
        assert words(card).startswith("Cleo asks in a direct message.")
        assert "<!subteam^S0AGENTS>" in str(card["blocks"])
        assert len(buttons(card)) == 2

        await slack.say(AGENT, REPLY, AGENTS_CHANNEL, thread=card["ts"])
        heard = await until(lambda: slack.said(direct)[2:], "the agent's words")
        assert words(heard[0]) == f"Ana: {REPLY}"
        await slack.say(CUSTOMER, "It is a loud one.", channel=direct)
        below = await until(lambda: slack.said(AGENTS_CHANNEL)[1:], "the asker's words")
        assert (words(below[0]), below[0]["thread_ts"]) == ("Cleo: It is a loud one.", card["ts"])

        offer = (await until(lambda: slack.whispered(AGENT, AGENTS_CHANNEL), "the offer to learn"))[0]
        await slack.press(AGENT, offer, buttons(offer)[0])
        solved = await until(lambda: slack.said(direct)[3:], "the word that it is solved")
        assert words(solved[0]) == ENGLISH.solved_for_you.format(name="Ana")
        await slack.say(CUSTOMER, QUESTION, channel=direct)
        again = await until(lambda: slack.said(direct)[4:], "the learnt answer")
        assert words(again[0]) == REPLY

"""The correction form shows the whole answer or none of it, whatever a platform's fields hold."""

from hypothesis import given
from hypothesis import strategies as st

from bot.ids import AnswerId
from bot.outgoing import CorrectionForm
from bot.texts import ENGLISH
from tests.bot.events import AGENT, THREAD, message
from tests.fakes.connector import FakeConnector
from tests.house import House


@given(st.text(max_size=30), st.text(max_size=30), st.integers(1, 30))
def test_an_answer_is_never_shown_in_part(question: str, text: str, chars: int) -> None:
    form = CorrectionForm(AnswerId("a"), "Title", "Question", question, "Answer", text, "Teach", "Too long.")
    shown = form.within(chars)
    assert shown.question == question[:chars]
    assert (shown.text, shown.left_out) == ((text, "") if len(text) <= chars else ("", "Too long."))


async def test_who_corrects_a_long_answer_is_told_why_the_field_is_empty(house: House, chat: FakeConnector) -> None:
    await house.teach("How long is the trial?", "21 days. " * 500)
    await house.desk.receive(message("How long is the trial?"))
    await house.settle()
    form = await house.desk.correction_form(chat.answers[-1].answer.id, AGENT, THREAD)
    assert (len(form.text) > 4_000, form.within(4_000).text) == (True, "")
    assert form.within(4_000).left_out == ENGLISH.form_left_out
    assert len(ENGLISH.form_left_out) <= 100  # Discord shows no more

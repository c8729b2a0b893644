"""What a load takes out of conversations: the names of those who spoke in them, too."""

from deploy.parts import cleaning
from deploy.settings import Settings


def test_a_conversation_s_own_people_are_its_roster() -> None:
    redact = cleaning(Settings()).redact_pair
    assert redact is not None
    question, answer = redact(
        "It's Oona Varga again. Ask Tibor Lengyel, he knows.",
        "Hi Oona, Tibor here: open Plans, or write to help@grove.example.",
        ("Oona Varga", "Tibor Lengyel"),
    )
    assert question == "It's <NAME_1> again. Ask <NAME_2>, he knows."
    assert "Oona" not in answer
    assert "Tibor here: open Plans, or write to help@grove.example." in answer
    assert redact("Where is Oona street?", "There.", ()) == ("Where is Oona street?", "There.")

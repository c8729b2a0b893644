"""What stands below an answer, decided once; connectors only put it into their platform's markup."""

from bot.answers import Answer, AnswerKind, Source, SourceKind
from bot.buttons import Act, Button
from bot.handoff import Handoff, HandoffState
from bot.shortening import shorten
from bot.texts import Texts


def handoff_lines(handoff: Handoff, texts: Texts) -> list[str]:
    """The card of a hand-off, as lines of plain text: question, what was tried, summary, state."""
    lines = [texts.handoff_question.format(question=shorten(handoff.question))] if handoff.question else []
    if handoff.also:
        lines.append(texts.handoff_also.format(questions="; ".join(f"“{each}”" for each in handoff.also)))
    if handoff.tried:
        lines.append(texts.handoff_tried.format(tried="; ".join(shorten(each) for each in handoff.tried)))
    return [*lines, texts.handoff_summary.format(summary=handoff.summary), _state_line(handoff, texts)]


def handoff_buttons(handoff: Handoff, texts: Texts) -> tuple[Button, ...]:
    """What an agent can do with it in its present state."""
    solve = Button(texts.solve_button, Act.SOLVE, handoff.answer, is_main=handoff.state is HandoffState.CLAIMED)
    match handoff.state:
        case HandoffState.OPEN:
            return Button(texts.claim_button, Act.CLAIM, handoff.answer, is_main=True), solve
        case HandoffState.CLAIMED:
            return (solve,)
        case HandoffState.SOLVED | HandoffState.WITHDRAWN:
            return ()


def _state_line(handoff: Handoff, texts: Texts) -> str:
    if handoff.state is HandoffState.OPEN or handoff.changed_at is None:
        return texts.handoff_open
    templates = {HandoffState.CLAIMED: texts.handoff_claimed, HandoffState.SOLVED: texts.handoff_solved}
    template = templates.get(handoff.state, texts.handoff_withdrawn)
    return template.format(name=handoff.by_name, time=f"{handoff.changed_at:%d %b %H:%M} UTC")


def shown_sources(answer: Answer) -> list[Source]:
    """The help sections that it was made from. A taught answer's one source is the lesson, and of that `attribution`
    tells."""
    return [source for source in answer.sources if source.kind is SourceKind.SECTION]


def attribution(answer: Answer, texts: Texts) -> str:
    """Who stands behind the answer, as one line of plain text. Empty where nobody claims anything."""
    if answer.kind is AnswerKind.GROUNDED:
        return texts.quoted if answer.quoted else texts.generated
    if answer.confirmation is None:
        return ""
    from_faq = any(source.kind is SourceKind.FAQ for source in answer.sources)
    template = texts.from_faq if from_faq else texts.confirmed
    return template.format(by=answer.confirmation.by, date=f"{answer.confirmation.at:%d %b %Y}")

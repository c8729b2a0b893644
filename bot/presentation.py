"""What stands below an answer, decided once; connectors only put it into their platform's markup."""

from bot.answers import Answer, AnswerKind, SourceKind
from bot.texts import Texts


def attribution(answer: Answer, texts: Texts) -> str:
    """Who stands behind the answer, as one line of plain text. Empty where nobody claims anything."""
    if answer.kind is AnswerKind.GROUNDED:
        return texts.generated
    if answer.confirmation is None:
        return ""
    from_faq = any(source.kind is SourceKind.FAQ for source in answer.sources)
    template = texts.from_faq if from_faq else texts.confirmed
    return template.format(by=answer.confirmation.by, date=f"{answer.confirmation.at:%d %b %Y}")

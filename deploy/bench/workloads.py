"""What is asked in the benchmarks: questions about the demo product's help pages, and one that has no source."""

from collections.abc import Sequence
from pathlib import Path

from bot.prompting import Message, Passage, closed_book_prompt, grounded_prompt
from bot.retrieval import Section
from learning.sources.reading import sections_in

HELP = Path(__file__).parents[1] / "demo" / "help"
FAQ = HELP.parent / "faq.csv"
ASKED_AFTER_ANOTHER = (
    "Which plans are there?", "Tell me everything about the plans.", "Which roles are there?",
    "Tell me everything about the roles.", "What does each plan include, and what does it cost?",
)  # fmt: skip
UNSOURCED = (
    "How should I greet new customers?", "What makes a good yoga class?", "How do I keep a calm front desk?",
    "Why do people forget bookings?",
)  # fmt: skip


def sections() -> list[Section]:
    """Longest first: of a long section, a model that reads writes a long answer."""
    found = sections_in([HELP])
    return sorted(found, key=lambda section: -len(section.text))


def question_about(section: Section) -> str:
    return f"{section.heading.rstrip('?')}? Tell me everything about it."


def grounded(section: Section, question: str = "") -> list[Message]:
    return grounded_prompt(question or question_about(section), [Passage(section.label, section.text)])


def unseen(prompts: Sequence[list[Message]], occasion: str) -> list[list[Message]]:
    """The same prompts, each with a beginning of its own: no engine can have read it before."""
    return [_begun(prompt, f"{number}, {occasion}.") for number, prompt in enumerate(prompts, 1)]


def one_after_another() -> list[list[Message]]:
    """Different questions after the same instructions and help sections, about 350 tokens."""
    first, second, *_, shortest = sections()
    passages = [Passage(each.label, each.text) for each in (first, second, shortest)]
    return [grounded_prompt(question, passages) for question in ASKED_AFTER_ANOTHER]


def free() -> list[list[Message]]:
    return [closed_book_prompt(question) for question in UNSOURCED]


def conversations(number: int) -> list[list[Message]]:
    """Questions about different sections of middling length."""
    middling = sections()[20:]
    return [grounded(section) for section in middling[:number]]


def _begun(prompt: Sequence[Message], words: str) -> list[Message]:
    system, *others = prompt
    return [Message(system.role, f"{words} {system.content}"), *others]

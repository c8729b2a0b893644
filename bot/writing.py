"""What is said from one help section: its own words, or what the model writes of it as far as it is borne out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from bot.answers import Answer, AnswerKind, Source, SourceKind
from bot.conversation import Question
from bot.drafting import CheckedText
from bot.errors import Busy, NotWritten
from bot.generation import Generation, Sampling
from bot.giving_way import GivingWay
from bot.ids import AdapterId
from bot.lineage import Deployment
from bot.policy import Policy
from bot.ports import Generator
from bot.prompting import Message, Passage, describe_asker, grounded_prompt
from bot.retrieval import Section
from bot.steps import has_steps, to_the_end
from bot.support import support
from bot.trial import is_chosen

MAX_QUOTED_CHARS = 700
"""Of a help section that is said as it stands."""
SAMPLING = Sampling(max_new_tokens=120, deadline_s=60.0)

OnText = Callable[[str], None]
OnTrial = Callable[[], Awaitable[Deployment | None]]


async def nothing() -> None:
    """No adapter is on trial."""


@dataclass(frozen=True)
class Written:
    """What the model wrote from a help section, and the adapter that was on trial meanwhile."""

    generation: Generation
    section: Section
    trial: AdapterId | None


@dataclass(frozen=True)
class Writing:
    generator: Generator
    policy: Policy
    on_trial: OnTrial = nothing
    """The trial that is under way."""
    giving_way: GivingWay = field(default_factory=GivingWay)
    """Holds back what nobody waits for."""

    async def write(self, question: Question, section: Section, on_text: OnText | None) -> Written | Busy | None:
        """Write from one section: a small model reads well, but selects badly. None when nothing could be written."""
        prompt = self._prompt(question, section)
        checked = self._checked(section, on_text) if on_text is not None else None
        trial = await self.on_trial()
        prefer = trial.adapter if trial is not None and is_chosen(trial, question.id) else None
        try:
            generation = await self.generator.generate(prompt, SAMPLING, on_text=checked, prefer=prefer)
        except Busy as busy:
            return busy
        except NotWritten:
            return None
        return Written(generation, section, trial.adapter if trial is not None else None)

    async def would_say(self, question: Question, section: Section, adapter: AdapterId | None) -> str | None:
        """What an adapter would say from a section; empty where the section doesn't bear it out, None where another
        one wrote, since this one is not at hand. Gives way to answers. Raises NotWritten."""
        prompt = self._prompt(question, section)
        writing = partial(self.generator.generate, prompt, SAMPLING, prefer=adapter)
        generation = await self.giving_way.between_answers(writing)
        if generation.adapter != adapter:
            return None
        answer = self.grounded(question, Written(generation, section, None))
        return answer.text if answer is not None else ""

    def _prompt(self, question: Question, section: Section) -> list[Message]:
        style, asker = self.policy.style, describe_asker(question.profile.plan, question.profile.product)
        passage = Passage(section.label, section.text)
        return grounded_prompt(question.text, [passage], question.earlier, style.instructions(), asker)

    def _checked(self, section: Section, on_text: OnText) -> CheckedText:
        """What may be shown of an answer that is being written from the section."""
        source, style = _source(section), self.policy.style

        def is_fit(text: str) -> bool:
            return not style.offences(style.worded(text, source))

        return CheckedText([source], self.policy.supported_from, on_text, is_fit)

    def grounded(self, question: Question, written: Written | None) -> Answer | None:
        """What was written, if its section bears it out."""
        if written is None:
            return None
        text, section, style = whole_sentences(written.generation.text), written.section, self.policy.style
        source = _source(section)
        supported = support(text, [source])
        if supported < self.policy.supported_from:
            return None
        text = style.worded(to_the_end(text, section.text), source)
        if style.offences(text):
            return self.quoted(question, section)
        return Answer(
            kind=AnswerKind.GROUNDED,
            question=question.text,
            text=text,
            confidence=supported,
            latency_ms=0.0,
            sources=(Source(SourceKind.SECTION, section.id, section.label, section.link),),
        )

    def steps(self, question: Question, section: Section) -> Answer | None:
        """A procedure, as it is: a small model tells a line of it. None for what is none, or too long to be told."""
        return self.quoted(question, section) if has_steps(section.text) else None

    def quoted(self, question: Question, section: Section) -> Answer | None:
        """The section's own words instead of ones that break the style; None where they are too many, or no better."""
        if len(section.text) > MAX_QUOTED_CHARS or self.policy.style.offences(section.text):
            return None
        return Answer(
            kind=AnswerKind.GROUNDED, question=question.text, text=section.text.strip(), confidence=1.0, latency_ms=0.0,
            sources=(Source(SourceKind.SECTION, section.id, section.label, section.link),), quoted=True,
        )  # fmt: skip


def _source(section: Section) -> str:
    return f"{section.label} {section.text}"


def whole_sentences(text: str) -> str:
    """Drop a last sentence that the token limit cut off, unless it is the only one."""
    text = text.strip()
    ends = [i for i, char in enumerate(text) if char in ".!?:" and (i + 1 == len(text) or text[i + 1].isspace())]
    return text[: ends[-1] + 1] if ends else text

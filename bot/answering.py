"""The ladder: known, did you mean, grounded, hand-off. The first rung that holds answers; it never guesses.

"Did you mean" has two steps: a known question that is likely is asked back at once; what is merely possible, help pages
among it, only when no help page stands out, or nothing could be written from it.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter

from bot.answers import Answer, AnswerKind, Candidate, Confirmation, Read, Source, SourceKind
from bot.asking_back import candidates, facts_meant, near, speaking_of, stands_out
from bot.conversation import Question, Speaker, clean_question
from bot.courtesy import Courtesy, courtesy_of
from bot.errors import Busy
from bot.feedback import Fact, LessonSource
from bot.giving_way import GivingWay
from bot.policy import Policy
from bot.ports import Generator, Knowledge
from bot.profile import in_scope
from bot.retrieval import FactMatch, Retrieval, Section
from bot.texts import Texts
from bot.writing import OnText, OnTrial, Writing, Written, nothing


@dataclass(frozen=True)
class Answering:
    knowledge: Knowledge
    generator: Generator
    policy: Policy
    texts: Texts
    on_trial: OnTrial = nothing
    """The trial that is under way."""
    giving_way: GivingWay = field(default_factory=GivingWay)
    """Holds back what nobody waits for."""

    @property
    def writing(self) -> Writing:
        return Writing(self.generator, self.policy, self.on_trial, self.giving_way)

    async def answer(
        self, question: Question, on_text: OnText | None = None, *, declined: Collection[Candidate] = ()
    ) -> Answer:
        """Climb the ladder. `declined`: what was asked back; the asker has said that nothing of it is meant."""
        speaking = self.speaking(question.profile.language)
        return await self._timed(question, lambda cleaned: speaking._begin(cleaned, on_text, declined))

    async def answer_from(self, question: Question, section: Section, on_text: OnText | None = None) -> Answer:
        """From the help page that the asker chose."""
        speaking = self.speaking(question.profile.language)
        return await self._timed(question, lambda cleaned: speaking._read(cleaned, section, on_text))

    async def _timed(self, question: Question, answering: Callable[[Question], Awaitable[Answer]]) -> Answer:
        started = perf_counter()
        question = replace(question, text=clean_question(question.text))
        with self.giving_way.to_an_answer():
            answer = await answering(question)
        latency_ms = (perf_counter() - started) * 1_000
        return replace(answer, latency_ms=latency_ms, language=question.profile.language)

    def speaking(self, language: str) -> "Answering":
        """The same with the fixed texts in somebody's language. What is known or written stays in its own."""
        return replace(self, texts=self.texts.in_language(language))

    def from_fact(self, question: str, fact: Fact, probability: float) -> Answer:
        """A known answer, word for word."""
        lesson = fact.lesson
        kind = SourceKind.FAQ if lesson.source is LessonSource.FAQ else SourceKind.LESSON
        return Answer(
            kind=AnswerKind.KNOWN,
            question=question,
            text=lesson.answer,
            confidence=probability,
            latency_ms=0.0,
            fact=fact.id,
            confirmation=Confirmation(lesson.id, lesson.author_name, lesson.taught_at),
            sources=(Source(kind, lesson.id, lesson.question),),
        )

    def handoff(self, question: str, text: str | None = None, tried: tuple[str, ...] = ()) -> Answer:
        """Say so, and leave it to the people."""
        return Answer(
            kind=AnswerKind.HANDOFF, question=question, text=text or self.texts.handoff, confidence=0.0, latency_ms=0.0,
            tried=tried,
        )  # fmt: skip

    async def _begin(self, question: Question, on_text: OnText | None, declined: Collection[Candidate]) -> Answer:
        """Climb, unless there is nothing to answer. Whoever is greeted need not call a colleague for it."""
        if not question.text:
            return self._ask_back(question)
        courtesy = courtesy_of(question.text)
        if courtesy is None:
            return await self._climb(question, on_text, declined)
        taught = self._known(question, (await self._search(question, question.text)).facts)
        return taught or self._ask_back(question, self.texts.welcome if courtesy is Courtesy.THANKS else None)

    async def _climb(self, question: Question, on_text: OnText | None, declined: Collection[Candidate]) -> Answer:
        words, retrieval = await self._retrieve(question)
        facts = () if declined else retrieval.facts
        if found := self._known(question, facts) or self._clarify(question, facts, self.policy.clarify_from):
            return found
        pages = [] if any(each.section for each in declined) else near(retrieval, self.policy)
        section = self._readable(words, retrieval) if pages else None
        if section is not None and (steps := self.writing.steps(question, section)):
            return steps
        tried = self._tried(retrieval, section, bool(declined))
        written = await self.writing.write(question, section, on_text) if section is not None else None
        if isinstance(written, Busy):
            return self.handoff(question.text, self.texts.busy, tried)
        unread = [page for page in pages if page is not section]
        answer = (
            self.writing.grounded(question, written)
            or self._clarify(question, facts, self.policy.offer_from, unread)
            or self.handoff(question.text, tried=tried)
        )
        return _having_read(answer, written)

    async def _read(self, question: Question, section: Section, on_text: OnText | None) -> Answer:
        """In the section's own words, where those of the model aren't borne out."""
        if steps := self.writing.steps(question, section):
            return steps
        tried = (self.texts.tried_unsupported.format(title=section.label),)
        written = await self.writing.write(question, section, on_text)
        if isinstance(written, Busy):
            return self.handoff(question.text, self.texts.busy, tried)
        answer = self.writing.grounded(question, written) or self.writing.quoted(question, section)
        return _having_read(answer or self.handoff(question.text, tried=tried), written)

    def _tried(self, retrieval: Retrieval, section: Section | None, declined: bool) -> tuple[str, ...]:
        """What was looked at and why it wasn't enough, for whoever takes the question over."""
        fact, near = self.texts.tried_no_fact, self.texts.tried_no_section
        if declined:
            fact = self.texts.tried_choices
        elif retrieval.facts:
            best = retrieval.facts[0]
            fact = self.texts.tried_fact.format(question=best.fact.lesson.question, percent=100 * best.probability)
        if section is not None:
            near = self.texts.tried_unsupported.format(title=section.label)
        elif retrieval.sections:
            near = self.texts.tried_section.format(title=retrieval.sections[0].section.label)
        return fact, near

    async def _retrieve(self, question: Question) -> tuple[str, Retrieval]:
        """What was searched for, and what was found: the words as they are; if they are not enough, with the person's
        earlier question before them.

        What the bot has said in this thread already is no answer to a further question.
        """
        alone = await self._search(question, question.text)
        if not question.earlier or self._known(question, alone.facts) or self._readable(question.text, alone):
            return question.text, alone
        said = {turn.text for turn in question.earlier if turn.speaker is Speaker.BOT}
        together = await self._search(question, question.in_context)
        facts = tuple(match for match in together.facts if match.fact.lesson.answer not in said)
        return question.in_context, Retrieval(_better(alone.facts, facts), together.sections)

    async def _search(self, question: Question, words: str) -> Retrieval:
        found = await self.knowledge.search(words, question.tenant)
        return in_scope(found, question.profile.product, self.policy.products)

    def _known(self, question: Question, facts: Sequence[FactMatch]) -> Answer | None:
        if not facts or facts[0].probability < self.policy.known_from:
            return None
        return self.from_fact(question.text, facts[0].fact, facts[0].probability)

    def _clarify(
        self, question: Question, facts: Sequence[FactMatch], least: float, pages: Sequence[Section] = ()
    ) -> Answer | None:
        """Ask which is meant: which facts, when it is one of those shown with a probability of at least `least`."""
        meant = facts_meant(facts, least)
        offered = candidates(meant, pages, self.texts)
        if not offered:
            return None
        return Answer(
            kind=AnswerKind.CLARIFY, question=question.text, text=self.texts.clarify,
            confidence=meant[0].probability if meant else 0.0, latency_ms=0.0, candidates=offered,
        )  # fmt: skip

    def speaking_of(self, words: str, retrieval: Retrieval) -> list[Section]:
        """The sections that speak of what was asked, nearest first."""
        return speaking_of(words, retrieval, self.policy)

    def _readable(self, words: str, retrieval: Retrieval) -> Section | None:
        """The nearest section that speaks of what was asked, if it stands out."""
        nearest = next(iter(self.speaking_of(words, retrieval)), None)
        return nearest if nearest is not None and stands_out(nearest, retrieval, self.policy) else None

    def _ask_back(self, question: Question, text: str | None = None) -> Answer:
        said = text or self.texts.ask_me
        return Answer(kind=AnswerKind.CLARIFY, question=question.text, text=said, confidence=0.0, latency_ms=0.0)


def _having_read(answer: Answer, written: Written | None) -> Answer:
    """With what was written on the way, whether it is what is said or not."""
    if written is None:
        return answer
    read = Read(written.section.id, written.section.sha256)
    return replace(answer, adapter=written.generation.adapter, trial=written.trial, read=read)


def _better(alone: Sequence[FactMatch], together: Sequence[FactMatch]) -> tuple[FactMatch, ...]:
    merged: dict[str, FactMatch] = {}
    for match in sorted((*alone, *together), key=lambda match: -match.probability):
        merged.setdefault(match.fact.id, match)
    return tuple(merged.values())

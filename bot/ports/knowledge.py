"""Repositories of what is known: lessons, teaching, help pages, vectors."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bot.events import MessageRef
from bot.feedback import Amended, Hold, Lesson, Phrasing, Ruling
from bot.ids import SHARED, AnswerId, FactId, LessonId, SectionId, Tenant
from bot.retrieval import Origin, Section
from bot.trust import Opinion


class Lessons(Protocol):
    def add(self, lesson: Lesson) -> None: ...
    def add_all(self, lessons: Sequence[Lesson], phrasings: Sequence[Phrasing]) -> None:
        """Add many at once: lessons, and phrasings that their facts don't have yet."""
        ...

    def get(self, lesson: LessonId) -> Lesson | None: ...
    def withdraw(self, lesson: LessonId, at: datetime) -> None:
        """Withdraw a lesson and the phrasings that it brought."""
        ...

    def restore(self, lesson: LessonId) -> None: ...
    def hold(self, lesson: LessonId, reason: Hold, at: datetime) -> None:
        """Keep it from use, with the phrasings that it brought, until it is released."""
        ...

    def release(self, lesson: LessonId, at: datetime) -> None:
        """Use it from now on: it counts as taught at this time, so that it is the newest of its fact."""
        ...

    def rule(self, lesson: LessonId, ruling: Ruling, by: str) -> None:
        """Note who decided what of it; it isn't held any more."""
        ...

    def held(self) -> Sequence[Lesson]:
        """Oldest first."""
        ...

    def doubt(self, lesson: LessonId, source: str) -> None:
        """Note that a help page bears it out no more; an empty source: that it is right nevertheless."""
        ...

    def doubted(self) -> Sequence[Lesson]:
        """Those that were not withdrawn, oldest first; some may have a newer version by now."""
        ...

    def to_amend_with(self, since: datetime) -> Sequence[Lesson]:
        """Corrections in use, taught since then, whose amending is due; oldest first."""
        ...

    def taken_back(self) -> Sequence[Lesson]:
        """Corrections that are not in use any more, whose amending is done."""
        ...

    def amended(self, lesson: LessonId, state: Amended) -> bool:
        """Note how far its amending is; False when that was noted before."""
        ...

    def by(self, author: str) -> Sequence[Lesson]:
        """Those that were not withdrawn, oldest first."""
        ...

    def since(self, at: datetime) -> Sequence[Lesson]:
        """Those that were taught after a point in time and not withdrawn, oldest first."""
        ...

    def newest(self, limit: int) -> Sequence[Lesson]:
        """Those that were taught last and not withdrawn, newest first."""
        ...

    def accepted_by(self, person: str) -> Sequence[Lesson]:
        """Held ones of others that the person has accepted, and that were not withdrawn since; oldest first."""
        ...

    def corrections(self, author: str, since: datetime) -> int:
        """How many the author has sent after a point in time, held and withdrawn ones too."""
        ...

    def about(self, answer: AnswerId) -> Sequence[Lesson]: ...
    def kept_back(self, answer: str) -> Sequence[Lesson]:
        """Those with this very answer that are held or were dropped, oldest first."""
        ...

    def saying(self, answer: str) -> Sequence[Lesson]:
        """Those with this very answer that were not withdrawn, newest first."""
        ...

    def said_in(self, message: MessageRef) -> Sequence[Lesson]:
        """Those that a message's words are the answer of, and that stand or are held; oldest first."""
        ...

    def all(self, facts: Sequence[FactId] | None = None) -> Sequence[Lesson]:
        """Those of the facts, or all; oldest first, withdrawn ones too."""
        ...

    def facts(self, after: str = "", limit: int = 1_000, author: str | None = None) -> Sequence[FactId]:
        """Facts with a lesson (of that author) that was not withdrawn, in the order of their ids."""
        ...

    def add_phrasing(self, phrasing: Phrasing) -> None:
        """Add it; the same text from the same origin again makes it active."""
        ...

    def withdraw_heard(self, answer: AnswerId, question: str, at: datetime) -> None:
        """Withdraw what was heard of an answer's question: phrasings that clicks and ratings on it brought, and the
        asker's words beside a correction of it."""
        ...

    def withdraw_phrasings(self, origin: str, at: datetime) -> None: ...
    def phrasings(self, facts: Sequence[FactId] | None = None) -> Sequence[Phrasing]:
        """Those of the facts, or all; oldest first, withdrawn ones too."""
        ...


class Teaching(Protocol):
    """What is kept that tells of a teacher's record. FAQ entries have no teacher."""

    def shared(self) -> Sequence[Lesson]:
        """Lessons of facts that more than one person taught, oldest first. Withdrawn ones only if they are held."""
        ...

    def opinions(self) -> Sequence[Opinion]:
        """Agents' ✅ and ❌ on answers that said another's lesson, corrections of such, and decisions of held ones."""
        ...

    def served(self, lessons: Sequence[LessonId]) -> Mapping[LessonId, int]:
        """How often each was said."""
        ...

    def teachers(self) -> Collection[str]:
        """All who taught something that was not taken back."""
        ...

    def proven(self, least: int) -> Mapping[str, int]:
        """Of each teacher, how many lessons stand that were said so often."""
        ...


class Documents(Protocol):
    def replace(self, source: str, content_sha256: str, sections: Sequence[Section], tenant: Tenant = SHARED) -> bool:
        """Keep a source's sections in place of its earlier ones; False when the content is unchanged, and whose it
        is."""
        ...

    def sections(self, sources: Sequence[str] | None = None) -> Sequence[Section]:
        """Those of the sources, or all, in the order of each source."""
        ...

    def section(self, section: SectionId) -> Section | None: ...
    def note(self, origin: Origin) -> None:
        """Keep which version of a file was read, and how."""
        ...

    def tenants(self, sources: Sequence[str]) -> Mapping[str, Tenant]:
        """Whose the sources are."""
        ...

    def origins(self) -> Sequence[Origin]:
        """Of all files that something came from."""
        ...


class Vectors(Protocol):
    """A cache of embeddings, so that a restart need not compute them again."""

    def get(self, model: str, texts: Sequence[str]) -> dict[str, bytes]: ...
    def put(self, model: str, vectors: dict[str, bytes]) -> None: ...

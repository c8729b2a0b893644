"""What learns beside the product: the surface that all systems have, and two memories that need no model."""

from typing import Protocol

import numpy as np

from bot.people import Person
from deploy.bench.learning.product import Reply
from learning.encoder import Encoder, Vectors


class System(Protocol):
    @property
    def at_once(self) -> int:
        """How many questions may be asked side by side while nothing is taught."""
        ...

    async def ask(self, question: str, meant: set[str]) -> Reply:
        """The reply. `meant`: the facts that the asker means, should the system ask back."""
        ...

    async def correct(self, reply: Reply, answer: str, teacher: Person) -> None: ...
    async def react(self, reply: Reply, emoji: str, person: Person) -> None: ...


class NearestNeighbour:
    """Answers as the nearest corrected question was answered, whatever was asked. The newest correction wins a tie."""

    at_once = 1

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._vectors: list[Vectors] = []
        self._answers: list[str] = []

    async def ask(self, question: str, meant: set[str]) -> Reply:
        if not self._answers:
            return Reply("", is_answered=False, question=question)
        cosines = np.stack(self._vectors) @ self._encoder.encode([question])[0]
        best = len(cosines) - 1 - int(cosines[::-1].argmax())
        text = self._answers[best]
        return Reply(text, is_answered=True, likeliest=text, confidence=float(cosines[best]), question=question)

    async def correct(self, reply: Reply, answer: str, teacher: Person) -> None:
        self._vectors.append(self._encoder.encode([reply.question])[0])
        self._answers.append(answer)

    async def react(self, reply: Reply, emoji: str, person: Person) -> None:
        """A thumb says nothing that a nearest neighbour could use, except that its answer is right here, too."""
        if emoji == "+1" and reply.is_answered:
            await self.correct(reply, reply.text, person)


class PerfectMemory:
    """Is told which fact is meant, and says what anybody said of it last: no memory could do better from corrections.

    It bounds every measure of the stream from above, but for poison, since it believes everybody.
    """

    at_once = 1

    def __init__(self) -> None:
        self._answers: dict[str, str] = {}
        self._meant: set[str] = set()

    async def ask(self, question: str, meant: set[str]) -> Reply:
        self._meant = meant
        text = next((self._answers[fact] for fact in meant if fact in self._answers), "")
        return Reply(text, bool(text), likeliest=text, confidence=float(bool(text)), question=question)

    async def correct(self, reply: Reply, answer: str, teacher: Person) -> None:
        self._answers |= dict.fromkeys(self._meant, answer)

    async def react(self, reply: Reply, emoji: str, person: Person) -> None:
        """It knows already."""

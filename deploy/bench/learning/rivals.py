"""What learns beside the product: the surface that all systems have, and the simplest memory there is."""

from typing import Protocol

import numpy as np

from bot.people import Person
from deploy.bench.learning.product import Reply
from learning.encoder import Encoder, Vectors


class System(Protocol):
    async def ask(self, question: str, meant: set[str]) -> Reply:
        """The reply. `meant`: the facts that the asker means, should the system ask back."""
        ...

    async def correct(self, reply: Reply, answer: str, teacher: Person) -> None: ...
    async def react(self, reply: Reply, emoji: str, person: Person) -> None: ...


class NearestNeighbour:
    """Answers as the nearest corrected question was answered, whatever was asked. The newest correction wins a tie."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._vectors: list[Vectors] = []
        self._answers: list[str] = []
        self._asked: dict[int, Vectors] = {}

    async def ask(self, question: str, meant: set[str]) -> Reply:
        vector = self._encoder.encode([question])[0]
        if not self._answers:
            reply = Reply("", is_answered=False)
        else:
            cosines = np.stack(self._vectors) @ vector
            best = len(cosines) - 1 - int(cosines[::-1].argmax())
            text = self._answers[best]
            reply = Reply(text, is_answered=True, likeliest=text, confidence=float(cosines[best]))
        self._asked = {id(reply): vector}  # what may be corrected is the reply before
        return reply

    async def correct(self, reply: Reply, answer: str, teacher: Person) -> None:
        self._vectors.append(self._asked[id(reply)])
        self._answers.append(answer)

    async def react(self, reply: Reply, emoji: str, person: Person) -> None:
        """A thumb says nothing that a nearest neighbour could use, except that its answer is right here, too."""
        if emoji == "+1" and reply.is_answered:
            await self.correct(reply, reply.text, person)

"""What texts mean to a model, kept so that none is encoded twice."""

import hashlib
from collections.abc import Sequence

from sqlmodel import Session, col, select

from storage.repositories.portions import portions
from storage.tables import VectorRow


class SqlVectors:
    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, model: str, texts: Sequence[str]) -> dict[str, bytes]:
        wanted = {_sha256(text): text for text in texts}
        found: dict[str, bytes] = {}
        for part in portions(list(wanted)):
            query = select(VectorRow).where(VectorRow.model == model, col(VectorRow.text_sha256).in_(part))
            found.update({wanted[row.text_sha256]: row.vector for row in self._session.exec(query)})
        return found

    def put(self, model: str, vectors: dict[str, bytes]) -> None:
        for text, vector in vectors.items():
            self._session.merge(VectorRow(model=model, text_sha256=_sha256(text), vector=vector))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

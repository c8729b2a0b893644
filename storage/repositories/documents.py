"""Help pages: their sections, and where each was loaded from."""

from collections.abc import Mapping, Sequence

from sqlmodel import Session, col, delete, select

from bot.ids import SHARED, SectionId, Tenant
from bot.retrieval import Origin, Section
from storage.repositories.revision import advance_revision
from storage.repositories.tenants import seen
from storage.tables import DocumentRow, SectionRow


class SqlDocuments:
    def __init__(self, session: Session, within: Tenant | None = None) -> None:
        self._session, self._within = session, within

    def replace(self, source: str, content_sha256: str, sections: Sequence[Section], tenant: Tenant = SHARED) -> bool:
        known = self._session.get(DocumentRow, source)
        is_gone_already = known is None and not sections
        before = (known.content_sha256, known.tenant) if known is not None else None
        is_unchanged = before == (content_sha256, tenant) and len(sections) > 0
        if is_gone_already or is_unchanged:
            return False
        self._session.exec(delete(SectionRow).where(col(SectionRow.source) == source))
        self._keep(source, content_sha256, sections, tenant, known)
        advance_revision(self._session, "source", [source])
        return True

    def sections(self, sources: Sequence[str] | None = None) -> Sequence[Section]:
        query = select(SectionRow).order_by(col(SectionRow.source), col(SectionRow.position))
        if self._within is not None:
            theirs = select(DocumentRow.source).where(*seen(DocumentRow.tenant, self._within))
            query = query.where(col(SectionRow.source).in_(theirs))
        if sources is not None:
            query = query.where(col(SectionRow.source).in_(sources))
        return [_section(row) for row in self._session.exec(query)]

    def section(self, section: SectionId) -> Section | None:
        row = self._session.get(SectionRow, section)
        return _section(row) if row is not None else None

    def note(self, origin: Origin) -> None:
        row = self._session.get(DocumentRow, origin.source) or DocumentRow(source=origin.source, content_sha256="")
        row.file_sha256, row.reading = origin.sha256, origin.reading
        row.licence, row.consent, row.tenant = origin.licence, origin.consent, origin.tenant
        self._session.add(row)

    def origins(self) -> Sequence[Origin]:
        query = select(DocumentRow).where(*seen(DocumentRow.tenant, self._within))
        rows = self._session.exec(query.order_by(col(DocumentRow.source)))
        return [
            Origin(row.source, row.file_sha256, row.licence, row.consent, row.reading, Tenant(row.tenant))
            for row in rows
        ]

    def tenants(self, sources: Sequence[str]) -> Mapping[str, Tenant]:
        query = select(DocumentRow.source, DocumentRow.tenant).where(col(DocumentRow.source).in_(sources))
        return {source: Tenant(tenant) for source, tenant in self._session.exec(query)}

    def _keep(
        self, source: str, content_sha256: str, sections: Sequence[Section], tenant: Tenant, known: DocumentRow | None
    ) -> None:
        if not sections:
            if known is not None:
                self._session.delete(known)
            return
        if known is None:
            known = DocumentRow(source=source, content_sha256=content_sha256)
        known.content_sha256, known.tenant = content_sha256, tenant
        self._session.add(known)
        for i, s in enumerate(sections):
            row = SectionRow(
                id=s.id, source=source, position=i, title=s.title, heading=s.heading, text=s.text, link=s.link
            )
            self._session.add(row)


def _section(row: SectionRow) -> Section:
    return Section(SectionId(row.id), row.source, row.title, row.heading, row.text, row.link)

"""One transaction with all repositories in it."""

from dataclasses import dataclass
from functools import cached_property

from sqlmodel import Session

from bot.ids import Tenant
from bot.retrieval import Changes
from bot.vitals import Vitals
from storage.repositories.audit import SqlAudit
from storage.repositories.boxes import SqlInbox, SqlOutbox
from storage.repositories.comparisons import SqlComparisons
from storage.repositories.documents import SqlDocuments
from storage.repositories.installations import SqlInstallations
from storage.repositories.lessons import SqlLessons
from storage.repositories.passes import SqlPasses
from storage.repositories.persons import SqlPersons
from storage.repositories.revision import changes_since, current_revision
from storage.repositories.slow_loop import SqlAdapters, SqlFlags, SqlRuns
from storage.repositories.talk import SqlAnswers, SqlConversations, SqlHandoffs, SqlRatings
from storage.repositories.teaching import SqlTeaching
from storage.repositories.vectors import SqlVectors
from storage.repositories.vitals import vitals_of
from storage.repositories.watermarks import SqlWatermarks


@dataclass
class SqlUnit:
    """Implements `bot.ports.Unit`."""

    session: Session
    tenant: Tenant | None = None
    """Whose eyes it is seen through; None: everything is seen."""

    def within(self, tenant: Tenant | None) -> "SqlUnit":
        return SqlUnit(self.session, tenant)

    @cached_property
    def inbox(self) -> SqlInbox:
        return SqlInbox(self.session)

    @cached_property
    def outbox(self) -> SqlOutbox:
        return SqlOutbox(self.session)

    @cached_property
    def conversations(self) -> SqlConversations:
        return SqlConversations(self.session)

    @cached_property
    def answers(self) -> SqlAnswers:
        return SqlAnswers(self.session, self.tenant)

    @cached_property
    def handoffs(self) -> SqlHandoffs:
        return SqlHandoffs(self.session, self.tenant)

    @cached_property
    def ratings(self) -> SqlRatings:
        return SqlRatings(self.session, self.tenant)

    @cached_property
    def lessons(self) -> SqlLessons:
        return SqlLessons(self.session, self.tenant)

    @cached_property
    def teaching(self) -> SqlTeaching:
        return SqlTeaching(self.session, self.tenant)

    @cached_property
    def documents(self) -> SqlDocuments:
        return SqlDocuments(self.session, self.tenant)

    @cached_property
    def vectors(self) -> SqlVectors:
        return SqlVectors(self.session)

    @cached_property
    def adapters(self) -> SqlAdapters:
        return SqlAdapters(self.session, self.tenant)

    @cached_property
    def comparisons(self) -> SqlComparisons:
        return SqlComparisons(self.session)

    @cached_property
    def runs(self) -> SqlRuns:
        return SqlRuns(self.session)

    @cached_property
    def audit(self) -> SqlAudit:
        return SqlAudit(self.session)

    @cached_property
    def persons(self) -> SqlPersons:
        return SqlPersons(self.session)

    @cached_property
    def installations(self) -> SqlInstallations:
        return SqlInstallations(self.session)

    @cached_property
    def passes(self) -> SqlPasses:
        return SqlPasses(self.session)

    @cached_property
    def watermarks(self) -> SqlWatermarks:
        return SqlWatermarks(self.session)

    @cached_property
    def flags(self) -> SqlFlags:
        return SqlFlags(self.session)

    def vitals(self) -> Vitals:
        return vitals_of(self.session)

    def changes(self, since: int) -> Changes:
        return changes_since(self.session, since)

    def revision(self) -> int:
        return current_revision(self.session)

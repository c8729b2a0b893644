"""Whose knowledge is whose, and installations that were begun.

Until now nobody noted in which workspace a lesson was taught. Here is looked up what can be known of it: the answer
that it corrected, the message that it was said in; else the one workspace of its teacher's platform. Where there are
several and nothing tells which, it gets the platform's name alone: it is used where workspaces share what they teach,
and none of them sees it where they don't. What the operator taught and loaded is everybody's.
"""

import json
from collections import defaultdict

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

CHATS = ("slack", "discord")
NO_SERVER = "@me"
"""Stands for the server of a direct conversation on Discord."""
UNKNOWN = "unknown:"

ANSWERS = sa.table("answers", sa.column("id"), sa.column("place_key"), sa.column("tenant"))
LESSONS = sa.table(
    "lessons", sa.column("id"), sa.column("author"), sa.column("source"), sa.column("about"), sa.column("said_in"),
    sa.column("tenant"),
)  # fmt: skip
PHRASINGS = sa.table("phrasings", sa.column("id"), sa.column("origin"), sa.column("tenant"))
ADAPTERS = sa.table("adapters", sa.column("id"), sa.column("adapter"))
PASSES = sa.table("passes", sa.column("kind"), sa.column("person_key"))


def upgrade() -> None:
    for table, is_indexed in (
        ("answers", True), ("lessons", True), ("phrasings", False), ("documents", False), ("passes", False),
    ):  # fmt: skip
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("tenant", sa.String(), nullable=False, server_default=""))
            if is_indexed:
                batch_op.create_index(batch_op.f(f"ix_{table}_tenant"), ["tenant"], unique=False)
    op.create_table(
        "install_states",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_install_states")),
    )
    connection = op.get_bind()
    # Nobody knows where these sessions came from: whoever has one asks for another link.
    connection.execute(PASSES.delete().where(PASSES.c.kind != "token", PASSES.c.person_key.not_like("web:%")))
    found = _Found(connection)
    found.answers()
    found.lessons()
    found.phrasings()
    found.adapters()


class _Found:
    """Whose what is, as far as it can be known."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self.workspaces: dict[str, set[str]] = defaultdict(set)
        """Of each platform."""
        for table in ("answers", "turns", "watermarks"):
            for (key,) in connection.execute(sa.text(f"SELECT DISTINCT place_key FROM {table}")):
                self._note(*key.split("/")[:2])
        for platform, workspace in connection.execute(sa.text("SELECT platform, workspace FROM installations")):
            self._note(platform, workspace)
        self.of_answer: dict[str, str] = {}
        self.of_lesson: dict[str, str] = {}

    def _note(self, platform: str, workspace: str = "") -> None:
        if platform in CHATS and workspace not in ("", NO_SERVER):
            self.workspaces[platform].add(workspace)

    def only(self, platform: str) -> str:
        """The platform's one workspace, or the one that there is at all where the platform tells nothing; or nobody."""
        known = {f"{each}:{name}" for each, names in self.workspaces.items() for name in names}
        theirs = {each for each in known if each.startswith(f"{platform}:")} if platform in CHATS else known
        if len(theirs) == 1:
            return theirs.pop()
        return f"{platform}:" if platform in CHATS else UNKNOWN if known else ""

    def of_person(self, key: str) -> str:
        platform = key.partition(":")[0]
        return "" if platform in ("cli", "web", "faq") else self.only(platform)

    def answers(self) -> None:
        for (key,) in self.connection.execute(sa.select(ANSWERS.c.place_key).distinct()).all():
            at_place = ANSWERS.c.place_key == key
            if tenant := _tenant_of(key):
                self.connection.execute(ANSWERS.update().where(at_place).values(tenant=tenant))
        for answer, tenant in self.connection.execute(sa.select(ANSWERS.c.id, ANSWERS.c.tenant)):
            self.of_answer[answer] = tenant

    def lessons(self) -> None:
        columns = (LESSONS.c.id, LESSONS.c.author, LESSONS.c.about, LESSONS.c.said_in)
        for lesson, author, about, said_in in self.connection.execute(sa.select(*columns)).all():
            there = self.of_answer.get(about or "") or _tenant_of(said_in or "")
            tenant = there or self.of_person(author)  # also of what an agent of a workspace taught on the page
            self.of_lesson[lesson] = tenant
            self._set(LESSONS, lesson, tenant)

    def phrasings(self) -> None:
        for phrasing, origin in self.connection.execute(sa.select(PHRASINGS.c.id, PHRASINGS.c.origin)).all():
            kind, _, rest = origin.partition(":")
            answer, _, person = rest.partition(":")
            is_heard = kind in ("rating", "choice")
            heard = self.of_answer.get(answer) or self.of_person(person)
            self._set(PHRASINGS, phrasing, heard if is_heard else self.of_lesson.get(origin, ""))

    def adapters(self) -> None:
        """A lesson that is gone may have been anybody's."""
        for known, text in self.connection.execute(sa.select(ADAPTERS.c.id, ADAPTERS.c.adapter)).all():
            adapter = json.loads(text)
            theirs = {self.of_lesson.get(lesson, self.only("")) for lesson in adapter["lessons"]} - {""}
            adapter["tenants"] = sorted(theirs)
            text = json.dumps(adapter, ensure_ascii=False)
            self.connection.execute(ADAPTERS.update().where(ADAPTERS.c.id == known).values(adapter=text))

    def _set(self, table: sa.TableClause, id: object, tenant: str) -> None:
        if tenant:
            self.connection.execute(table.update().where(table.c.id == id).values(tenant=tenant))


def _tenant_of(key: str) -> str:
    """The workspace of a place or message; nothing for the page and the terminal."""
    platform, workspace, channel = [*key.split("/"), "", ""][:3]
    direct = f"/{channel}" if workspace == NO_SERVER else ""
    return f"{platform}:{workspace}{direct}" if platform in CHATS else ""


def downgrade() -> None:
    op.drop_table("install_states")
    for table, is_indexed in (
        ("passes", False), ("documents", False), ("phrasings", False), ("lessons", True), ("answers", True),
    ):  # fmt: skip
        with op.batch_alter_table(table, schema=None) as batch_op:
            if is_indexed:
                batch_op.drop_index(batch_op.f(f"ix_{table}_tenant"))
            batch_op.drop_column("tenant")

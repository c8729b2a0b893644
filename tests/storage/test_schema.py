"""Opening and migrating databases, and what the operator is told of one that can't be used."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect

from bot.errors import DatabaseError
from bot.events import MessageDeleted, Reacted
from bot.ids import EventId, LessonId
from storage.database import SqlStore
from storage.migrate import MIGRATIONS, NEWEST
from storage.tables import metadata
from storage.writer import IN_TURN, PATIENCE_S
from tests.storage.samples import NOW, PERSON, PLACE, answer, event, lesson, ref, section

PROJECT = Path(__file__).parents[2]


def test_the_migrations_make_what_the_tables_say(store: SqlStore, url: str) -> None:
    engine = create_engine(url, module=sqlite) if url.startswith("sqlite") else create_engine(url)
    with engine.connect() as connection:
        tables = set(inspect(connection).get_table_names())
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    assert tables == {*metadata.tables, "alembic_version"}
    assert differences == []


def test_migrating_again_changes_nothing(store: SqlStore) -> None:
    store.run_sync(lambda unit: unit.inbox.add(event("e1")))
    store.migrate()
    assert store.run_sync(lambda unit: unit.inbox.pending()) == [event("e1")]


def test_what_a_database_of_the_first_version_knows_counts_as_changed(store: SqlStore, url: str) -> None:
    store.run_sync(lambda unit: unit.lessons.add(lesson("l1")))
    store.run_sync(lambda unit: unit.documents.replace("help.md", "sha1", [section("s1")]))
    everything = store.run_sync(lambda unit: unit.changes(0))
    engine = create_engine(url, module=sqlite) if url.startswith("sqlite") else create_engine(url)
    with engine.begin() as connection:
        downgrade(connection, "0001")
    engine.dispose()
    store.migrate()
    assert store.run_sync(lambda unit: unit.changes(0)) == everything
    assert everything.facts
    assert everything.sources == ["help.md"]


def test_answers_of_an_earlier_version_tell_which_lesson_they_said(store: SqlStore, url: str) -> None:
    store.run_sync(lambda unit: unit.answers.add(answer(), PLACE, PERSON))
    engine = create_engine(url, module=sqlite) if url.startswith("sqlite") else create_engine(url)
    with engine.begin() as connection:
        downgrade(connection, "0003")
    engine.dispose()
    store.migrate()
    assert store.run_sync(lambda unit: unit.teaching.served([LessonId("l1")])) == {"l1": 1}


def test_reactions_of_an_earlier_version_are_known(store: SqlStore, url: str) -> None:
    heard = Reacted(
        id=EventId("r1"), place=PLACE, person=PERSON, at=NOW, message=ref("100.2"), emoji="x", added=True
    )  # fmt: skip
    store.run_sync(lambda unit: unit.inbox.add(heard))
    store.run_sync(lambda unit: unit.inbox.add(event("e1")))
    engine = create_engine(url, module=sqlite) if url.startswith("sqlite") else create_engine(url)
    with engine.begin() as connection:
        downgrade(connection, "0006")
    engine.dispose()
    store.migrate()
    assert not store.run_sync(lambda unit: unit.inbox.add(replace(heard, id=EventId("r2"))))


def test_deletions_of_an_earlier_version_are_known(store: SqlStore, url: str) -> None:
    gone = MessageDeleted(id=EventId("d1"), place=PLACE, person=PERSON, at=NOW, message=ref("100.2"))
    store.run_sync(lambda unit: unit.inbox.add(gone))
    engine = create_engine(url, module=sqlite) if url.startswith("sqlite") else create_engine(url)
    with engine.begin() as connection:
        downgrade(connection, "0013")
    engine.dispose()
    store.migrate()
    assert store.run_sync(lambda unit: unit.inbox.changes(ref("100.2"))) == [gone]


def downgrade(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.downgrade(config, revision)


def test_a_database_of_a_newer_version_is_left_alone(store: SqlStore, url: str) -> None:
    engine = create_engine(url, module=sqlite) if url.startswith("sqlite") else create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(DatabaseError, match=r"newer version.*9999.*Update Mentee"):
        store.migrate()


def test_sqlite_is_set_up_to_survive_a_power_cut_and_to_erase(tmp_path: Path) -> None:
    store = SqlStore(f"sqlite:///{tmp_path / 'mentee.db'}")
    store.migrate()

    def pragma(name: str) -> Any:
        return store.run_sync(lambda unit: unit.session.connection().exec_driver_sql(f"PRAGMA {name}").scalar())

    names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
    assert [pragma(name) for name in names] == ["wal", 2, 1, 1, 100]
    store.close()


def test_a_file_that_is_no_database_is_named_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "mentee.db"
    file.write_text("Dear diary, " * 100)
    with pytest.raises(DatabaseError, match=r"mentee\.db.*not a database"):
        SqlStore(f"sqlite:///{file}").migrate()
    assert file.read_text() == "Dear diary, " * 100


def test_a_locked_database_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PATIENCE_S, IN_TURN, 0.05)
    url = f"sqlite:///{tmp_path / 'mentee.db'}"
    store = SqlStore(url)
    store.migrate()
    other = sqlite.connect(tmp_path / "mentee.db")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseError, match=r"mentee\.db.*locked"):
        store.migrate()
    other.close()
    store.migrate()
    store.close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseError, match=r"/file/data"):
        SqlStore(f"sqlite:///{tmp_path / 'file' / 'data' / 'mentee.db'}").migrate()


def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="unable to open"):
        SqlStore(f"sqlite:///{tmp_path}").migrate()


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    store = SqlStore(f"sqlite:///{tmp_path / 'new' / 'data' / 'mentee.db'}")
    store.migrate()
    store.close()
    assert (tmp_path / "new" / "data" / "mentee.db").is_file()


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    store = SqlStore("postgresql+psycopg://mentee:hunter2@127.0.0.1:1/mentee")
    with pytest.raises(DatabaseError, match=r"127\.0\.0\.1") as raised:
        store.migrate()
    assert "hunter2" not in str(raised.value)
    store.close()


@pytest.mark.parametrize("url", ["", "mentee.db", "oracular://x/y", "mysql+nothing://x/y"])
def test_a_url_that_means_nothing_is_refused(url: str) -> None:
    with pytest.raises(DatabaseError, match="MENTEE_DATABASE_URL"):
        SqlStore(url)


def test_a_sqlite_library_that_corrupts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.database.SAFE_SQLITE", (99, 0, 0))
    with pytest.raises(DatabaseError, match=r"SQLite 3\..*pip install"):
        SqlStore(f"sqlite:///{tmp_path / 'mentee.db'}")
    assert not (tmp_path / "mentee.db").exists()


def test_the_database_is_opened_without_loading_models_or_platforms() -> None:
    look = "import sys, storage.database; print(*{'torch', 'transformers', 'slack_sdk', 'discord'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", look], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_newest_migration_is_the_one_that_the_code_names() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == NEWEST

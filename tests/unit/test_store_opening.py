"""Opening a database: made when there is none, durable, and refused in plain words when it cannot be used."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from newsletter.errors import BadInput, NotPossible, StoreUnusable
from newsletter.store.engine import open_engine, reading, writing
from newsletter.store.migrate import VERSION, _config, migrate
from newsletter.store.owners import FileOwners
from newsletter.store.store import Store
from newsletter.store.tables import metadata

URL = "sqlite:///data/newsletter.db"


def test_the_version_is_that_of_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(_config()).get_current_head() == VERSION


def test_the_migrations_make_exactly_the_tables_of_the_code(tmp_path: Path) -> None:
    engine = open_engine(URL, folder=tmp_path)
    migrate(engine)

    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    engine = open_engine(URL, folder=tmp_path)

    assert [migrate(engine), migrate(engine)] == [True, False]


def test_every_connection_is_durable(tmp_path: Path) -> None:
    store = Store(URL, folder=tmp_path)

    with reading(store.engine) as one, reading(store.engine) as other:
        for connection in (one, other):
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_a_writer_that_reads_first_waits_instead_of_failing(tmp_path: Path) -> None:
    Store(URL, folder=tmp_path).close()
    script = (
        "import sys; from pathlib import Path; from sqlalchemy import text;"
        "from newsletter.store.engine import open_engine, writing;"
        "engine = open_engine('sqlite:///data/newsletter.db', folder=Path(sys.argv[1]));\n"
        "for _ in range(50):\n"
        "    with writing(engine) as c:\n"
        "        n = int(c.execute(text(\"select coalesce(max(value), '0') from meta where key = 'n'\")).scalar())\n"
        "        c.execute(text(\"insert into meta values ('n', :n) on conflict (key) do update set value = :n\"),"
        " {'n': f'{n + 1:05d}'})\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path)]) for _ in range(3)]

    codes = [writer.wait(60) for writer in writers]

    store = Store(URL, folder=tmp_path)
    with reading(store.engine) as connection:
        count = connection.execute(text("select value from meta where key = 'n'")).scalar()
    assert codes == [0, 0, 0]
    assert count == "00150"


def test_a_newer_database_is_refused_untouched(tmp_path: Path) -> None:
    engine = open_engine(URL, folder=tmp_path)
    migrate(engine)
    with writing(engine) as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))

    with pytest.raises(StoreUnusable, match="newer version"):
        Store(URL, folder=tmp_path)


def test_another_programs_database_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with sqlite3.connect(tmp_path / "data" / "newsletter.db") as other:
        other.execute("create table users (id integer)")

    with pytest.raises(StoreUnusable, match="another program"):
        Store(URL, folder=tmp_path)

    with sqlite3.connect(tmp_path / "data" / "newsletter.db") as other:
        assert [row[0] for row in other.execute("select name from sqlite_master")] == ["users"]


def test_a_file_that_is_no_database_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "newsletter.db").write_bytes(b"This is a letter, not a database. " * 50)

    with pytest.raises(StoreUnusable) as caught:
        Store(URL, folder=tmp_path)

    assert "restore a backup" in str(caught.value.fix)


@pytest.mark.parametrize("url", ["mysql://host/name", "nonsense", "sqlite"])
def test_an_address_of_no_known_database_is_bad_input(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadInput):
        open_engine(url, folder=tmp_path)


def test_a_database_keeps_its_instance_id_and_another_has_another(tmp_path: Path) -> None:
    first = Store(URL, folder=tmp_path / "a").instance
    again = Store(URL, folder=tmp_path / "a").instance
    other = Store(URL, folder=tmp_path / "b").instance

    assert first == again
    assert first != other


def test_an_owner_is_alive_until_its_process_ends_however_it_ends(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from newsletter.store.owners import FileOwners;"
        "owners = FileOwners(Path(sys.argv[1])); print(owners.appear(), flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    owner = process.stdout.readline().strip()
    owners = FileOwners(tmp_path)

    alive = owners.is_alive(owner)
    process.kill()
    process.wait()

    assert alive
    assert not owners.is_alive(owner)


def test_only_one_process_at_a_time_is_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FileOwners, "WAIT_S", 0)
    one, other = FileOwners(tmp_path), FileOwners(tmp_path)

    with one.one_at_a_time("weekly-2023-11-16"):
        with pytest.raises(NotPossible, match="another process"), other.one_at_a_time("weekly-2023-11-16"):
            pass
        with other.one_at_a_time("monthly-2023-11-01"):
            pass
    with other.one_at_a_time("weekly-2023-11-16"):
        pass


def test_a_database_of_the_first_version_is_brought_to_this_one(tmp_path: Path) -> None:
    engine = open_engine(URL, folder=tmp_path)
    with writing(engine) as connection:
        command.upgrade(_config(connection), "0001")
    with pytest.raises(StoreUnusable, match="older version"):
        Store(URL, folder=tmp_path)

    migrate(engine)

    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []

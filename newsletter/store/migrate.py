"""Brings a database to this version's tables, or says why it cannot be used.

All of a migration and its version number are one transaction: a kill leaves the old version or the new one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from newsletter.errors import StoreUnusable
from newsletter.store.engine import reading, writing

if TYPE_CHECKING:
    from alembic.config import Config

VERSION = "0003"
"""The newest file in migrations/versions (a test compares them): Alembic itself takes 0.3 s to import and is only
wanted where something has to be migrated."""


def _config(connection: Connection | None = None) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def version_of(engine: Engine) -> str | None:
    """The version of this database; None for an empty one."""
    with reading(engine) as connection:
        return _version_on(connection)


def _version_on(connection: Connection) -> str | None:
    names = inspect(connection).get_table_names()
    if "alembic_version" in names:
        return connection.execute(text("select version_num from alembic_version")).scalar()
    if names:
        raise StoreUnusable(
            "the database holds tables of another program", fix="name another one as database.url in newsletter.toml"
        )
    return None


def migrate(engine: Engine) -> bool:
    """Bring the database to this version; False when it was there already."""
    before = version_of(engine)
    if before == VERSION:
        return False
    from alembic import command

    _refuse_newer(before)
    with writing(engine) as connection:
        # Asked again under the write lock: two processes may start on one empty database.
        if _version_on(connection) == VERSION:
            return False
        command.upgrade(_config(connection), "head")
    return True


def ensure_current(engine: Engine) -> None:
    """A new database is made; an older one is refused until `newsletter migrate` ran (make a backup first)."""
    version = version_of(engine)
    if version is None:
        migrate(engine)
    elif version != VERSION:
        _refuse_newer(version)
        raise StoreUnusable(
            f"the database is of an older version ({version})",
            fix="make a backup of the data folder, then run `newsletter migrate`",
        )


def _refuse_newer(version: str | None) -> None:
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if version is not None and version not in known:
        raise StoreUnusable(
            f"the database was written by a newer version ({version}) of this program",
            fix="install that version, or restore a backup from before",
        )

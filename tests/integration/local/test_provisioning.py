"""Dropping and making anew, with some tables' rows kept; nobody's access but the owner's."""

from pathlib import Path

import asyncpg
import pytest
from too_common.local.layout import Layout, Ports
from too_common.local.provisioning import (
    ProvisioningError,
    drop_all,
    ensure_gattini,
    restore_kept,
)
from too_common.local.secrets import load_or_create

_MAKE = """
CREATE SCHEMA notify;
CREATE TYPE notify.colour AS ENUM ('red', 'green');
CREATE TABLE notify.people (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, shade notify.colour,
    photo bytea, since timestamptz, tags text[], extra jsonb
);
CREATE TABLE notify.calls (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person bigint NOT NULL REFERENCES notify.people
);
CREATE TABLE notify.inbox (message_id uuid PRIMARY KEY);
"""
_FILL = """
INSERT INTO notify.people (name, shade, photo, since, tags, extra) VALUES
    ('one', 'green', '\\x00ff10', '2026-11-22T12:00:00.123456Z', '{a,"b c"}', '{"k": [1, null]}'),
    ('two', NULL, NULL, NULL, NULL, NULL);
INSERT INTO notify.calls (person) VALUES (2), (1);
"""


async def _rows(connection: asyncpg.Connection, table: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await connection.fetch(f"TABLE {table} ORDER BY 1")]


@pytest.fixture
async def connection(database_url: str):
    connection = await asyncpg.connect(database_url)
    await connection.execute(_MAKE)
    await connection.execute(_FILL)
    yield connection
    await connection.close()


async def test_kept_rows_come_back_as_they_were(
    database_url: str, connection: asyncpg.Connection
) -> None:
    before = await _rows(connection, "notify.people"), await _rows(connection, "notify.calls")
    kept = await drop_all(database_url, ["notify"])
    assert kept == ["notify.calls (2 rows)", "notify.people (2 rows)"]
    assert not await connection.fetchval("SELECT to_regnamespace('notify')")
    await connection.execute(_MAKE)
    await connection.execute("ALTER TABLE notify.people ADD COLUMN rank int NOT NULL DEFAULT 7")
    await connection.execute("ALTER TABLE notify.people ADD COLUMN gone text")
    lines = await restore_kept(database_url)
    assert sorted(lines) == ["notify.calls: 2 rows put back", "notify.people: 2 rows put back"]
    after = await _rows(connection, "notify.people"), await _rows(connection, "notify.calls")
    assert [row[:7] for row in after[0]] == [row[:7] for row in before[0]]
    assert [row[7] for row in after[0]] == [7, 7], "a new column has its default"
    assert after[1] == before[1]
    # the counter goes on where it was
    new = await connection.fetchval("INSERT INTO notify.people (name) VALUES ('x') RETURNING id")
    assert new == 3
    assert await restore_kept(database_url) == []


async def test_one_table_alone_can_be_kept(
    database_url: str, connection: asyncpg.Connection
) -> None:
    assert await drop_all(database_url, ["notify.people"]) == ["notify.people (2 rows)"]
    await connection.execute(_MAKE)
    await restore_kept(database_url)
    assert len(await _rows(connection, "notify.people")) == 2
    assert await _rows(connection, "notify.calls") == []


async def test_rows_that_refer_to_what_was_not_kept_are_named_and_stay_kept(
    database_url: str, connection: asyncpg.Connection
) -> None:
    await drop_all(database_url, ["notify.calls"])
    await connection.execute(_MAKE)
    with pytest.raises(ProvisioningError, match=r"notify\.calls do not fit.*people"):
        await restore_kept(database_url)
    assert await connection.fetchval('SELECT count(*) FROM too_kept."notify.calls"') == 2


@pytest.mark.parametrize("name", ["notify.nobody", "coffee", "public.x", 'notify.people"; DROP'])
async def test_a_table_that_is_not_there_drops_nothing(
    database_url: str, connection: asyncpg.Connection, name: str
) -> None:
    with pytest.raises(ProvisioningError):
        await drop_all(database_url, ["notify.people", name])
    assert len(await _rows(connection, "notify.people")) == 2


async def test_gattinis_database_is_its_own(postgres_server, tmp_path: Path) -> None:
    secrets = load_or_create(Layout(tmp_path, Ports()).secrets_dir)
    admin = postgres_server.admin_url
    try:
        await ensure_gattini(admin, secrets)
        await ensure_gattini(admin, secrets)
        own = admin.split("@", 1)[1].rsplit("/", 1)[0]
        url = f"postgresql://gattini:{secrets['database_gattini']}@{own}/gattini"
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE ROLE gattini_reader_of_test LOGIN")
        await connection.execute("DROP ROLE gattini_reader_of_test")
        assert not await connection.fetchval(
            "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        )
        await connection.close()
    finally:
        postgres_server.execute("DROP DATABASE IF EXISTS gattini WITH (FORCE)")
        postgres_server.execute("DROP ROLE IF EXISTS gattini")

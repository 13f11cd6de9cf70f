"""What the local stack's database needs beside the services' own migrations.

Roles, schemas and migrations are `too_common.db.operations`; here are the passwords, the database
of the simulated Gattini, and the rows that `too db drop --preserve` keeps.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg

from too_common.db import operations
from too_common.db.engine import asyncpg_url
from too_common.db.metadata import schema_of
from too_common.local.layout import Layout
from too_common.local.secrets import StackSecrets, load_or_create
from too_common.service import load_service
from too_common.settings import SERVICES

KEPT_SCHEMA = "too_kept"
_GATTINI = "gattini"
Report = Callable[[str], None]


class ProvisioningError(Exception):
    """The database cannot be brought into the wanted state; the message is for a person."""


def own_urls(environment: Mapping[str, str]) -> dict[str, str]:
    """Addresses of the services' own roles, as far as the environment names them."""
    found = {}
    for service in SERVICES:
        url = environment.get(f"TOO_{service.replace('-', '_').upper()}_DATABASE_URL")
        if url:
            found[service] = url
    return found


async def migrate_all(
    admin_url: str, layout: Layout, services: Iterable[str] = SERVICES, *, local: bool = True
) -> list[str]:
    """Make roles and schemas, bring every schema up to date, restore kept rows.

    Parameters
    ----------
    admin_url
        The administrator's address.
    layout
        Its secrets hold the roles' passwords; those named in the environment
        (``TOO_<SERVICE>_DATABASE_URL``) are used instead.
    services
        Which services.
    local
        Make the simulated Gattini's database too.

    Returns
    -------
    list of str
        What was done, a line each.
    """
    secrets = load_or_create(layout.secrets_dir)
    passwords = {service: secrets.database_password(service) for service in SERVICES}
    for service, url in own_urls(os.environ).items():
        passwords[service] = unquote(urlsplit(url).password or passwords[service])
    lines: list[str] = []
    await operations.migrate_all(admin_url, passwords, services=services, report=lines.append)
    if local:
        await ensure_gattini(admin_url, secrets)
    lines += await restore_kept(admin_url)
    return lines


async def migrate_own(urls: Mapping[str, str]) -> list[str]:
    """Bring schemas up to date as their own roles, which exist already (migration jobs)."""
    lines = []
    for service, url in urls.items():
        await operations.upgrade_one(url, load_service(service))
        lines.append(f"{service}: schema is current")
    return lines


async def ensure_gattini(admin_url: str, secrets: StackSecrets) -> None:
    """The database of the simulated Gattini, owned by a role that may make its reader."""
    connection = await asyncpg.connect(asyncpg_url(admin_url))
    try:
        exists = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", _GATTINI)
        password = await connection.fetchval(
            "SELECT quote_literal($1::text)", secrets["database_gattini"]
        )
        verb = "ALTER" if exists else "CREATE"
        await connection.execute(f'{verb} ROLE "{_GATTINI}" LOGIN CREATEROLE PASSWORD {password}')
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", _GATTINI):
            await connection.execute(f'GRANT "{_GATTINI}" TO CURRENT_USER')
            await connection.execute(f'CREATE DATABASE "{_GATTINI}" OWNER "{_GATTINI}"')
    finally:
        await connection.close()


async def new_revision(admin_url: str, layout: Layout, service: str, message: str) -> str:
    """Write a migration for a service; returns where."""
    secrets = load_or_create(layout.secrets_dir)
    urls = await operations.migrate_all(
        admin_url, {service: secrets.database_password(service)}, services=[service]
    )
    definition = load_service(service)
    await operations.revise(urls[service], definition, message)
    return f"a new file is in {definition.migrations / 'versions'}"


# -- keeping rows through a drop ---------------------------------------------------------------


async def drop_all(admin_url: str, preserve: Iterable[str]) -> list[str]:
    """Drop the services' schemas, keeping the rows of some tables for the next migration.

    Parameters
    ----------
    preserve
        ``schema.table``, or ``schema`` for all its tables but those of the bus.

    Returns
    -------
    list of str
        The tables that were kept, with their number of rows.

    Raises
    ------
    ProvisioningError
        If a named table is not there. Nothing is dropped then.
    """
    kept = []
    connection = await asyncpg.connect(asyncpg_url(admin_url))
    try:
        async with connection.transaction():
            tables = [table for name in preserve for table in await _tables(connection, name)]
            await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{KEPT_SCHEMA}"')
            for schema, table in tables:
                # as JSON: independent of types that go with the schema, and of columns that change
                target = f'"{KEPT_SCHEMA}"."{schema}.{table}"'
                await connection.execute(f"DROP TABLE IF EXISTS {target}")
                source = f'"{schema}"."{table}"'
                await connection.execute(
                    f"CREATE TABLE {target} AS SELECT to_jsonb(t) AS row FROM {source} t"  # noqa: S608 - names come from the catalogue
                )
                count = await connection.fetchval(f"SELECT count(*) FROM {target}")  # noqa: S608 - the same
                kept.append(f"{schema}.{table} ({count} rows)")
    finally:
        await connection.close()
    await operations.drop_all(admin_url)
    return kept


async def _tables(connection: Any, name: str) -> list[tuple[str, str]]:
    schema, _, table = name.partition(".")
    if schema not in {schema_of(service) for service in SERVICES}:
        raise ProvisioningError(f"{name}: no service has the schema {schema!r}")
    rows = await connection.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1", schema
    )
    found = [row["tablename"] for row in rows]
    if table:
        if table not in found:
            raise ProvisioningError(f"there is no table {name}; nothing was dropped")
        return [(schema, table)]
    bus = {"outbox", "inbox", "parked", "relay_state", "alarms", "alembic_version"}
    return [(schema, item) for item in found if item not in bus and not item.startswith("pgqueuer")]


async def restore_kept(admin_url: str) -> list[str]:
    """Put kept rows back into the tables that migrations made anew.

    Raises
    ------
    ProvisioningError
        If rows do not fit: for example, they refer to rows that were not kept.
    """
    connection = await asyncpg.connect(asyncpg_url(admin_url))
    try:
        waiting = [
            row["tablename"]
            for row in await connection.fetch(
                "SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1", KEPT_SCHEMA
            )
        ]
        lines = []
        async with connection.transaction():
            # several passes, for tables that refer to each other
            while waiting:
                left: list[tuple[str, str]] = []
                for name in waiting:
                    try:
                        async with connection.transaction():
                            lines.append(await _restore(connection, name))
                    except asyncpg.ForeignKeyViolationError as error:
                        left.append((name, error.detail or str(error)))
                if len(left) == len(waiting):
                    name, reason = left[0]
                    raise ProvisioningError(
                        f"the kept rows of {name} do not fit: {reason}. "
                        f'Keep that table too, or give them up: DROP SCHEMA "{KEPT_SCHEMA}" CASCADE'
                    )
                waiting = [name for name, _reason in left]
            await connection.execute(f'DROP SCHEMA IF EXISTS "{KEPT_SCHEMA}" CASCADE')
    finally:
        await connection.close()
    return lines


async def _restore(connection: Any, name: str) -> str:
    schema, table = name.split(".", 1)
    source, target = f'"{KEPT_SCHEMA}"."{name}"', f'"{schema}"."{table}"'
    keys = await connection.fetch(f"SELECT DISTINCT jsonb_object_keys(row) AS key FROM {source}")  # noqa: S608 - names come from the catalogue
    columns = await connection.fetch(
        "SELECT column_name, is_identity FROM information_schema.columns "
        "WHERE table_schema = $1 AND table_name = $2 AND is_generated = 'NEVER'",
        schema,
        table,
    )
    if not columns:
        raise ProvisioningError(f"the kept table {name} is not there any more")
    known = {row["key"] for row in keys}
    common = [row["column_name"] for row in columns if row["column_name"] in known]
    if not common:
        return f"{name}: 0 rows put back"
    listed = ", ".join(f'"{column}"' for column in common)
    picked = ", ".join(f'(r)."{column}"' for column in common)
    done = await connection.execute(
        f"INSERT INTO {target} ({listed}) OVERRIDING SYSTEM VALUE SELECT {picked} FROM "  # noqa: S608 - names come from the catalogue
        f"(SELECT jsonb_populate_record(NULL::{target}, row) AS r FROM {source}) AS rows"
    )
    for row in columns:
        if row["is_identity"] == "YES" and row["column_name"] in common:
            column = row["column_name"]
            await connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{target}', '{column}'), "  # noqa: S608 - names come from the catalogue
                f'coalesce((SELECT max("{column}") FROM {target}), 0) + 1, false)'
            )
    return f"{name}: {done.rsplit(' ', 1)[-1]} rows put back"

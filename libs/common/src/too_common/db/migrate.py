"""Roles, schemas and alembic migrations, one set per service.

`provision` runs with the administrator's address: it makes a login role and a schema that this
role alone may use. Migrations then run as that role, so they cannot touch another's tables.
"""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import asyncpg
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, make_url
from sqlalchemy.ext.asyncio import AsyncConnection

from too_common.db.engine import asyncpg_url, make_engine
from too_common.db.metadata import UtcDateTime, schema_of
from too_common.errors import PermanentError

VERSION_TABLE = "alembic_version"
PROVISION_ATTEMPTS = 20
NO_SCHEMA = "pg_catalog"
"""Alembic takes the first schema of the search path for 'no schema', so ours must not be it."""


class OutdatedSchemaError(PermanentError):
    """The database's schema is not the one that this program needs."""


def service_url(admin_url: str, service: str, password: str) -> str:
    """Address for a service's role on the administrator's server and database."""
    url = make_url(admin_url).set(
        drivername="postgresql", username=schema_of(service), password=password
    )
    return url.render_as_string(hide_password=False)


async def provision(admin_url: str, passwords: dict[str, str]) -> None:
    """Make role and schema of each service, idempotently.

    Parameters
    ----------
    admin_url
        Address of a role that may create roles and schemas.
    passwords
        Password of each service's role, by service name.

    Raises
    ------
    asyncpg.PostgresError
        If the administrator's role may not do this.
    """
    connection = await asyncpg.connect(asyncpg_url(admin_url))
    try:
        for attempt in range(PROVISION_ATTEMPTS):
            try:
                async with connection.transaction():
                    await connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
                    for service, password in passwords.items():
                        await _provision_one(connection, schema_of(service), password)
            except (
                asyncpg.DuplicateObjectError,
                asyncpg.UniqueViolationError,
                asyncpg.InternalServerError,
            ):
                # roles belong to the whole cluster: another database is being provisioned
                if attempt == PROVISION_ATTEMPTS - 1:
                    raise
                await asyncio.sleep(0.05 * (attempt + 1))
            else:
                return
    finally:
        await connection.close()


async def _provision_one(connection: Any, name: str, password: str) -> None:
    exists = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name)
    verb = "ALTER" if exists else "CREATE"
    literal = await connection.fetchval("SELECT quote_literal($1::text)", password)
    # role and schema names come from our own list of services, never from a person
    await connection.execute(f'{verb} ROLE "{name}" LOGIN PASSWORD {literal}')
    await connection.execute(f'GRANT "{name}" TO CURRENT_USER')
    await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{name}" AUTHORIZATION "{name}"')
    await connection.execute(f'REVOKE ALL ON SCHEMA "{name}" FROM PUBLIC')


def _config(service: str, migrations: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.set_main_option("version_locations", str(migrations / "versions"))
    config.set_main_option("path_separator", "os")
    config.attributes["service"] = service
    return config


def _configure(context: Any, connection: Connection, service: str, metadata: MetaData) -> None:
    schema = schema_of(service)

    def include_name(name: str | None, kind: str, _parents: Any) -> bool:
        if kind == "schema":
            return name == schema
        # the job queue's tables are its package's; see db.foundation
        return not (kind == "table" and (name or "").startswith("pgqueuer"))

    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=VERSION_TABLE,
        version_table_schema=schema,
        include_schemas=True,
        include_name=include_name,
        compare_type=True,
        render_item=_render_item,
        compare_server_default=False,
        transaction_per_migration=False,
    )


def _render_item(kind: str, item: Any, context: Any) -> str | bool:
    if kind == "type" and isinstance(item, UtcDateTime):
        context.imports.add("from too_common.db.metadata import UtcDateTime")
        return "UtcDateTime()"
    return False


def run_env() -> None:
    """Body of every service's ``migrations/env.py``."""
    from alembic import context

    attributes = context.config.attributes
    _configure(context, attributes["connection"], attributes["service"], attributes["metadata"])
    with context.begin_transaction():
        context.run_migrations()


async def upgrade(url: str, *, service: str, migrations: Path, metadata: MetaData) -> None:
    """Bring a service's schema to the newest revision (as its own role)."""
    engine = make_engine(url, service=service, pool_size=2, search_path=NO_SCHEMA)

    def run(connection: Connection) -> None:
        config = _config(service, migrations)
        config.attributes.update(connection=connection, metadata=metadata)
        command.upgrade(config, "head")

    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


async def make_revision(
    url: str, *, service: str, migrations: Path, metadata: MetaData, message: str
) -> None:
    """Write a new revision file from the difference between tables and database."""
    engine = make_engine(url, service=service, pool_size=2, search_path=NO_SCHEMA)

    def run(connection: Connection) -> None:
        config = _config(service, migrations)
        config.attributes.update(connection=connection, metadata=metadata)
        number = len(list((migrations / "versions").glob("*.py"))) + 1
        command.revision(config, message=message, autogenerate=True, rev_id=f"{number:04d}")

    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


def head_revision(service: str, migrations: Path) -> str | None:
    """Newest revision in the code."""
    return ScriptDirectory.from_config(_config(service, migrations)).get_current_head()


async def check_current(connection: AsyncConnection, *, service: str, migrations: Path) -> None:
    """Refuse an outdated (or newer) schema.

    Raises
    ------
    OutdatedSchemaError
        With what was found and what to do.
    """
    schema = schema_of(service)

    def read(sync: Connection) -> str | None:
        options = {"version_table": VERSION_TABLE, "version_table_schema": schema}
        return MigrationContext.configure(sync, opts=options).get_current_revision()

    found = await connection.run_sync(read)
    wanted = head_revision(service, migrations)
    if found != wanted:
        raise OutdatedSchemaError(
            f"schema {schema} is at revision {found or 'none'}, this program needs {wanted}: "
            "run `too db migrate`"
        )


async def differences(url: str, *, service: str, metadata: MetaData) -> list[Any]:
    """What alembic would change to make the database match the tables; empty if nothing."""
    engine = make_engine(url, service=service, pool_size=2, search_path=NO_SCHEMA)
    found: list[Any] = []

    def run(connection: Connection) -> None:
        captured: dict[str, Any] = {}

        class _Capture:
            def configure(self, **options: Any) -> None:
                captured.update(options)

        _configure(_Capture(), connection, service, metadata)
        captured.pop("connection")
        captured.pop("transaction_per_migration")
        context = MigrationContext.configure(connection, opts=captured)
        found.extend(compare_metadata(context, metadata))

    try:
        async with engine.connect() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()
    return found


async def drop(admin_url: str, services: Iterable[str]) -> None:
    """Drop the schemas of services with everything in them (the roles stay)."""
    connection = await asyncpg.connect(asyncpg_url(admin_url))
    try:
        for service in services:
            await connection.execute(f'DROP SCHEMA IF EXISTS "{schema_of(service)}" CASCADE')
    finally:
        await connection.close()

"""One schema and one role per service: another's tables are refused, outdated schemas too."""

import asyncpg
import pytest
from too_common.db.engine import asyncpg_url
from too_common.db.migrate import OutdatedSchemaError
from too_common.db.operations import drift, migrate_all
from too_common.runtime import Runtime
from too_common.service import load_service
from too_common.settings import SERVICES

PASSWORD = "role-of-a-test-database"


@pytest.fixture
async def urls(database_url):
    return await migrate_all(database_url, dict.fromkeys(SERVICES, PASSWORD))


async def test_no_service_may_touch_anothers_tables(urls):
    for name, url in urls.items():
        connection = await asyncpg.connect(asyncpg_url(url))
        try:
            own = name.replace("-", "_")
            assert await connection.fetchval(f"SELECT count(*) FROM {own}.outbox") == 0
            for other in SERVICES:
                schema = other.replace("-", "_")
                if schema == own:
                    continue
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.fetchval(f"SELECT count(*) FROM {schema}.outbox")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("CREATE TABLE public.mine (id int)")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("CREATE SCHEMA mine")
        finally:
            await connection.close()


async def test_migrations_and_tables_agree(urls):
    assert await drift(urls) == {}


async def test_migrating_again_changes_nothing(database_url, urls):
    again = await migrate_all(database_url, dict.fromkeys(SERVICES, PASSWORD))
    assert again == urls


async def test_a_service_refuses_an_outdated_schema(house):
    definition = load_service("circulars")
    url = await house.migrate(definition)
    connection = await asyncpg.connect(asyncpg_url(url))
    await connection.execute("UPDATE circulars.alembic_version SET version_num = '0000'")
    await connection.close()
    runtime: Runtime = await house.runtime(definition)
    with pytest.raises(OutdatedSchemaError, match=r"at revision 0000.*too db migrate"):
        await runtime.start()

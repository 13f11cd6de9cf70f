"""What `too db`, `too up` and the checks do with all services' schemas."""

from collections.abc import Callable, Iterable
from typing import Any

from too_common.db.migrate import differences, drop, make_revision, provision, service_url, upgrade
from too_common.service import ServiceDefinition, load_service
from too_common.settings import SERVICES

Report = Callable[[str], None]


def _silent(_line: str) -> None:
    return


async def migrate_all(
    admin_url: str,
    passwords: dict[str, str],
    *,
    services: Iterable[str] = SERVICES,
    report: Report = _silent,
) -> dict[str, str]:
    """Make roles and schemas, and bring every schema to its newest revision.

    Parameters
    ----------
    admin_url
        The administrator's address.
    passwords
        Password of each service's role, by service name.

    Returns
    -------
    dict
        Address of each service's database.
    """
    names = list(services)
    await provision(admin_url, {name: passwords[name] for name in names})
    urls: dict[str, str] = {}
    for name in names:
        definition = load_service(name)
        urls[name] = service_url(admin_url, name, passwords[name])
        await upgrade_one(urls[name], definition)
        report(f"{name}: schema is current")
    return urls


async def upgrade_one(url: str, definition: ServiceDefinition) -> None:
    """Bring one service's schema to its newest revision, as its own role."""
    await upgrade(
        url,
        service=definition.name,
        migrations=definition.migrations,
        metadata=definition.metadata,
    )


async def revise(url: str, definition: ServiceDefinition, message: str) -> None:
    """Write a revision file for a service from its tables."""
    await make_revision(
        url,
        service=definition.name,
        migrations=definition.migrations,
        metadata=definition.metadata,
        message=message,
    )


async def drift(urls: dict[str, str]) -> dict[str, list[Any]]:
    """What the tables in the code say that the migrations do not, by service."""
    found: dict[str, list[Any]] = {}
    for name, url in urls.items():
        items = await differences(url, service=name, metadata=load_service(name).metadata)
        if items:
            found[name] = items
    return found


async def drop_all(admin_url: str, services: Iterable[str] = SERVICES) -> None:
    """Drop the schemas of services with everything in them."""
    await drop(admin_url, services)

"""What lives as long as the process: the facilities file, and clients made for one use each."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
from too_common.context import Context
from too_common.contracts.queue_submit import ExecutedExposure, FacilityMode
from too_common.errors import PermanentError

from too_queue_submit import sky, store
from too_queue_submit.clients import files
from too_queue_submit.clients.base import QueueClient
from too_queue_submit.clients.depot import DepotClient
from too_queue_submit.clients.gattini import GattiniClient
from too_queue_submit.clients.irsa import IrsaClient
from too_queue_submit.clients.sftp import SftpClient
from too_queue_submit.clients.ztf_http import ZtfHttpClient
from too_queue_submit.facilities import (
    Endpoint,
    Facilities,
    FacilitiesFileError,
    FacilityConfig,
    Files,
    GattiniDatabase,
    IrsaTap,
    ProgressSource,
    Sftp,
    SftpFiles,
    ZtfDepot,
    load_facilities,
    read_secret,
)
from too_queue_submit.settings import QueueSubmitSettings
from too_queue_submit.telescopes import ADAPTERS, PayloadRow, TelescopeAdapter
from too_queue_submit.telescopes.records import gattini_exposures, report_state
from too_queue_submit.telescopes.ztf_progress import (
    JD_MINUS_MJD,
    centres_of,
    group_quadrants,
    merge,
)
from too_queue_submit.windows import Window

PROGRESS_MARGIN = timedelta(minutes=5)


@dataclass
class Resources:
    """The facilities, and who we are."""

    facilities: Facilities
    holder: UUID
    """Name of this process on leases."""
    http: httpx.AsyncClient
    ctx: Context

    @property
    def settings(self) -> QueueSubmitSettings:
        """Our settings, typed."""
        settings: QueueSubmitSettings = self.ctx.settings
        return settings

    def config(self, facility: str) -> FacilityConfig:
        """Configuration of a facility.

        Raises
        ------
        PermanentError
            If it is not in the file any more.
        """
        if facility not in self.facilities:
            raise PermanentError(f"facility {facility} is not in the facilities file")
        return self.facilities[facility]

    def adapter(self, facility: str) -> TelescopeAdapter:
        """Adapter of a facility."""
        return ADAPTERS[self.config(facility).adapter]

    def endpoint(self, facility: str, mode: FacilityMode) -> Endpoint:
        """Endpoint of a facility in one world.

        Raises
        ------
        PermanentError
            If it has none: the switch was set to a world that the file does not know.
        """
        endpoint = self.config(facility).endpoint(mode)
        if endpoint is None:
            raise PermanentError(f"facility {facility} has no endpoint for mode {mode}")
        return endpoint

    @asynccontextmanager
    async def queue_client(self, facility: str, mode: FacilityMode) -> AsyncIterator[QueueClient]:
        """Client of a facility in one world; nothing else may open a connection to it."""
        transport = self.endpoint(facility, mode).transport
        client: QueueClient
        if isinstance(transport, Sftp):
            client = SftpClient(transport, suffix=self.adapter(facility).suffix)
        else:
            client = ZtfHttpClient(
                transport.base_url,
                self.http,
                timeout_s=transport.timeout_s,
                now=self.ctx.clock.now,
            )
        try:
            yield client
        finally:
            await client.close()

    async def executed(
        self,
        facility: str,
        mode: FacilityMode,
        *,
        rows: tuple[PayloadRow, ...],
        window: Window,
        external_name: str,
    ) -> tuple[tuple[ExecutedExposure, ...], tuple[str, ...]]:
        """Executed exposures that the sources of a facility tell, and what went wrong.

        One source that fails does not hide what another tells.
        """
        endpoint = self.endpoint(facility, mode)
        found: list[tuple[ExecutedExposure, ...]] = []
        problems: list[str] = []
        begin, end = window.begin - PROGRESS_MARGIN, window.end + PROGRESS_MARGIN
        wide = Window(begin, min(end, self.ctx.clock.now() + PROGRESS_MARGIN))
        for source in endpoint.progress:
            try:
                found.append(
                    await self._read_source(
                        source, endpoint, rows=rows, window=wide, name=external_name
                    )
                )
            except Exception as error:  # noqa: BLE001 - told to a person by whoever called
                problems.append(f"{source.kind}: {error}"[:300])
        return merge(*found), tuple(problems)

    async def report_state(
        self, facility: str, mode: FacilityMode, external_name: str
    ) -> str | None:
        """What a telescope's own report says of a file of ours: ``loaded``, ``cancelled``, ...

        None if there is no such report: then it is not known whether the file was taken.
        """
        endpoint = self.endpoint(facility, mode)
        for source in endpoint.progress:
            if isinstance(source, Files):
                found = await files.read_folder(source.path)
            elif isinstance(source, SftpFiles):
                found = await _sftp_folder(source, endpoint, external_name)
            else:
                continue
            state = report_state(found, external_name)
            if state is not None:
                return state
        return None

    async def _read_source(
        self,
        source: ProgressSource,
        endpoint: Endpoint,
        *,
        rows: tuple[PayloadRow, ...],
        window: Window,
        name: str,
    ) -> tuple[ExecutedExposure, ...]:
        if isinstance(source, IrsaTap):
            return await self._irsa(source, rows, window)
        if isinstance(source, ZtfDepot):
            return await self._depot(source, rows, window)
        if isinstance(source, GattiniDatabase):
            return await self._gattini(source, rows, window)
        if isinstance(source, Files):
            read = await files.read_folder(source.path)
        else:
            read = await _sftp_folder(source, endpoint, name)
        return files.parse_files(read, external_name=name)

    async def _irsa(
        self, source: IrsaTap, rows: tuple[PayloadRow, ...], window: Window
    ) -> tuple[ExecutedExposure, ...]:
        client = IrsaClient(
            source.url,
            table=source.table,
            max_rows=source.max_rows,
            timeout_s=source.timeout_s,
            login=_login(source.username, source),
        )
        centres = centres_of(rows)
        quadrants = await client.quadrants(
            [int(field) for field in centres if field.isdigit()],
            sky.mjd(window.begin) + JD_MINUS_MJD,
            sky.mjd(window.end) + JD_MINUS_MJD,
        )
        return group_quadrants(quadrants, centres)

    async def _depot(
        self, source: ZtfDepot, rows: tuple[PayloadRow, ...], window: Window
    ) -> tuple[ExecutedExposure, ...]:
        client = DepotClient(
            source.url,
            self.http,
            timeout_s=source.timeout_s,
            login=_login(source.username, source),
        )
        centres = centres_of(rows)
        night, last = window.begin.date(), window.end.date()
        found: list[tuple[ExecutedExposure, ...]] = []
        while night <= last:
            found.append(await client.exposures(night, centres))
            night += timedelta(days=1)
        return merge(*found)

    async def _gattini(
        self, source: GattiniDatabase, rows: tuple[PayloadRow, ...], window: Window
    ) -> tuple[ExecutedExposure, ...]:
        url = source.url.get_secret_value() if source.url else read_secret(source.url_file)
        client = GattiniClient(url or "", statement_timeout_s=source.statement_timeout_s)
        fields = [int(r.field_id) for r in rows if r.field_id is not None and r.field_id.isdigit()]
        stacks = await client.stacks(fields, window.begin, window.end)
        return gattini_exposures(stacks, rows)


async def _sftp_folder(source: SftpFiles, endpoint: Endpoint, name: str) -> dict[str, bytes]:
    if not isinstance(endpoint.transport, Sftp):
        raise PermanentError("sftp_files needs an sftp transport")
    client = SftpClient(endpoint.transport, suffix="")
    try:
        return await client.read_folder(source.directory, prefix=name)
    finally:
        await client.close()


def _login(username: str | None, source: IrsaTap | ZtfDepot) -> tuple[str, str] | None:
    if username is None:
        return None
    return username, read_secret(source.password_file) or ""


@asynccontextmanager
async def make_resources(ctx: Context) -> AsyncIterator[Resources]:
    """Read the facilities file; a wrong one stops the start, with its place and reason."""
    settings: QueueSubmitSettings = ctx.settings
    try:
        facilities = load_facilities(settings.facilities_file)
    except FacilitiesFileError as error:
        raise PermanentError(str(error)) from error
    simulated = [name for name, config in facilities.items() if config.mode == "simulated"]
    if simulated and ctx.common.profile == "production":
        raise PermanentError(
            f"{settings.facilities_file}: mode simulated in production: {', '.join(simulated)}"
        )
    async with ctx.unit_of_work() as uow:
        for name, config in facilities.items():
            await store.ensure_facility(uow.session, name, config.mode)
    yield Resources(
        facilities=facilities,
        holder=uuid4(),
        http=ctx.http,
        ctx=ctx,
    )

"""The simulated world: every model on one stack clock, one journal, one board of faults."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial

from too_simulators.core.clock import ClockState, StackClock, utc_now
from too_simulators.core.faults import FaultBoard, FaultState
from too_simulators.core.stepping import Part, Stepper
from too_simulators.core.store import Journal, StateFiles
from too_simulators.files.gattini import GattiniDatabase, GattiniState
from too_simulators.files.keys import ensure_keys
from too_simulators.files.programs import FileTelescopeState
from too_simulators.files.robot import FileRobot
from too_simulators.files.sftp import SftpHost
from too_simulators.files.telescopes import MODELS
from too_simulators.host.gcn import GcnSite, GcnState
from too_simulators.host.gcn_stream import GcnStream
from too_simulators.host.gracedb import GraceDbSite, GraceDbState
from too_simulators.host.maps import MapServer
from too_simulators.paging.outgoing import TwilioSender
from too_simulators.paging.records import TwilioState
from too_simulators.paging.slack import SlackState, SlackWorkspace
from too_simulators.paging.slack_api import SlackApi
from too_simulators.paging.smtp import Mailbox, MailState
from too_simulators.paging.telephones import TelephoneNetwork
from too_simulators.paging.twilio_api import TwilioApi
from too_simulators.settings import FileTelescope, SimulatorSettings
from too_simulators.ztf.api import ZtfApi
from too_simulators.ztf.engine import ZtfEngine, ZtfState
from too_simulators.ztf.irsa import Pipeline
from too_simulators.ztf.irsa_api import IrsaApi

SAVE_EVERY_S = 0.2
"""Steps alone write states no oftener than that (wall clock); requests write before they answer."""


class World:
    """Everything that is outside, without the sockets that it listens on.

    Parameters
    ----------
    settings
        Addresses, credentials, delays.
    base_url
        Address of the HTTP server.
    wall
        Wall clock.
    start_at
        Stack time of a world that begins; the wall clock's now if left out. A world that was kept
        on disk goes on where it was.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        *,
        base_url: str,
        wall: Callable[[], datetime] = utc_now,
        start_at: datetime | None = None,
    ) -> None:
        self.settings = settings
        self.base_url = base_url
        folder = settings.state_dir
        self.files = StateFiles(folder / "state")
        kept = self.files.load("clock", ClockState)
        if kept is None and start_at is not None:
            kept = ClockState(stack_at=start_at, wall_at=wall())
        self.clock = StackClock(kept, wall=wall)
        now = self.clock.now
        self.journal = Journal(folder / "journal.jsonl", stack_now=now, wall_now=wall)
        self.faults = FaultBoard(self.files.load("faults", FaultState) or FaultState(), now=now)
        self._saved_at = 0.0

        self.telephones = TelephoneNetwork(
            self.files.load("twilio", TwilioState) or TwilioState(),
            self.journal,
            settings.twilio_account_sid,
            inbound_url=settings.webhook(settings.twilio_sms_path),
        )
        auth_token = settings.twilio_auth_token.get_secret_value()
        self.twilio_sender = TwilioSender(
            self.telephones,
            self.journal,
            self.faults,
            auth_token=auth_token,
            now=now,
            nudge=self.nudge,
        )
        self.twilio_api = TwilioApi(
            self.telephones,
            self.faults,
            credentials={
                settings.twilio_account_sid: auth_token,
                settings.twilio_api_key_sid: settings.twilio_api_key_secret.get_secret_value(),
            },
            account_sid=settings.twilio_account_sid,
            now=now,
            nudge=self.nudge,
        )
        self.slack = SlackWorkspace(
            self.files.load("slack", SlackState) or SlackState(), self.journal, now=now
        )
        self.slack_api = SlackApi(
            self.slack,
            self.journal,
            self.faults,
            token=settings.slack_token.get_secret_value(),
            signing_secret=settings.slack_signing_secret.get_secret_value(),
            interactions_url=settings.webhook(settings.slack_interactions_path),
            base_url=f"{base_url}/slack",
            wall=wall,
        )
        self.mailbox = Mailbox(
            self.files.load("mail", MailState) or MailState(),
            self.journal,
            self.faults,
            now=now,
            nudge=self.nudge,
        )
        self.ztf = ZtfEngine(
            self.files.load("ztf", ZtfState) or ZtfState(), self.journal, self.faults, now=now
        )
        self.ztf_api = ZtfApi(
            self.ztf, self.faults, older=settings.ztf_older_server, now=now, nudge=self.nudge
        )
        self.irsa_api = IrsaApi(
            self.ztf,
            Pipeline(settings.irsa_first_s, settings.irsa_spread_s, settings.depot_delay_s),
            self.faults,
            max_rows=settings.irsa_max_rows,
            login=(settings.depot_user, settings.depot_password.get_secret_value()),
            now=now,
        )
        self.gcn = GcnSite(
            self.files.load("gcn", GcnState) or GcnState(),
            self.journal,
            token=settings.gcn_submitter_token.get_secret_value(),
            now=now,
        )
        self.gcn_stream = (
            GcnStream(settings.gcn_bootstrap_servers, self.gcn.state, self.faults, wall=wall)
            if settings.gcn_bootstrap_servers
            else None
        )
        self.gracedb = GraceDbSite(
            self.files.load("gracedb", GraceDbState) or GraceDbState(),
            base_url=f"{base_url}/gracedb",
            now=now,
        )
        self.maps = MapServer(folder / "maps", self.journal)
        database_url = settings.gattini_database_url
        self.gattini = GattiniDatabase(
            self.files.load("gattini-database", GattiniState) or GattiniState(),
            url=None if database_url is None else database_url.get_secret_value(),
            reader=settings.gattini_reader,
            reader_password=settings.gattini_reader_password.get_secret_value(),
            now=now,
        )
        self.keys = ensure_keys(folder, settings.sftp_authorized_keys_file)
        self.robots = {name: self._robot(name) for name in FileTelescope}
        self.sftp_hosts = {
            name: SftpHost(
                name,
                robot.root,
                keys=self.keys,
                user=settings.sftp_user,
                faults=self.faults,
                changed=partial(self._folder_changed, robot),
            )
            for name, robot in self.robots.items()
        }
        self.parts: list[Part] = [
            self.telephones,
            self.ztf,
            *self.robots.values(),
            self.gattini,
        ]
        self.stepper = Stepper(self.clock, self.parts, self._after_round)

    def _robot(self, name: FileTelescope) -> FileRobot:
        settings = self.settings
        decam = name is FileTelescope.DECAM
        return FileRobot(
            MODELS[name],
            settings.state_dir / "sftp" / name.value,
            self.files.load(f"robot-{name.value}", FileTelescopeState) or FileTelescopeState(),
            self.journal,
            self.faults,
            now=self.clock.now,
            take_after_s=settings.decam_person_delay_s if decam else settings.reader_delay_s,
            report=self.gattini.report if MODELS[name].reports_to_database else None,
        )

    def _folder_changed(self, robot: FileRobot) -> None:
        robot.look_into_folder()
        self.nudge()

    def nudge(self) -> None:
        """Something changed from outside the clock."""
        self.stepper.nudge()

    def save(self) -> None:
        """Bring every state to disk that changed."""
        self.files.save("clock", self.clock.state)
        self.files.save("faults", self.faults.state)
        self.files.save("twilio", self.telephones.state)
        self.files.save("slack", self.slack.state)
        self.files.save("mail", self.mailbox.state)
        self.files.save("ztf", self.ztf.state)
        self.files.save("gcn", self.gcn.state)
        self.files.save("gracedb", self.gracedb.state)
        self.files.save("gattini-database", self.gattini.state)
        for name, robot in self.robots.items():
            self.files.save(f"robot-{name.value}", robot.state)

    def lose_state(self, host: str) -> None:
        """A host forgets what it keeps in memory only."""
        if host == "ztf":
            self.ztf.restart()

    def next_observations(self, now: datetime) -> dict[str, datetime | None]:
        """Per telescope the earliest future start of something that is queued."""
        robots = {name.value: robot.next_observation(now) for name, robot in self.robots.items()}
        return {"ZTF": self.ztf.next_observation(now), **robots}

    async def _after_round(self) -> None:
        self.twilio_sender.flush()
        for host in self.sftp_hosts.values():
            host.apply_faults()
        await self.gattini.flush()
        now = asyncio.get_running_loop().time()
        if now - self._saved_at >= SAVE_EVERY_S:
            self._saved_at = now
            self.save()

    async def settle(self) -> None:
        """Step until nothing is due any more and nothing is on its way to the customer."""
        while True:
            await self.stepper.round()
            await self.twilio_sender.drain()
            at = self.stepper.next_at()
            if not self.twilio_sender.busy and (at is None or at > self.clock.now()):
                return

    async def close(self) -> None:
        """Stop sending, and bring everything to disk."""
        await self.twilio_sender.close()
        self.save()
        self.journal.close()

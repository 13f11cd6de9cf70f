"""Folders at telescopes over sftp.

A payload is written under a dot name by exclusive create, read back, and renamed: atomic, and a
rename without flags refuses an existing target. The telescope's reader may take the file at once.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable
from datetime import datetime
from typing import Any, TypeVar

import asyncssh
from too_common.errors import PermanentError, TransientError, UnknownOutcomeError

from too_queue_submit.clients.base import (
    BeforeAct,
    GateClosedError,
    Identity,
    NotSentError,
    Presence,
    QueueEntry,
    ReadBack,
    Recorder,
    SendResult,
    SendState,
    Withdrawal,
)
from too_queue_submit.facilities import Sftp, read_secret
from too_queue_submit.names import PREFIX, is_safe

SIMULATOR_MARK = "/.too-simulator"
MAX_FILE = 50_000_000
AWAY = (asyncssh.Error, OSError, TimeoutError, asyncio.TimeoutError)
"""All that a lost or refused connection raises."""

R = TypeVar("R")


class SftpClient:
    """One folder.

    Parameters
    ----------
    config
        Address, keys, folder; the host key is pinned.
    suffix
        Of the payload's file name, e.g. ``.json``.
    """

    def __init__(self, config: Sftp, *, suffix: str) -> None:
        self._config = config
        self._suffix = suffix
        self._connection: asyncssh.SSHClientConnection | None = None
        self._sftp: asyncssh.SFTPClient | None = None

    async def identify(self, recorder: Recorder) -> Identity:
        """Look for the file that only simulators have."""
        try:
            sftp = await self._open()
            marked = await self._limit(sftp.exists(SIMULATOR_MARK))
        except AWAY as error:
            recorder.add("connect", error=_words(error))
            raise NotSentError(_words(error)) from error
        recorder.add(f"stat {SIMULATOR_MARK}", status="there" if marked else "not there")
        return Identity(is_simulator=marked)

    async def send(
        self, name: str, payload: bytes, *, before_act: BeforeAct, recorder: Recorder
    ) -> SendResult:
        """Write, read back, rename."""
        part, target = self._path(f".{self._file(name)}.part"), self._path(self._file(name))
        try:
            sftp = await self._open()
            if await self._limit(sftp.exists(target)):
                return await self._already_there(target, payload, recorder)
            await self._write_part(sftp, part, payload, recorder)
        except AWAY as error:
            recorder.add(f"write {part}", error=_words(error))
            raise NotSentError(_words(error)) from error
        try:
            await before_act()
        except GateClosedError:
            # for no other reason: once the intent to act is on record, a part that is gone is the
            # proof that it was put in place
            await self._remove_quietly(sftp, part, recorder)
            raise
        try:
            await self._limit(sftp.rename(part, target))
        except asyncssh.SFTPError as error:
            recorder.add(f"rename {part} {target}", error=_words(error))
            return await self._after_refused_rename(target, part, error, recorder)
        except AWAY as error:
            recorder.add(f"rename {part} {target}", error=_words(error))
            raise UnknownOutcomeError(f"the connection was lost: {_words(error)}") from error
        recorder.add(f"rename {part} {target}", request=payload, status="ok")
        return SendResult(SendState.DELIVERED)

    async def read_back(self, name: str, recorder: Recorder) -> ReadBack:
        """Stat and read; a part without its target was never renamed."""
        target = self._path(self._file(name))
        part = self._path(f".{self._file(name)}.part")
        try:
            sftp = await self._open()
            content = await self._read(sftp, target)
            waiting = content is None and await self._limit(sftp.exists(part))
        except AWAY as error:
            recorder.add(f"read {target}", error=_words(error))
            raise TransientError(_words(error)) from error
        if content is not None:
            recorder.add(f"read {target}", status="ok", response=content)
            return ReadBack(Presence.PRESENT, content)
        recorder.add(f"read {target}", status="part only" if waiting else "not there")
        if waiting:
            return ReadBack(Presence.ABSENT, detail="written, but never put in place")
        return ReadBack(Presence.GONE, detail="not in the folder: taken, or never there")

    async def history(self, begin: datetime, recorder: Recorder) -> list[dict[str, Any]] | None:  # noqa: ARG002 - protocol
        """No folder tells what was observed."""
        return None

    async def withdraw(
        self, name: str, reason: str, recorder: Recorder, *, leave_notice: bool
    ) -> Withdrawal:
        """Remove the file if it is still there, leave a notice for people, look again."""
        target = self._path(self._file(name))
        part = self._path(f".{self._file(name)}.part")
        notice = self._path(f"CANCEL_{name}.txt")
        try:
            sftp = await self._open()
            removed = await self._remove(sftp, target, recorder)
            await self._remove(sftp, part, recorder)
            if leave_notice:
                await self._leave_notice(sftp, notice, name, reason, recorder)
            still = await self._limit(sftp.exists(target))
        except AWAY as error:
            recorder.add(f"withdraw {target}", error=_words(error))
            raise TransientError(_words(error)) from error
        recorder.add(f"stat {target}", status="there" if still else "not there")
        detail = "removed before it was taken" if removed else "the reader had taken it already"
        return Withdrawal(gone=not still, removed=removed, notice_left=leave_notice, detail=detail)

    async def queue(self, recorder: Recorder) -> list[QueueEntry]:
        """Files of the folder, dot files left out."""
        try:
            sftp = await self._open()
            entries = await self._limit(sftp.readdir(self._config.directory))
        except AWAY as error:
            recorder.add(f"list {self._config.directory}", error=_words(error))
            raise TransientError(_words(error)) from error
        found = []
        for entry in sorted(entries, key=lambda e: str(e.filename)):
            name = str(entry.filename)
            if name.startswith(".") or entry.attrs.type == asyncssh.FILEXFER_TYPE_DIRECTORY:
                continue
            summary = {"file": name, "size_bytes": entry.attrs.size, "mtime": entry.attrs.mtime}
            found.append(QueueEntry(name, name.startswith((f"{PREFIX}_", "CANCEL_")), summary))
        return found

    async def ping(self, recorder: Recorder) -> None:
        """Write a dot file and remove it: a read-only folder or a full disk shows here."""
        probe = self._path(f".ping-{secrets.token_hex(4)}")
        try:
            sftp = await self._open()
            async with asyncio.timeout(self._config.timeout_s):
                async with sftp.open(probe, "xb") as file:
                    await file.write(b"ping")
                await sftp.remove(probe)
        except AWAY as error:
            recorder.add("ping", error=_words(error))
            raise TransientError(_words(error)) from error
        recorder.add("ping", status="ok")

    async def read_folder(self, directory: str, *, prefix: str) -> dict[str, bytes]:
        """JSON and ECSV files of another folder of the same server, by the start of their names.

        Raises
        ------
        TransientError
            If it cannot be read.
        """
        try:
            sftp = await self._open()
            if not await self._limit(sftp.exists(directory)):
                return {}
            found: dict[str, bytes] = {}
            for entry in sorted(await self._limit(sftp.listdir(directory))):
                name = str(entry)
                if name.startswith(prefix) and name.endswith((".json", ".ecsv")):
                    content = await self._read(sftp, f"{directory.rstrip('/')}/{name}")
                    if content is not None:
                        found[name] = content
        except AWAY as error:
            raise TransientError(_words(error)) from error
        return found

    async def close(self) -> None:
        """End the connection, without waiting for a server that hangs."""
        if self._sftp is not None:
            self._sftp.exit()
        if self._connection is not None:
            self._connection.abort()
        self._sftp = self._connection = None

    async def _open(self) -> asyncssh.SFTPClient:
        if self._sftp is not None:
            return self._sftp
        config = self._config
        try:
            host_key = asyncssh.read_public_key(str(config.host_key_file))
            client_keys = (
                None if config.private_key_file is None else [str(config.private_key_file)]
            )
            password = read_secret(config.password_file)
        except (OSError, asyncssh.KeyImportError, ValueError) as error:
            raise PermanentError(f"keys of {config.host}: {error}") from error
        async with asyncio.timeout(config.timeout_s):
            self._connection = await asyncssh.connect(
                config.host,
                config.port,
                username=config.username,
                client_keys=client_keys,
                password=password,
                known_hosts=([host_key], [], []),
                agent_path=None,
                config=None,
                connect_timeout=config.timeout_s,
            )
            self._sftp = await self._connection.start_sftp_client()
        return self._sftp

    async def _limit(self, call: Awaitable[R]) -> R:
        async with asyncio.timeout(self._config.timeout_s):
            return await call

    async def _write_part(
        self, sftp: asyncssh.SFTPClient, part: str, payload: bytes, recorder: Recorder
    ) -> None:
        """Write under the dot name; a part that an earlier attempt left is ours and is replaced."""
        if await self._limit(sftp.exists(part)):
            await self._limit(sftp.remove(part))
            recorder.add(f"remove {part}", status="left by an earlier attempt")
        async with asyncio.timeout(self._config.timeout_s):
            async with sftp.open(part, "xb") as file:
                await file.write(payload)
        found = await self._read(sftp, part)
        if found is None or _digest(found) != _digest(payload):
            await self._remove(sftp, part, recorder)
            raise OSError("the file read back is not what was written (disk full?)")
        recorder.add(f"write {part}", request=payload, status=f"read back {_digest(found)[:12]}")

    async def _already_there(self, target: str, payload: bytes, recorder: Recorder) -> SendResult:
        assert self._sftp is not None  # noqa: S101 - opened by the caller
        content = await self._read(self._sftp, target)
        recorder.add(f"read {target}", status="exists", response=content)
        if content == payload:
            return SendResult(SendState.DELIVERED, "it was there already, from an earlier attempt")
        return SendResult(SendState.REJECTED, "another file has that name")

    async def _after_refused_rename(
        self, target: str, part: str, error: asyncssh.SFTPError, recorder: Recorder
    ) -> SendResult:
        """A refusal in words means that nothing was renamed; a lost connection does not."""
        if isinstance(error, asyncssh.SFTPConnectionLost | asyncssh.SFTPNoConnection):
            raise UnknownOutcomeError(f"the connection was lost: {_words(error)}") from error
        assert self._sftp is not None  # noqa: S101 - opened by the caller
        try:
            taken = await self._limit(self._sftp.exists(target))
            waiting = await self._limit(self._sftp.exists(part))
        except AWAY as again:
            raise UnknownOutcomeError(f"the connection was lost: {_words(again)}") from again
        if not waiting:
            raise UnknownOutcomeError("the rename was refused, but the part is gone") from error
        if taken:
            await self._remove(self._sftp, part, recorder)
            return SendResult(SendState.REJECTED, "another file has that name")
        raise NotSentError(f"the file could not be put in place: {_words(error)}") from error

    async def _leave_notice(
        self, sftp: asyncssh.SFTPClient, notice: str, name: str, reason: str, recorder: Recorder
    ) -> None:
        text = (
            f"CANCELLED: {name}{self._suffix}\n"
            f"Please do not observe it, and remove it if it was loaded already.\n"
            f"Reason: {reason}\n"
        ).encode()
        if await self._limit(sftp.exists(notice)):
            return
        async with asyncio.timeout(self._config.timeout_s):
            async with sftp.open(notice, "xb") as file:
                await file.write(text)
        recorder.add(f"write {notice}", request=text, status="ok")

    async def _remove(self, sftp: asyncssh.SFTPClient, path: str, recorder: Recorder) -> bool:
        try:
            await self._limit(sftp.remove(path))
        except asyncssh.SFTPNoSuchFile:
            return False
        recorder.add(f"remove {path}", status="ok")
        return True

    async def _remove_quietly(
        self, sftp: asyncssh.SFTPClient, path: str, recorder: Recorder
    ) -> None:
        try:
            await self._remove(sftp, path, recorder)
        except AWAY as error:
            recorder.add(f"remove {path}", error=_words(error))

    async def _read(self, sftp: asyncssh.SFTPClient, path: str) -> bytes | None:
        try:
            async with asyncio.timeout(self._config.timeout_s):
                async with sftp.open(path, "rb") as file:
                    content: bytes = await file.read(MAX_FILE)
                    return content
        except asyncssh.SFTPNoSuchFile:
            return None

    def _file(self, name: str) -> str:
        if not is_safe(name):
            raise NotSentError(f"not a safe file name: {name!r}")
        return f"{name}{self._suffix}"

    def _path(self, file: str) -> str:
        directory = self._config.directory.rstrip("/")
        return f"{directory}/{file}" if directory not in {"", "."} else file


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _words(error: BaseException) -> str:
    """Reason in words, without addresses or account names of ours beyond what asyncssh says."""
    text = str(getattr(error, "reason", "") or error)
    return f"sftp: {type(error).__name__}{f': {text}' if text else ''}"[:300]

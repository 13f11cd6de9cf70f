"""The sftp servers: one port, root and host key per telescope, and what can go wrong with them."""

import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncssh
from asyncssh.constants import FX_FAILURE

from too_simulators.core.faults import FaultBoard, FaultKind
from too_simulators.files.keys import SftpKeys
from too_simulators.settings import FileTelescope

_WRITING = asyncssh.FXF_WRITE | asyncssh.FXF_APPEND | asyncssh.FXF_CREAT | asyncssh.FXF_TRUNC


class _Server(asyncssh.SSHServer):
    """Takes one user with the right key."""

    def __init__(
        self, user: str, keys: tuple[asyncssh.SSHKey, ...], faults: FaultBoard, route: str
    ) -> None:
        self._user = user
        self._client_keys = keys
        self._faults = faults
        self._route = route

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        if self._faults.take(self._route, FaultKind.REFUSE) is not None:
            conn.abort()

    def begin_auth(self, username: str) -> bool:
        del username
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        if self._faults.peek(self._route, FaultKind.KEY_REFUSED) is not None:
            self._faults.take(self._route, FaultKind.KEY_REFUSED)
            return False
        return username == self._user and key.convert_to_public() in self._client_keys


class _Files(asyncssh.SFTPServer):
    """Files below a root, with faults; tells the world when a file was put, moved or removed."""

    def __init__(
        self,
        channel: asyncssh.SSHServerChannel[bytes],
        root: Path,
        faults: FaultBoard,
        route: str,
        changed: Callable[[], None],
    ) -> None:
        super().__init__(channel, chroot=str(root).encode())
        self._faults = faults
        self._route = route
        self._changed = changed

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        if pflags & _WRITING:
            self._check_writable()
        return super().open(path, pflags, attrs)

    def write(self, file_obj: object, offset: int, data: bytes) -> Any:
        if self._faults.take(self._route, FaultKind.DISK_FULL) is not None:
            raise asyncssh.SFTPError(FX_FAILURE, "No space left on device")
        if self._faults.take(self._route, FaultKind.SHORT_WRITE) is not None:
            super().write(file_obj, offset, data[: len(data) // 2])
            return len(data)
        return super().write(file_obj, offset, data)

    def close(self, file_obj: object) -> Any:
        done = super().close(file_obj)
        self._changed()
        return done

    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        self._check_writable()
        if self._faults.take(self._route, FaultKind.LOST_BEFORE_RENAME) is not None:
            self.channel.get_connection().abort()
            raise asyncssh.SFTPError(FX_FAILURE, "connection lost")
        if self._faults.take(self._route, FaultKind.DROP_REPLY) is not None:
            super().rename(oldpath, newpath)
            self._changed()
            self.channel.get_connection().abort()
            raise asyncssh.SFTPError(FX_FAILURE, "connection lost")
        done = super().rename(oldpath, newpath)
        self._changed()
        return done

    def remove(self, path: bytes) -> Any:
        self._check_writable()
        done = super().remove(path)
        self._changed()
        return done

    def _check_writable(self) -> None:
        if self._faults.take(self._route, FaultKind.READ_ONLY) is not None:
            raise asyncssh.SFTPPermissionDenied("Permission denied")


class SftpHost:
    """One listening server.

    Parameters
    ----------
    name
        Whose it is; its faults have the route ``sftp <Telescope>``.
    root
        What clients see as ``/``.
    keys, user
        Who may log in.
    faults
        Of the world.
    changed
        Called when something in the folder may be new.
    """

    def __init__(
        self,
        name: FileTelescope,
        root: Path,
        *,
        keys: SftpKeys,
        user: str,
        faults: FaultBoard,
        changed: Callable[[], None],
    ) -> None:
        self.name = name
        self._root = root
        self._keys = keys
        self._user = user
        self._faults = faults
        self._changed = changed
        self._route = f"sftp {name.value}"
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._shows_other_key = False

    @contextlib.asynccontextmanager
    async def listening(self, listener: socket.socket) -> AsyncIterator[int]:
        """Serve on a socket; yields its port."""
        port = int(listener.getsockname()[1])
        self._acceptor = await asyncssh.listen(
            sock=listener,
            server_factory=lambda: _Server(
                self._user, self._keys.clients, self._faults, self._route
            ),
            server_host_keys=[self._keys.host[self.name]],
            sftp_factory=lambda channel: _Files(
                channel, self._root, self._faults, self._route, self._changed
            ),
            allow_scp=False,
            encoding=None,
        )
        try:
            yield port
        finally:
            self._acceptor.close()
            await self._acceptor.wait_closed()

    def apply_faults(self) -> None:
        """Show the other host key while that switch is on."""
        other = self._faults.peek(self._route, FaultKind.HOST_KEY_CHANGED) is not None
        if self._acceptor is None or other == self._shows_other_key:
            return
        self._shows_other_key = other
        key = self._keys.other_host if other else self._keys.host[self.name]
        self._acceptor.update(server_host_keys=[key])

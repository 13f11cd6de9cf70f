"""Keys of the sftp servers and of their one client, made at the first start.

``<state>/keys``: ``client_ed25519`` (0600, for queue-submit), ``decam.pub``, ``kped.pub``,
``gattini.pub``, ``growth-india.pub`` (host keys), ``known_hosts`` with the ports in use.
"""

from dataclasses import dataclass
from pathlib import Path

import asyncssh

from too_simulators.core.store import write_secret
from too_simulators.settings import FileTelescope

CLIENT_KEY = "client_ed25519"


@dataclass(frozen=True)
class SftpKeys:
    """Where the keys lie, and the keys themselves."""

    folder: Path
    clients: tuple[asyncssh.SSHKey, ...]
    """Public keys that may log in."""
    host: dict[FileTelescope, asyncssh.SSHKey]
    other_host: asyncssh.SSHKey
    """Shown instead while the switch ``host_key_changed`` is on."""

    @property
    def client_key_file(self) -> Path:
        """Private key of the client."""
        return self.folder / CLIENT_KEY

    @property
    def known_hosts_file(self) -> Path:
        """Host keys with the ports in use."""
        return self.folder / "known_hosts"

    def host_key_file(self, telescope: FileTelescope) -> Path:
        """Public host key of one server."""
        return self.folder / f"{telescope.value.lower()}.pub"

    def write_known_hosts(self, host: str, ports: dict[FileTelescope, int]) -> None:
        """Write the file that a client pins the servers with."""
        lines = [
            f"[{host}]:{port} {self.host[name].export_public_key().decode().strip()}"
            for name, port in ports.items()
        ]
        self.known_hosts_file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def ensure_keys(state_dir: Path, authorized_keys: Path | None = None) -> SftpKeys:
    """Load the keys, or make those that are missing.

    Parameters
    ----------
    state_dir
        The keys lie in its folder ``keys``.
    authorized_keys
        Public keys that may log in beside our own client key, if the file is there.
    """
    folder = state_dir / "keys"
    others: list[asyncssh.SSHKey] = []
    if authorized_keys is not None and authorized_keys.exists():
        others = list(asyncssh.read_public_key_list(authorized_keys))
    keys = SftpKeys(
        folder=folder,
        clients=(_key(folder / CLIENT_KEY).convert_to_public(), *others),
        host={name: _key(folder / f"{name.value.lower()}_host") for name in FileTelescope},
        other_host=_key(folder / "other_host"),
    )
    for name, key in keys.host.items():
        keys.host_key_file(name).write_bytes(key.export_public_key())
    return keys


def _key(path: Path) -> asyncssh.SSHKey:
    if not path.exists():
        write_secret(path, asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    return asyncssh.read_private_key(path)

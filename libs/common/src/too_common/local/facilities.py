"""The facilities file of the local stack: five telescopes, all of them simulated."""

from pathlib import Path
from typing import Any

import yaml

from too_common.local.environment import role_url
from too_common.local.files import write_private
from too_common.local.layout import Layout
from too_common.local.secrets import StackSecrets

DEPOT_USER = "depot"
GATTINI_READER = "gattini_reader"
SFTP_USER = "too"
_SFTP_FACILITIES = {
    "DECam": ("decam", "decam"),
    "KPED": ("kped", "kped"),
    "Gattini": ("gattini", "gattini"),
    "GROWTH-India": ("growth_india", "growth-india"),
}


def write_facilities(layout: Layout, secrets: StackSecrets, admin_url: str) -> Path:
    """Write the facilities file and the secrets that it points to; returns its path."""
    depot_password = layout.secrets_dir / "depot.password"
    write_private(depot_password, secrets["depot_password"])
    gattini_url = layout.secrets_dir / "gattini-reader.url"
    reader = role_url(admin_url, GATTINI_READER, secrets["gattini_reader_password"], "gattini")
    write_private(gattini_url, reader)
    facilities: dict[str, Any] = {
        "ZTF": {
            "adapter": "ztf",
            "mode": "simulated",
            "limits": {"dec_max_deg": 87.5, "hour_angle_max_h": 5.95, "exposure_s_max": 600.0},
            "simulated": {
                "transport": {"kind": "ztf_http", "base_url": f"{layout.simulators_url}/ztf"},
                "progress": [
                    {"kind": "irsa_tap", "url": f"{layout.simulators_url}/irsa/TAP"},
                    {
                        "kind": "ztf_depot",
                        "url": f"{layout.simulators_url}/depot/ztf/depot",
                        "username": DEPOT_USER,
                        "password_file": str(depot_password),
                    },
                ],
            },
        }
    }
    for name, (adapter, telescope) in _SFTP_FACILITIES.items():
        progress: dict[str, Any] = {"kind": "sftp_files", "directory": "executed"}
        if name == "Gattini":
            progress = {"kind": "gattini_database", "url_file": str(gattini_url)}
        facilities[name] = {
            "adapter": adapter,
            "mode": "simulated",
            "simulated": {
                "transport": {
                    "kind": "sftp",
                    "host": "127.0.0.1",
                    "port": layout.ports.sftp(telescope),
                    "username": SFTP_USER,
                    "private_key_file": str(secrets.ssh_key_file),
                    "host_key_file": str(layout.simulators_dir / "keys" / f"{telescope}.pub"),
                },
                "progress": [progress],
            },
        }
    facilities["DECam"] |= {"needs_person": True, "limits": {"hour_angle_max_h": 5.3}}
    text = "# Written by `too up` at every start: the telescopes of the simulated world.\n"
    text += yaml.safe_dump({"facilities": facilities}, sort_keys=False)
    write_private(layout.facilities_file, text)
    return layout.facilities_file

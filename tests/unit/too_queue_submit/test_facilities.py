from pathlib import Path

import pytest
import too_queue_submit
from too_common.contracts.queue_submit import FacilityMode
from too_queue_submit.facilities import (
    FacilitiesFileError,
    IrsaTap,
    Sftp,
    default_facilities,
    load_facilities,
)
from too_queue_submit.telescopes import ADAPTERS

EXAMPLE = Path(too_queue_submit.__file__).parents[2] / "facilities.example.yaml"


def write(tmp_path, text):
    path = tmp_path / "facilities.yaml"
    path.write_text(text)
    return path


def test_the_example():
    facilities = load_facilities(EXAMPLE)
    assert set(facilities) == {"ZTF", "DECam", "Gattini", "KPED", "GROWTH-India"}
    assert all(config.mode == "off" for config in facilities.values())
    decam = facilities["DECam"].endpoint(FacilityMode.LIVE)
    assert isinstance(decam.transport, Sftp)
    assert decam.transport.host_key_file == EXAMPLE.parent / "secrets" / "decam_host.pub"
    assert isinstance(facilities["ZTF"].live.progress[0], IrsaTap)
    assert facilities["KPED"].endpoint(FacilityMode.LIVE) is None
    assert facilities["ZTF"].endpoint(FacilityMode.OFF) is None
    assert facilities["ZTF"].endpoint(FacilityMode.SIMULATED) is None


def test_without_a_file_nothing_has_an_address():
    facilities = default_facilities()
    assert {config.adapter for config in facilities.values()} == set(ADAPTERS)
    for config in facilities.values():
        assert config.mode == "off"
        assert config.simulated is None
        assert config.live is None
    assert facilities.of_telescope("GROWTH-India") == "GROWTH-India"
    assert facilities.of_telescope("JWST") is None
    assert load_facilities(None).keys() == facilities.keys()


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("facilities: {}", "facilities"),
        ("facilities: {A: {adapter: nothing}}", "adapter"),
        ("facilities: {ZTF: {adapter: ztf, mode: live}}", "mode"),
        ("facilities: {ZTF: {adapter: ztf, armed: true}}", "armed"),
        (
            (
                "facilities: {ZTF: {adapter: ztf, live: {transport: {kind: sftp, host: x,"
                " username: y, host_key_file: k}}}}"
            ),
            "transport",
        ),
        (
            (
                "facilities: {DECam: {adapter: decam, live: {transport: {kind: sftp, host: x,"
                " username: y}}}}"
            ),
            "host_key_file",
        ),
        ("facilities: [", "yaml"),
        (
            "facilities: {ZTF: {adapter: ztf, allocation: {subprogram_name: survey}}}",
            "subprogram_name",
        ),
        (
            (
                "facilities: {ZTF: {adapter: ztf, live: {transport: {kind: ztf_http,"
                " base_url: 'ftp://x'}}}}"
            ),
            "base_url",
        ),
    ],
)
def test_a_wrong_file_says_where(tmp_path, text, where):
    with pytest.raises(FacilitiesFileError, match=where):
        load_facilities(write(tmp_path, text))


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(FacilitiesFileError, match="missing"):
        load_facilities(tmp_path / "missing.yaml")

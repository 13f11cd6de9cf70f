"""Names of the notices that GraceDB keeps of a superevent."""

from too_ingest.clients.gracedb import notice_files, read_superevent


def _listed(*names: str) -> dict[str, str]:
    return {name: f"https://gracedb.example/files/{name}" for name in names}


def test_every_version_of_a_kafka_alerts_copy_is_an_alert():
    files = _listed(
        "S261122ab-update.json",
        "S261122ab-update.json,0",
        "S261122ab-preliminary.json",
        "S261122ab-preliminary.json,1",
        "S261122ab-preliminary.json,0",
        "S261122ab-retraction.json",
        "S261122ab-preliminary.avro,0",
        "S261122ab-1-Preliminary.xml,0",
        "bayestar.multiorder.fits,1",
        "p_astro.json,0",
    )
    found = notice_files(files)
    assert [file.name for file in found] == [
        "S261122ab-preliminary.json,0",
        "S261122ab-preliminary.json,1",
        "S261122ab-update.json,0",
        "S261122ab-retraction.json",
    ]
    assert all(file.is_json and file.url == files[file.name] for file in found)


def test_of_a_voevent_the_newest_version_counts():
    found = notice_files(
        _listed(
            "S190425z-2-Update.xml",
            "S190425z-2-Update.xml,0",
            "S190425z-10-Retraction.xml,0",
            "S190425z-1-Initial.xml,0",
            "S190425z-1-Initial.xml,1",
        )
    )
    assert [(file.number, file.url.rpartition("/")[2]) for file in found] == [
        (1, "S190425z-1-Initial.xml,1"),
        (2, "S190425z-2-Update.xml,0"),
        (10, "S190425z-10-Retraction.xml,0"),
    ]
    assert not any(file.is_json for file in found)


def test_nonsense_names_are_no_notices():
    assert notice_files(None) == []
    assert notice_files({"../S190425z-1-Initial.xml": "x", "S1-initial.json": "x", "a": 5}) == []


def test_a_low_significance_alert_was_announced_too():
    def announced(*labels: str) -> bool:
        item = {
            "superevent_id": "S261122ab",
            "created": "2026-11-22 03:00:00 UTC",
            "labels": [*labels],
        }
        found = read_superevent(item)
        assert found is not None
        return found.was_announced

    assert announced("LOW_SIGNIF_PRELIM_SENT", "DQOK")
    assert announced("GCN_PRELIM_SENT")
    assert announced("ADVNO")
    assert not announced("EM_Selected", "SKYMAP_READY")

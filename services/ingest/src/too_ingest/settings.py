"""Settings of the ingest service."""

from pydantic import Field, SecretStr
from too_common.settings import ServiceSettings, service_config

DEFAULT_TOPICS = (
    "igwn.gwalert",
    "gcn.notices.icecube.gold_bronze_track_alerts",
    "gcn.notices.icecube.lvk_nu_track_search",
    "gcn.notices.swift.bat.guano",
    "gcn.notices.einstein_probe.wxt.alert",
    "gcn.notices.chime.frb",
    "gcn.notices.dsa110.frb",
    "gcn.notices.maxi.gsc.known",
    "gcn.notices.maxi.gsc.unknown",
    "gcn.notices.superk.sn_alert",
    "gcn.notice.superk.sn_alert",
    "gcn.notices.svom.voevent.grm",
    "gcn.notices.svom.voevent.eclairs",
    "gcn.notices.svom.voevent.mxt",
    "gcn.notices.svom.voevent.vt",
    "gcn.notices.km3net.alert",
    "gcn.notices.km3net.voevent",
    "gcn.notices.fermi.gbm.trigger",
    "gcn.notices.fermi.lat.flare",
    "gcn.notices.boom.alert",
    *(
        f"gcn.classic.voevent.{name}"
        for name in (
            "FERMI_GBM_ALERT",
            "FERMI_GBM_FLT_POS",
            "FERMI_GBM_GND_POS",
            "FERMI_GBM_FIN_POS",
            "FERMI_GBM_SUBTHRESH",
            "FERMI_LAT_POS_INI",
            "FERMI_LAT_POS_UPD",
            "FERMI_LAT_POS_DIAG",
            "FERMI_LAT_GND",
            "FERMI_LAT_OFFLINE",
            "FERMI_LAT_TRANS",
            "FERMI_LAT_MONITOR",
            "SWIFT_BAT_QL_POS",
            "SWIFT_BAT_GRB_POS_ACK",
            "SWIFT_BAT_GRB_POS_NACK",
            "SWIFT_BAT_MONITOR",
            "SWIFT_XRT_POSITION",
            "SWIFT_XRT_CENTROID",
            "SWIFT_UVOT_POS",
            "SWIFT_UVOT_POS_NACK",
            "GRB_CNTRPART",
            "ICECUBE_ASTROTRACK_GOLD",
            "ICECUBE_ASTROTRACK_BRONZE",
            "ICECUBE_CASCADE",
            "AMON_NU_EM_COINC",
            "HAWC_BURST_MONITOR",
            "GECAM_FLT",
            "GECAM_GND",
            "MAXI_KNOWN",
            "MAXI_UNKNOWN",
            "CALET_GBM_FLT_LC",
            "CALET_GBM_GND_LC",
            "KONUS_LC",
            "IPN_RAW",
            "IPN_SEG",
            "IPN_POS",
            "SK_SN",
            "SNEWS",
        )
    ),
)
"""Streams worth having. A topic without a recent record does not exist: that is normal.

Heartbeat and circulars have settings of their own.
"""

DEFAULT_MAP_HOSTS = (
    "gracedb.ligo.org",
    "heasarc.gsfc.nasa.gov",
    "gcn.gsfc.nasa.gov",
    "gcn.nasa.gov",
    "roc.icecube.wisc.edu",
    "opendata.km3net.de",
    "guano.swift.psu.edu",
    "emfollow.docs.ligo.org",
)


class IngestSettings(ServiceSettings):
    """Settings of ingest, read from ``TOO_INGEST_<NAME>``."""

    model_config = service_config("ingest")

    gcn_bootstrap_servers: str | None = Field(
        None,
        description="Broker to take notices from without OIDC (local, tests); unset: GCN itself, "
        "if a client id is given",
    )
    gcn_client_id: str | None = Field(None, description="GCN Kafka client id")
    gcn_client_secret: SecretStr | None = Field(None, description="GCN Kafka client secret")
    gcn_domain: str = Field("gcn.nasa.gov", description="gcn.nasa.gov, test. or dev.gcn.nasa.gov")
    gcn_group_id: str = Field(
        "too.ingest.gcn", description="Consumer group at GCN; fixed, or nothing resumes"
    )
    gcn_topics: tuple[str, ...] = Field(DEFAULT_TOPICS, description="Topics to take in (JSON list)")
    gcn_heartbeat_topic: str = Field(
        "gcn.heartbeat", description="Sign of life, one a second; empty: none is listened to"
    )
    gcn_circulars_topic: str = Field(
        "gcn.circulars", description="GCN Circulars; empty: none are taken in"
    )
    silence_s: dict[str, float] = Field(
        default_factory=lambda: {"gcn.heartbeat": 60.0},
        description="Alarm after so many seconds without a message, by topic (JSON object); "
        'igwn.gwalert has a mock event each hour: {"gcn.heartbeat": 60, "igwn.gwalert": 7200}',
    )
    gcn_unused_s: float = Field(
        7 * 86_400.0,
        description="Alarm if the credentials have brought no message for so long: GCN disables "
        "those that are unused for 30 days, for good",
    )
    circular_age_limit_s: float = Field(
        86_400.0, description="Circulars older than this when they come are not announced"
    )
    gracedb_url: str | None = Field(
        None,
        description="GraceDB for the cross-check of missed superevents, e.g. "
        "https://gracedb.ligo.org; unset: none",
    )
    gracedb_every_s: float = Field(900.0, description="Pause between two cross-checks")
    gracedb_lookback_s: float = Field(
        3 * 86_400.0, description="How far back superevents are compared"
    )
    gracedb_grace_s: float = Field(
        600.0, description="A superevent younger than this may still come by the stream"
    )
    map_hosts: tuple[str, ...] = Field(
        DEFAULT_MAP_HOSTS, description="Hosts from which maps are fetched, by https only"
    )
    map_extra_hosts: tuple[str, ...] = Field(
        (),
        description="Simulators' map servers as host:port, also by http; refused in production",
    )
    map_max_bytes: int = Field(
        64 * 1024 * 1024, description="Larger map files are not fetched or taken by upload"
    )
    map_deadline_s: float = Field(120.0, description="Longest time to normalise one map")
    map_retry_for_s: float = Field(86_400.0, description="How long a late map is asked for again")
    age_limit_s: float = Field(3600.0, description="Notices older than this page nobody")
    event_age_limit_s: float = Field(
        30 * 86_400.0,
        description="A notice about an event that is older than this at the notice's own time "
        "pages nobody (replays of old bursts)",
    )
    worker_memory_mb: int = Field(
        1500,
        description="Address space of a worker process: a file that expands to more is refused",
    )
    max_notice_bytes: int = Field(16 * 1024 * 1024, description="Larger notices are refused")

    def extra_hosts_of(self, profile: str) -> tuple[str, ...]:
        """Simulators' map servers; none in production."""
        return () if profile == "production" else self.map_extra_hosts

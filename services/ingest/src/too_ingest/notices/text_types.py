"""Which packet type a text notice is: its NOTICE_TYPE in words, its topic, its title."""

import re

from too_ingest.notices import families
from too_ingest.notices.packet_types import NAMES

TOPIC_PREFIX = "gcn.classic.text."
_WORD = re.compile(r"[a-z0-9]+")

_RULES: tuple[tuple[str, str], ...] = (
    # LVK
    ("lvc early", "LVC_EARLY_WARNING"),
    ("lvc earlywarning", "LVC_EARLY_WARNING"),
    ("lvc preliminary", "LVC_PRELIMINARY"),
    ("lvc initial", "LVC_INITIAL"),
    ("lvc update", "LVC_UPDATE"),
    ("lvc retraction", "LVC_RETRACTION"),
    ("lvc counterpart", "LVC_COUNTERPART"),
    ("lvc test", "LVC_TEST"),
    # Fermi
    ("gbm alert", "FERMI_GBM_ALERT"),
    ("gbm flight", "FERMI_GBM_FLT_POS"),
    ("gbm ground", "FERMI_GBM_GND_POS"),
    ("gbm final", "FERMI_GBM_FIN_POS"),
    ("gbm subthreshold", "FERMI_GBM_SUBTHRESH"),
    ("gbm sub threshold", "FERMI_GBM_SUBTHRESH"),
    ("gbm subthresh", "FERMI_GBM_SUBTHRESH"),
    ("gbm test", "FERMI_GBM_POS_TEST"),
    ("gbm lightcurve", "FERMI_GBM_LC"),
    ("gbm transient", "FERMI_GBM_TRANS"),
    ("lat initial", "FERMI_LAT_POS_INI"),
    ("lat update", "FERMI_LAT_POS_UPD"),
    ("lat updated", "FERMI_LAT_POS_UPD"),
    ("lat diagnostic", "FERMI_LAT_POS_DIAG"),
    ("lat offline", "FERMI_LAT_OFFLINE"),
    ("lat ground", "FERMI_LAT_GND"),
    ("lat monitor", "FERMI_LAT_MONITOR"),
    ("lat monitored", "FERMI_LAT_MONITOR"),
    ("lat transient", "FERMI_LAT_TRANS"),
    ("lat test", "FERMI_LAT_POS_TEST"),
    ("fermi pointing", "FERMI_POINTDIR"),
    ("fermi slew", "FERMI_SC_SLEW"),
    # Swift
    ("swift actual pointing", "SWIFT_ACTUAL_POINTDIR"),
    ("swift pointing", "SWIFT_POINTDIR"),
    ("bat subsubthreshold", "SWIFT_BAT_SUBSUB"),
    ("bat sub sub", "SWIFT_BAT_SUBSUB"),
    ("bat subthreshold", "SWIFT_BAT_SUB_THRESHOLD"),
    ("bat sub threshold", "SWIFT_BAT_SUB_THRESHOLD"),
    ("bat slew", "SWIFT_BAT_SLEW_POS"),
    ("bat known", "SWIFT_BAT_KNOWN_SRC"),
    ("bat monitor", "SWIFT_BAT_MONITOR"),
    ("bat quicklook", "SWIFT_BAT_QL_POS"),
    ("bat quick look", "SWIFT_BAT_QL_POS"),
    ("bat test", "SWIFT_BAT_GRB_POS_TEST"),
    ("bat nack", "SWIFT_BAT_GRB_POS_NACK"),
    ("bat lightcurve processed", "SWIFT_BAT_GRB_LC_PROC"),
    ("bat lightcurve", "SWIFT_BAT_GRB_LC"),
    ("bat scaled", "SWIFT_BAT_SCALEDMAP"),
    ("bat alert", "SWIFT_BAT_GRB_ALERT"),
    ("bat transient", "SWIFT_BAT_TRANS"),
    ("bat position", "SWIFT_BAT_GRB_POS_ACK"),
    ("xrt nack", "SWIFT_XRT_CENTROID"),
    ("xrt centroid", "SWIFT_XRT_CENTROID"),
    ("xrt position", "SWIFT_XRT_POSITION"),
    ("xrt image processed", "SWIFT_XRT_IMAGE_PROC"),
    ("xrt image", "SWIFT_XRT_IMAGE"),
    ("xrt spectrum processed", "SWIFT_XRT_SPECTRUM_PROC"),
    ("xrt spectrum", "SWIFT_XRT_SPECTRUM"),
    ("xrt lightcurve", "SWIFT_XRT_LC"),
    ("uvot nack", "SWIFT_UVOT_POS_NACK"),
    ("uvot position", "SWIFT_UVOT_POS"),
    ("uvot image processed", "SWIFT_UVOT_DBURST_PROC"),
    ("uvot image", "SWIFT_UVOT_DBURST"),
    ("uvot source processed", "SWIFT_UVOT_FCHART_PROC"),
    ("uvot source", "SWIFT_UVOT_FCHART"),
    ("swift fom", "SWIFT_FOM_OBS"),
    ("swift slew", "SWIFT_SC_SLEW"),
    # neutrinos and HAWC
    ("astrotrack gold", "ICECUBE_ASTROTRACK_GOLD"),
    ("astrotrack bronze", "ICECUBE_ASTROTRACK_BRONZE"),
    ("icecube cascade", "ICECUBE_CASCADE"),
    ("icecube ehe", "AMON_ICECUBE_EHE"),
    ("icecube hese", "AMON_ICECUBE_HESE"),
    ("icecube coinc", "AMON_ICECUBE_COINC"),
    ("icecube coincidence", "AMON_ICECUBE_COINC"),
    ("amon nu em", "AMON_NU_EM_COINC"),
    ("amon neutrino em", "AMON_NU_EM_COINC"),
    ("hawc burst", "HAWC_BURST_MONITOR"),
    # others
    ("integral weak", "INTEGRAL_WEAK"),
    ("integral wakeup", "INTEGRAL_WAKEUP"),
    ("integral refined", "INTEGRAL_REFINED"),
    ("integral offline", "INTEGRAL_OFFLINE"),
    ("integral spi acs", "INTEGRAL_SPIACS"),
    ("integral spiacs", "INTEGRAL_SPIACS"),
    ("integral pointing", "INTEGRAL_POINTDIR"),
    ("maxi unknown", "MAXI_UNKNOWN"),
    ("maxi known", "MAXI_KNOWN"),
    ("maxi test", "MAXI_TEST"),
    ("gecam flight", "GECAM_FLT"),
    ("gecam flt", "GECAM_FLT"),
    ("gecam ground", "GECAM_GND"),
    ("gecam gnd", "GECAM_GND"),
    ("calet flight", "CALET_GBM_FLT_LC"),
    ("calet ground", "CALET_GBM_GND_LC"),
    ("agile mcal", "AGILE_MCAL_ALERT"),
    ("agile wakeup", "AGILE_GRB_WAKEUP"),
    ("agile ground", "AGILE_GRB_GROUND"),
    ("agile refined", "AGILE_GRB_REFINED"),
    ("agile test", "AGILE_GRB_POS_TEST"),
    ("ipn raw", "IPN_RAW"),
    ("ipn segment", "IPN_SEG"),
    ("ipn position", "IPN_POS"),
    ("konus", "KONUS_LC"),
    ("hete test", "HETE_TEST"),
    ("snews", "SNEWS"),
    ("sk supernova", "SK_SN"),
    ("sk sn", "SK_SN"),
    ("counterpart", "GRB_CNTRPART"),
    ("suzaku", "SUZAKU_LC"),
    ("moa", "MOA"),
)
"""Words that must all stand in NOTICE_TYPE (or in the TITLE beside it), in the order of asking."""


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def type_name(notice_type: str, title: str, topic: str | None) -> tuple[str | None, bool]:
    """Name of the packet type, and whether topic and content contradict each other.

    The topic counts where the content agrees on the mission or says nothing that is known.
    """
    words = _words(notice_type)
    with_title = words | (_words(title) - {"gcn", "notice", "position"})
    found = next((n for rule, n in _RULES if set(rule.split()) <= words), None) or next(
        (n for rule, n in _RULES if set(rule.split()) <= with_title), None
    )
    stated = (topic or "").removeprefix(TOPIC_PREFIX) if topic else ""
    if not (topic or "").startswith(TOPIC_PREFIX) or stated not in NAMES.values():
        return found, False
    if found is None:
        return stated, False
    known = families.by_name()
    same = (
        (known[found].family is known[stated].family)
        if found in known and stated in known
        else found.split("_", 1)[0] == stated.split("_", 1)[0]
    )
    return (stated, False) if same else (found, True)

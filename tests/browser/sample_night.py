"""A night as the other services would tell it: events for the bus, and answers of their APIs."""

from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from too_common.astro.cone import ellipse_skymap
from too_common.astro.footprint import Footprint
from too_common.astro.leaves import Leaves
from too_common.astro.skymap import SkyMap
from too_common.contracts import circulars, ingest, notify, planner, queue_submit
from too_common.contracts.alarms import ALARM_BY_SERVICE, AlarmState
from too_common.contracts.base import BlobRef, EventData
from too_planner.coverage import Points
from too_planner.geojson import field_feature, tiles_of
from too_planner.observability import cells_of, observability
from too_planner.plan import Cut, CutReason, Plan, PlannedExposure, empty_statistics
from too_planner.playback import night_of
from too_planner.request import PlanRequest, resolve
from too_planner.telescope import BUILT_IN, read_definitions

RA, DEC, DISTANCE = 197.45, -23.38, 41.0
SQUARE = Footprint.from_definition({"type": "square", "side_deg": 6.9})
TELESCOPES = ("DECam", "Gattini", "GROWTH-India", "KPED", "ZTF")


def skymap() -> SkyMap:
    """A 3-D map around NGC 4993's place and distance."""
    flat = ellipse_skymap(RA, DEC, 7.0, 3.0, 60.0, 0.9)
    n = len(flat)
    sigma = 6.0
    norm = 1.0 / (DISTANCE**2 + sigma**2)
    columns = np.column_stack(
        [flat.probdensity, np.full(n, DISTANCE), np.full(n, sigma), np.full(n, norm)]
    )
    return SkyMap.from_leaves(Leaves(flat.order, flat.ipix, columns))


class Night:
    """One binary neutron star with everything that follows, and two lesser events."""

    def __init__(self, now: datetime, person: UUID) -> None:
        self.now, self.person = now, person
        self.notice = now - timedelta(minutes=14)
        self.event_id, self.localization_id = uuid4(), uuid4()
        self.map = skymap()
        self.fits = self.map.to_fits()
        self.sha256 = self.map.sha256
        self.facts = self.map.facts()
        self.plans = {name: uuid4() for name in TELESCOPES}
        self.submissions = {name: uuid4() for name in TELESCOPES}
        self.incident_id, self.draft_id, self.previous = uuid4(), uuid4(), uuid4()

    def event(self, **changes: Any) -> ingest.EventChanged:
        values: dict[str, Any] = {
            "event_id": self.event_id, "name": "S261122ab", "mission": "lvk",
            "kind": ingest.EventKind.GW,
            "ids": (ingest.NativeId(mission="lvk", native_id="S261122ab", is_primary=True),),
            "event_time": self.notice - timedelta(minutes=3), "first_notice_at": self.notice,
            "latest_notice_at": self.notice, "received_at": self.notice, "notice_id": uuid4(),
            "notice_count": 2, "notice_type": "igwn.gwalert INITIAL",
            "alert_kind": ingest.AlertKind.INITIAL, "tags": ("GW", "BNS", "significant"),
            "facts": ingest.EventFacts(
                far_hz=3.2e-14, significant=True, group="CBC", pipeline="gstlal",
                search="AllSky", instruments=("H1", "L1", "V1"), p_astro=0.9994,
                classification={"BNS": 0.961, "NSBH": 0.031, "BBH": 0.0074, "Terrestrial": 0.0006},
                properties={"HasNS": 1.0, "HasRemnant": 0.984, "HasMassGap": 0.012},
                links={"GraceDB": "https://gracedb.ligo.org/superevents/S261122ab/view/"},
            ),
        }  # fmt: skip
        return ingest.EventChanged(**{**values, **changes})

    def localization(self) -> ingest.LocalizationReady:
        return ingest.LocalizationReady(
            localization_id=self.localization_id, event_id=self.event_id, event_revision=2,
            map=BlobRef(uri=f"/api/ingest/v1/maps/{self.sha256}", owner="ingest",
                        sha256=self.sha256, size_bytes=len(self.fits)),
            origin=ingest.LocalizationOrigin.EMBEDDED, rank=30, is_preferred=True,
            preferred_reason="newest sky map of the mission", is_first=True, sequence=2,
            notice_id=uuid4(), alert_kind=ingest.AlertKind.INITIAL, notice_at=self.notice,
            received_at=self.notice + timedelta(seconds=1), facts=self.facts,
        )  # fmt: skip

    def decision(self) -> notify.DecisionChanged:
        yes = notify.ClauseOutcome.TRUE
        clauses = (
            ("kind is gw", yes, "gw"), ("distance_mean_mpc < 200", yes, 41.3),
            ("area90_deg2 < 200", yes, self.facts.area90_deg2), ("HasNS > 0.5", yes, 1.0),
            ("external coincidence", notify.ClauseOutcome.PENDING, None),
        )  # fmt: skip
        return notify.DecisionChanged(
            decision_id=uuid4(), event_id=self.event_id, event_revision=2,
            localization_id=self.localization_id, map_sha256=self.sha256, program_id=uuid4(),
            program_name="Close and well localized GW", program_version=3,
            verdict=notify.Verdict.WANTED,
            clauses=tuple(
                notify.ClauseResult(clause=c, outcome=o, value=v) for c, o, v in clauses
            ),
            priority=10, planning=notify.PlanningProfile(filters=("g", "r", "g"), max_fields=20),
            submission=notify.SubmissionPolicy(),
        )  # fmt: skip

    def incident(self, state: str = "triggered") -> notify.IncidentChanged:
        opened = self.notice + timedelta(seconds=4)
        people = (("Ada Example", "sms", "delivered", 0), ("Ada Example", "voice", "answered", 1),
                  ("Ben Example", "sms", "delivered", 121), ("Ben Example", "voice", "sent", 122),
                  )  # fmt: skip
        return notify.IncidentChanged(
            incident_id=self.incident_id, event_id=self.event_id,
            title="S261122ab: BNS 96 %, 41 Mpc, 90 % in 74 deg2", state=notify.IncidentState(state),
            opened_at=opened, step=1,
            deliveries=tuple(
                notify.DeliverySummary(
                    delivery_id=uuid4(), account_id=self.person, name=name, channel=channel,
                    purpose="page", state=delivered, at=opened + timedelta(seconds=late),
                )
                for name, channel, delivered, late in people
            ),
        )  # fmt: skip

    def plan(self, telescope: str) -> planner.PlanChanged:
        number = TELESCOPES.index(telescope)
        begin = self.now + timedelta(hours=1 + 2 * number)
        failed = telescope == "KPED"
        statistics = planner.PlanStatistics(
            fields=4 + 3 * number, exposures=12 + 9 * number,
            exposures_by_filter={"g": 8 + 6 * number, "r": 4 + 3 * number},
            probability=0.93 - 0.11 * number, probability_sequence=0.9 - 0.12 * number,
            area_deg2=188.2 / (1 + number), exposure_time_s=300.0 * (12 + 9 * number),
            total_time_s=330.0 * (12 + 9 * number), first_exposure_at=begin,
            last_exposure_end=begin + timedelta(hours=2, minutes=11),
        )  # fmt: skip
        difference = planner.PlanDifference(
            previous_plan_id=self.previous, fields_added=("523", "524"), fields_dropped=("577",),
            probability_before=0.81, probability_before_on_new_map=0.64,
            probability_after=statistics.probability,
        )  # fmt: skip
        return planner.PlanChanged(
            plan_id=self.plans[telescope], event_id=self.event_id, event_revision=2,
            program_name="Close and well localized GW", localization_id=self.localization_id,
            map_sha256=self.sha256, telescope=telescope, name=f"{telescope} tonight",
            state=planner.PlanState.FAILED if failed else planner.PlanState.READY,
            reason="no galaxy of the list is up at night above 20 deg" if failed else None,
            window_begin=self.now, window_end=self.now + timedelta(hours=24),
            statistics=None if failed else statistics, bound=None if failed else 0.957,
            difference=difference if telescope == "ZTF" else None,
            made_at=self.notice + timedelta(seconds=5 + number),
        )  # fmt: skip

    def submission(self, telescope: str, state: str) -> queue_submit.SubmissionChanged:
        sent = state != "draft"
        at = self.notice + timedelta(minutes=6)
        return queue_submit.SubmissionChanged(
            submission_id=self.submissions[telescope], event_id=self.event_id,
            plan_id=self.plans[telescope], facility=telescope,
            facility_mode=queue_submit.FacilityMode.SIMULATED,
            state=queue_submit.SubmissionState(state),
            external_name=f"ToO_S261122ab_{self.plans[telescope].hex[-8:]}_3fa2c1",
            payload_sha256="ab" * 32, window_begin=self.now + timedelta(hours=1),
            window_end=self.now + timedelta(hours=9), exposures_planned=48,
            exposures_executed=17 if state == "active" else 0, total_time_s=15840.0,
            warnings=() if sent else ("Moon at 31 deg from 2 of 16 fields",),
            approved_at=at if sent else None, sent_at=at if sent else None,
            accepted_at=at + timedelta(seconds=2) if sent else None,
            approved_by=self.person if sent else None,
        )  # fmt: skip

    def exposures(self) -> queue_submit.ExposuresExecuted:
        return queue_submit.ExposuresExecuted(
            submission_id=self.submissions["DECam"], event_id=self.event_id,
            plan_id=self.plans["DECam"], facility="DECam",
            exposures=tuple(
                queue_submit.ExecutedExposure(
                    exposure_id=str(i), field_id=str(9000 + i), ra_deg=RA, dec_deg=DEC, filter="g",
                    start=self.now - timedelta(minutes=5 - i), exposure_s=25.0, depth_mag=23.1,
                    source="decam_log",
                )
                for i in range(3)
            ),
        )  # fmt: skip

    def coverage(self) -> planner.CoverageChanged:
        return planner.CoverageChanged(
            event_id=self.event_id, map_sha256=self.sha256, localization_id=self.localization_id,
            telescope="DECam", filter="g", depth_mag=23.1, area_deg2=31.4, probability=0.412,
            exposures=17, first_exposure_at=self.now - timedelta(minutes=5),
            last_exposure_end=self.now, exposure_ids=("1", "2"),
        )  # fmt: skip

    def telescope(self, name: str) -> planner.TelescopeChanged:
        return planner.TelescopeChanged(
            name=name, is_provisional=False,
            definition={
                "long_name": f"The {name} telescope", "filters": ["g", "r", "i"],
                "grid": {"file": "grid.csv"},
                "defaults": {"filters": ["g", "r", "g"], "exposure_times_s": [300.0] * 3,
                             "min_gap_s": 1800.0, "airmass_max": 2.5, "probability": 0.9},
            },
        )  # fmt: skip

    def others(self) -> list[ingest.EventChanged]:
        """A retracted event and a burst without a map."""
        burst = {
            "event_id": uuid4(), "name": "GRB 261122A", "mission": "fermi_gbm",
            "kind": ingest.EventKind.GRB, "notice_type": "FERMI_GBM_GND_POS", "tags": ("short",),
            "alert_kind": ingest.AlertKind.PRELIMINARY, "ids": (), "notice_count": 3,
            "event_time": self.now - timedelta(hours=3),
            "facts": ingest.EventFacts(ra_deg=12.0, dec_deg=40.0, error_radius_deg=4.2,
                                       containment=0.683, duration_s=0.64),
        }  # fmt: skip
        gone = {
            "event_id": uuid4(), "name": "S261121zz", "is_retracted": True, "ids": (),
            "alert_kind": ingest.AlertKind.RETRACTION, "tags": ("GW", "retracted"),
            "event_time": self.now - timedelta(days=1),
        }  # fmt: skip
        return [self.event(**burst), self.event(**gone)]

    def told(self) -> list[tuple[EventData, str, int]]:
        """Every event with its key and revision, in an order that could be."""
        key = str(self.event_id)
        found: list[tuple[EventData, str, int]] = [
            (self.telescope(name), f"telescope:{name}", 1) for name in TELESCOPES
        ]
        found += [
            (ingest.StreamChanged(stream="igwn.gwalert", state=ingest.StreamState.ALIVE,
                                  since=self.now - timedelta(days=2)), "stream:igwn", 1),
            (ingest.StreamChanged(stream="gcn.heartbeat", state=ingest.StreamState.SILENT,
                                  since=self.now - timedelta(minutes=3),
                                  reason="no beat for 180 s"), "stream:heartbeat", 1),
            (ALARM_BY_SERVICE["ingest"](
                alarm_id="silent:gcn.heartbeat", code="silent_stream", state=AlarmState.RAISED,
                severity="critical", summary="gcn.heartbeat is silent for 180 s",
                since=self.now - timedelta(minutes=3)), "alarm:silent", 1),
            (notify.DutyChanged(account_ids=(self.person,), begins_at=self.now,
                                ends_at=self.now + timedelta(hours=8)), "duty", 1),
        ]  # fmt: skip
        found += [(other, str(other.event_id), 1) for other in self.others()]
        found += [(self.event(), key, 2), (self.localization(), key, 1)]
        found += [(self.decision(), key, 1), (self.incident(), key, 1)]
        found += [(self.plan(name), key, 1) for name in TELESCOPES]
        states = {"DECam": "active", "Gattini": "accepted", "ZTF": "draft", "GROWTH-India": "draft"}
        found += [(self.submission(name, state), key, 1) for name, state in states.items()]
        found += [(self.exposures(), key, 1), (self.coverage(), key, 1)]
        found.append(
            (circulars.DraftChanged(
                draft_id=self.draft_id, event_id=self.event_id, version=2,
                subject="LIGO/Virgo/KAGRA S261122ab: DECam observations",
                derived_event="LIGO/Virgo/KAGRA S261122ab", state=circulars.DraftState.DRAFT,
            ), key, 2)
        )  # fmt: skip
        return found

    # -- what the owners answer -----------------------------------------------------------------

    def tiles(self) -> dict[str, Any]:
        return tiles_of(self.made_plan, SQUARE)

    def tiles_before(self) -> dict[str, Any]:
        """Of the plan before: one field more, one less."""
        features = self.tiles()["features"][1:]
        other = field_feature(SQUARE, RA + 14, DEC - 3, {"field_id": "577", "order": 7})
        return {"type": "FeatureCollection", "features": [*features, other]}

    @cached_property
    def observability(self) -> dict[str, Any]:
        """As the planner computes it, of this map from its five sites."""
        definitions = read_definitions(BUILT_IN)
        cells = cells_of(Points.of_map(self.map))
        sites = [
            observability(definitions[name], ra_deg=RA, dec_deg=DEC, begin=self.now, cells=cells)
            for name in TELESCOPES
        ]
        return {"telescopes": sites}

    @cached_property
    def made_plan(self) -> Plan:
        """A plan as the planner keeps it; three visits of seven fields."""
        telescope = read_definitions(BUILT_IN)["ZTF"]
        parameters = resolve(PlanRequest(telescope="ZTF"), telescope, now=self.now)
        rows = [(visit, field) for visit in range(3) for field in range(7)]
        return Plan(
            telescope="ZTF", map_sha256=self.sha256, parameters=parameters,
            exposures=tuple(
                PlannedExposure(
                    number=number, field_id=str(520 + field), ra_deg=RA - 9 + 3 * field,
                    dec_deg=DEC + 4 * (field % 2), filter="grg"[visit],
                    start=self.now + timedelta(minutes=60 + 6 * number), exposure_s=300.0,
                    airmass=1.2 + 0.06 * number, visit=visit + 1, probability=0.09,
                )
                for number, (visit, field) in enumerate(rows, start=1)
            ),
            statistics=empty_statistics(),
            cuts=(
                Cut(reason=CutReason.NEVER_HIGH, probability=0.06, words="never above airmass 2.5"),
                Cut(reason=CutReason.MOON, probability=0.02, words="within 20 deg of the Moon"),
            ),
            notes=("references not checked: no list is loaded",),
        )  # fmt: skip

    @cached_property
    def night(self) -> dict[str, Any]:
        """Its night."""
        telescope = read_definitions(BUILT_IN)["ZTF"]
        return night_of(self.made_plan, telescope, SQUARE, Points.of_map(self.map))

    def document(self) -> dict[str, Any]:
        return self.made_plan.model_dump(mode="json")

    def products(self, plan: UUID) -> dict[str, Any]:
        return {
            "plan_id": str(plan),
            "provenance": {"map_sha256": self.sha256, "engine": "too-planner 0.1.0",
                           "telescope_revision": 1, "request": {}},
            "products": [
                {"name": "exposures.ecsv", "title": "Exposures, ECSV (astropy)",
                 "media_type": "text/plain", "file_name": "S261122ab_ZTF.ecsv",
                 "url": f"/api/planner/v1/plans/{plan}/products/exposures.ecsv"}
            ],
        }  # fmt: skip

    def answers(self) -> dict[str, Any]:
        """JSON answers of the owners, by path."""
        notices = [
            {"id": str(uuid4()), "notice_type": f"igwn.gwalert {kind}",
             "notice_time": (self.notice + timedelta(minutes=i)).isoformat(),
             "received_at": (self.notice + timedelta(minutes=i, seconds=2)).isoformat()}
            for i, kind in enumerate(("PRELIMINARY", "INITIAL"))
        ]  # fmt: skip
        program = {
            "id": str(uuid4()), "version": 3,
            "criteria_in_words": "all of: kind is gw; first map; distance < 200 Mpc; "
            "90 % area < 200 deg2",
            "content": {
                "name": "Close and well localized GW", "priority": 10, "severity": 2,
                "is_active": True, "description": "Three exposures of 200 s, 20 fields a night.",
                "planning": {"filters": ["g", "r", "g"], "exposure_times_s": [200.0] * 3,
                             "max_fields": 20, "probability": 0.7},
                "submission": {"kind": "by_hand"}, "criteria": {"kind": "all_of", "of": []},
            },
        }  # fmt: skip
        facilities = [
            {"name": name, "mode": "simulated", "modes_available": ["off", "simulated"],
             "is_stopped": False, "is_reachable": name != "GROWTH-India", "out_there": 1,
             "contact_error": "timed out" if name == "GROWTH-India" else None}
            for name in TELESCOPES
        ]  # fmt: skip
        entry = {"account_id": str(self.person), "weekdays": [0, 1, 2, 3, 4],
                 "hours_begin": "18:00:00", "hours_end": "08:00:00",
                 "timezone": "Europe/Berlin"}  # fmt: skip
        return {
            f"/events/{self.event_id}/notices": notices,
            f"/maps/{self.sha256}/contours": self.map.contours(),
            f"/events/{self.event_id}/observability": self.observability,
            "/programs": [program],
            "/rota": {"version": 1, "entries": [entry]},
            "/overrides": [],
            "/facilities": {"is_stopped": False, "is_armed": False, "facilities": facilities},
            "/contact-cards/me": {"phone": "+15550100", "email": "ada@example.org",
                                  "timezone": "Europe/Berlin", "is_verified": True,
                                  "channels": ["voice", "sms"], "revision": 4},
            f"/drafts/{self.draft_id}": {
                "id": str(self.draft_id), "version": 2, "state": "draft", "has_news": True,
                "subject": "LIGO/Virgo/KAGRA S261122ab: DECam observations", "problems": [],
                "body": "A. Example (University of Examples)\n\nWe observed 31.4 deg2 ...",
            },
            f"/drafts/{self.draft_id}/versions": [
                {"version": 1, "author_name": "the marshal", "subject": "a", "body": "b",
                 "created_at": self.now.isoformat(), "difference": []}
            ],
            f"/drafts/{self.draft_id}/submission-link": {
                "url": "https://gcn.nasa.gov/circulars/new?subject=x", "is_complete": True,
                "problems": [],
            },
            **{f"/plans/{plan}/tiles": self.tiles() for plan in self.plans.values()},
            **{f"/plans/{plan}/document": self.document() for plan in self.plans.values()},
            f"/plans/{self.previous}/tiles": self.tiles_before(),
            **{f"/plans/{plan}/night": self.night for plan in self.plans.values()},
            **{f"/plans/{plan}/products": self.products(plan) for plan in self.plans.values()},
        }  # fmt: skip

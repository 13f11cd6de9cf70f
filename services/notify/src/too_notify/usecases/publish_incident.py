"""Tell the others how an incident stands."""

from uuid import UUID

from too_common.cause import Cause
from too_common.contracts.base import Mode
from too_common.contracts.notify import DeliverySummary, IncidentChanged, IncidentState
from too_common.uow import UnitOfWork

from too_notify.incident import Acknowledgement, Incident, Via
from too_notify.store import incidents as store
from too_notify.tables import IncidentLogRow, IncidentRow


def cause_of(row: IncidentRow, actor: UUID | None = None) -> Cause:
    """Cause of what an incident brings about, as its notice gave it."""
    return Cause(
        correlation_id=row.correlation_id,
        mode=Mode(row.mode),
        drill_id=row.drill_id,
        actor=actor,
    )


async def as_event(uow: UnitOfWork, row: IncidentRow) -> IncidentChanged:
    """State of an incident for the bus: names and account ids, never a number or address."""
    deliveries = await store.deliveries(uow.session, [row.id])
    return IncidentChanged(
        incident_id=row.id,
        event_id=row.event_id,
        title=row.title,
        state=IncidentState(row.state),
        severity=row.severity,
        opened_at=row.opened_at,
        acknowledged_by=row.ack_account_id,
        acknowledged_name=row.ack_name,
        acknowledged_via=row.ack_via,
        acknowledged_at=row.ack_at,
        resolved_reason=row.resolved_reason,
        step=row.step,
        deliveries=tuple(
            DeliverySummary(
                delivery_id=one.id,
                account_id=one.account_id,
                name=one.name,
                channel=one.channel,
                purpose=one.purpose,
                state=one.state,
                at=one.state_at,
            )
            for one in deliveries
        ),
    )


def key_of(row: IncidentRow) -> str:
    """Partition key: the event's, so that its life stays in order."""
    return str(row.event_id) if row.event_id is not None else f"incident:{row.id}"


async def publish_incident(uow: UnitOfWork, row: IncidentRow) -> None:
    """Publish an incident's state with a new revision."""
    row.revision += 1
    await uow.session.flush()
    uow.publish(
        await as_event(uow, row),
        key=key_of(row),
        revision=row.revision,
        overrides=row.state == IncidentState.RESOLVED,
        cause=cause_of(row, uow.cause.actor),
    )


def read(row: IncidentRow) -> Incident:
    """State of a row."""
    held = None
    if row.ack_account_id is not None and row.ack_at is not None:
        held = Acknowledgement(
            account_id=row.ack_account_id,
            name=row.ack_name or "",
            via=Via(row.ack_via or Via.PAGE),
            at=row.ack_at,
            runs_out_at=row.ack_runs_out_at,
        )
    return Incident(
        state=IncidentState(row.state), acknowledgement=held, resolved_reason=row.resolved_reason
    )


def write(row: IncidentRow, state: Incident) -> None:
    """Put a state into its row."""
    held = state.acknowledgement
    row.state = state.state
    row.resolved_reason = state.resolved_reason
    row.ack_account_id = None if held is None else held.account_id
    row.ack_name = None if held is None else held.name
    row.ack_via = None if held is None else held.via
    row.ack_at = None if held is None else held.at
    row.ack_runs_out_at = None if held is None else held.runs_out_at


def record(
    uow: UnitOfWork,
    row: IncidentRow,
    what: str,
    *,
    account_id: UUID | None = None,
    name: str | None = None,
    via: str | None = None,
    detail: str = "",
) -> None:
    """Append to an incident's log."""
    uow.session.add(
        IncidentLogRow(
            incident_id=row.id,
            at=uow.now,
            what=what,
            account_id=account_id,
            name=name,
            via=via,
            detail=detail,
        )
    )

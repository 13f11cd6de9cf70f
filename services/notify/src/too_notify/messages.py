"""Jobs of notify: what is to be sent, by reference to its row."""

from typing import ClassVar
from uuid import UUID

from too_common.jobs import JobPayload


class SendDelivery(JobPayload):
    """Send one delivery; the row says what, to whom and in which way."""

    TYPE: ClassVar[str] = "send_delivery"
    delivery_id: UUID


class UpdateThread(JobPayload):
    """Bring the first Slack message of an incident up to its state."""

    TYPE: ClassVar[str] = "update_thread"
    incident_id: UUID


class AnswerPress(JobPayload):
    """Answer somebody who pressed a button in Slack."""

    TYPE: ClassVar[str] = "answer_press"
    response_url: str
    text: str

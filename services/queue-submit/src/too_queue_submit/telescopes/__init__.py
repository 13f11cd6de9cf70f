"""One adapter per telescope, behind one protocol; chosen by the name in the facilities file."""

from collections.abc import Mapping

from too_queue_submit.telescopes.base import Comparison, PayloadRow, RenderRequest, TelescopeAdapter
from too_queue_submit.telescopes.decam import DecamAdapter
from too_queue_submit.telescopes.growth_india import GrowthIndiaAdapter
from too_queue_submit.telescopes.queue_json import QueueJsonAdapter
from too_queue_submit.telescopes.ztf import ZtfAdapter

ADAPTERS: Mapping[str, TelescopeAdapter] = {
    adapter.name: adapter
    for adapter in (
        ZtfAdapter(),
        DecamAdapter(),
        QueueJsonAdapter("gattini", {"J": 5, "g": 1, "r": 2, "i": 3, "z": 4}),
        QueueJsonAdapter("kped", {"g": 1, "r": 2, "i": 3, "z": 4}),
        GrowthIndiaAdapter(),
    )
}
"""By the name that the facilities file uses."""

__all__ = ["ADAPTERS", "Comparison", "PayloadRow", "RenderRequest", "TelescopeAdapter"]

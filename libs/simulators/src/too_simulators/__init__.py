"""The outside world in its real wire formats: Twilio, SMTP, Slack, telescopes, IRSA, GCN."""

from too_simulators.running import Simulators
from too_simulators.settings import FileTelescope, SimulatorSettings

__all__ = ["FileTelescope", "SimulatorSettings", "Simulators"]

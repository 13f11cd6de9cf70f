"""What talks to Twilio, Slack and the mail server."""


class ProviderBusyError(Exception):
    """Not taken for certain, and worth another attempt: too many requests, away, greylisted."""


class LostAnswerError(Exception):
    """It may or may not have been taken: look before sending again."""


class NotConfiguredError(Exception):
    """The installation has not set up such a way."""

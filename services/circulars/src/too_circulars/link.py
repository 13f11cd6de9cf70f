"""The prefilled form of GCN's site: the service writes the text, a person presses the button."""

from urllib.parse import urlencode

FORM = "https://gcn.nasa.gov/circulars/new"
MAX_LENGTH = 30_000
"""Browsers take longer addresses; servers in between may not."""


def submission_link(subject: str, body: str, form: str = FORM) -> str:
    """Address of the form with subject and body filled in."""
    return f"{form}?{urlencode({'subject': subject, 'body': body})}"

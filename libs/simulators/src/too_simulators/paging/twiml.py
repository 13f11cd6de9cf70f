"""TwiML as Twilio reads it: the verbs that a paging call needs."""

from typing import Self
from urllib.parse import urljoin

from lxml import etree
from pydantic import BaseModel, Field

SECONDS_PER_CHARACTER = 0.07
"""Speech: about 14 characters a second."""


class TwimlError(ValueError):
    """Not TwiML (Twilio's error 12100 or 12200)."""


class Verb(BaseModel):
    """One verb with its attributes, text and nested verbs."""

    name: str
    attributes: dict[str, str] = Field(default_factory=dict)
    text: str = ""
    children: list[Self] = Field(default_factory=list)

    def attribute(self, name: str, default: str) -> str:
        """Value of an attribute."""
        return self.attributes.get(name, default)

    @property
    def speech_s(self) -> float:
        """How long it takes to say, play or pause."""
        if self.name == "Pause":
            return float(self.attribute("length", "1"))
        if self.name in {"Say", "Play"}:
            loops = max(1, int(self.attribute("loop", "1")))
            return max(0.5, len(self.text) * SECONDS_PER_CHARACTER) * loops
        return sum(child.speech_s for child in self.children)

    @property
    def spoken(self) -> list[str]:
        """What is heard, nested verbs included."""
        own = [self.text] if self.name in {"Say", "Play"} and self.text else []
        return own + [line for child in self.children for line in child.spoken]


def parse_twiml(document: str) -> list[Verb]:
    """Read a TwiML document.

    Parameters
    ----------
    document
        XML with the root element ``Response``.

    Raises
    ------
    TwimlError
        Not well-formed, or another root element.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(document.encode(), parser)
    except etree.XMLSyntaxError as error:
        raise TwimlError(f"12100 document parse failure: {error}") from error
    if root.tag != "Response":
        raise TwimlError(f"12200 schema: the root is {root.tag!r}, not 'Response'")
    return [_verb(child) for child in root if isinstance(child.tag, str)]


def _verb(element: etree._Element) -> Verb:
    return Verb(
        name=str(element.tag),
        attributes={str(key): str(value) for key, value in element.attrib.items()},
        text=(element.text or "").strip(),
        children=[_verb(child) for child in element if isinstance(child.tag, str)],
    )


def resolve(base_url: str | None, address: str) -> str:
    """Address of an ``action`` or ``Redirect``, relative to the document's own."""
    return urljoin(base_url, address) if base_url else address

"""Changes to messages that know their form: XML, JSON, text, binary, or bytes of any kind."""

import gzip
import json
import re
import struct
from collections.abc import Callable
from random import Random
from typing import Any

LARGEST = 2_000_000
"""Above the limit for XML; larger ones would only take the time of the generator."""
Mutator = Callable[[bytes, Random], bytes]

TEXTS = (
    "", " ", "0", "-0", "1", "-1", "1e308", "-1e-20", "1e999", "-1e999", "nan", "NaN", "inf",
    "Infinity",
    "9" * 400, "0x7fffffff", "2147483647", "-2147483648", "9223372036854775808", "1.7976931e308",
    "true", "false", "None", "null", "\\u0000", "\ufffe", "\u202e", "é", "日本", "\U0001f4a5",
    "a" * 5000, "A" * 70_000, "2026-02-30T25:61:61Z", "9999-12-31T23:59:60Z", "0001-01-01T00:00:00",
    "2022-01--4918T11:09:20.47", "2026-11-22T03:00:00+99:99", "-99999", "99999", "S261122aa", "MS1",
    "ivo://", "ivo://a#b", "http://", "https://x/y.fits,0", "file:///etc/passwd", "//evil/x.fits",
    "https://" + "h" * 3000 + "/x.fits", "../../x", "142000_17", "1_2_3", "'; drop table x;--",
    "%s%n", "${jndi:ldap://x}", "<b>", "]]>", "&amp;", "retraction", "Hz", "yr^-1", "90%", "٣", "½",
)  # fmt: skip
NUMBERS: tuple[Any, ...] = (
    0, -0.0, 1, -1, 0.5, 1e-320, -1e-20, 1e308, -1e308, 2**31 - 1, 2**63, -(2**63), 10**30, 10**400,
    360, 360.0, 359.9999999, 90, -90, 90.0001, 180, 1e-12,
)  # fmt: skip
WORDS = (0, 1, -1, 10, 2**31 - 1, -(2**31), 99_999, 100_000, 65_536, 0x64646464, 0x7F7F7F7F)
ENCODINGS = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "latin-1", "cp037", "utf-8-sig")
DECLARED = (b"UTF-16", b"UTF-8", b"ISO-8859-1", b"EBCDIC-CP-US", b"UTF-7", b"klingon", b"")
_VALUE = re.compile(
    rb'(value|unit|name|ivorn|role|cite|version|type|uri)\s*=\s*("[^"]*"|\'[^\']*\')'
)
_TEXT_NODE = re.compile(rb">([^<>]{1,400})<")
_ELEMENT = re.compile(rb"<(\w[\w:]*)\b[^<>]*?(?:/>|>[^<>]*</\1>)")
_OPEN = re.compile(rb"<(/?)(\w[\w:]*)")


NONSENSE = (
    b"\0", b"\0" * 40, b"\xff\xfe", b"\xef\xbb\xbf", b"<", b"&", b'"', b"]]>", b"\x1b[2J",
    b"\xed\xa0\x80", b"{" * 60, b"[" * 500,
)  # fmt: skip

# bytes ------------------------------------------------------------------------------------


def truncate(body: bytes, dice: Random) -> bytes:
    """Cut the end, or the beginning."""
    at = dice.randrange(len(body) + 1)
    return body[:at] if dice.random() < 0.8 else body[at:]


def flip(body: bytes, dice: Random) -> bytes:
    """Change some bytes."""
    changed = bytearray(body)
    for _ in range(dice.choice((1, 1, 2, 8, 64))):
        if changed:
            changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


def insert(body: bytes, dice: Random) -> bytes:
    """Put nonsense somewhere."""
    at = dice.randrange(len(body) + 1)
    data = dice.choice((*NONSENSE, dice.randbytes(9)))
    return body[:at] + data + body[at:]


def repeat(body: bytes, dice: Random) -> bytes:
    """Repeat or remove a part."""
    a = dice.randrange(len(body) + 1)
    b = min(len(body), a + dice.randrange(400))
    return body[:a] + body[a:b] * dice.choice((0, 2, 3, 20)) + body[b:]


def squeeze(body: bytes, dice: Random) -> bytes:
    """Gzip it, whole or cut."""
    packed = gzip.compress(body, compresslevel=1, mtime=0)
    return packed if dice.random() < 0.5 else packed[: dice.randrange(len(packed) + 1)]


def recode(body: bytes, dice: Random) -> bytes:
    """Write the same letters in another encoding."""
    text = body.decode("utf-8", errors="replace")
    return text.encode(dice.choice(ENCODINGS), errors="replace")


def wrap(body: bytes, dice: Random) -> bytes:
    """Byte order marks, blanks and rubbish around it."""
    front = dice.choice(
        (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\r\n \t", b"\0", b"#!\n", b"")
    )
    return front + body + dice.choice((b"", b"\0" * 9, b"\n" * 99, b"<!-- -->", b"}", body[:99]))


# XML --------------------------------------------------------------------------------------


def _sub_one(
    pattern: re.Pattern[bytes], body: bytes, dice: Random, new: Callable[[bytes], bytes]
) -> bytes:
    found = list(pattern.finditer(body))
    if not found:
        return body
    match = dice.choice(found)
    return body[: match.start()] + new(match[0]) + body[match.end() :]


def _xml_text(dice: Random) -> bytes:
    text = dice.choice(TEXTS).replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return text.encode("utf-8", errors="replace")


def xml_value(body: bytes, dice: Random) -> bytes:
    """Another value of an attribute."""
    return _sub_one(
        _VALUE, body, dice, lambda old: old.split(b"=")[0] + b'="' + _xml_text(dice) + b'"'
    )


def xml_text(body: bytes, dice: Random) -> bytes:
    """Another text of an element."""
    return _sub_one(_TEXT_NODE, body, dice, lambda _: b">" + _xml_text(dice) + b"<")


def xml_element(body: bytes, dice: Random) -> bytes:
    """An element gone, twice, many times, inside itself or in a comment."""

    def new(old: bytes) -> bytes:
        name = _OPEN.match(old)[2]  # type: ignore[index]
        return dice.choice(
            (b"", old * 2, old * 300, b"<" + name + b">" + old + b"</" + name + b">",
             b"<!--" + old.replace(b"--", b"") + b"-->", b"<![CDATA[" + old + b"]]>")
        )  # fmt: skip

    return _sub_one(_ELEMENT, body, dice, new)


def xml_swap(body: bytes, dice: Random) -> bytes:
    """Two values change places."""
    found = list(_VALUE.finditer(body))
    if len(found) < 2:
        return body
    a, b = sorted(dice.sample(found, 2), key=lambda m: m.start())
    return (
        body[: a.start()] + a[1] + b"=" + b[2] + body[a.end() : b.start()]
        + b[1] + b"=" + a[2] + body[b.end() :]
    )  # fmt: skip


def xml_names(body: bytes, dice: Random) -> bytes:
    """Elements with another name or namespace."""
    return _sub_one(
        _OPEN,
        body,
        dice,
        lambda old: dice.choice((old + b"x", b"<q:" + old[1:], old.lower(), old.upper())),
    )


def xml_entities(body: bytes, dice: Random) -> bytes:
    """Document types, bombs, external entities, processing instructions."""
    start = body.find(b"?>")
    at = start + 2 if start >= 0 else 0
    bomb = b'<!DOCTYPE a [<!ENTITY a "' + b"a" * 50 + b'">' + b"".join(
        b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9)
    ) + b"]>"  # fmt: skip
    extra = dice.choice(
        (
            bomb,
            b'<!DOCTYPE v [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
            b'<!DOCTYPE v SYSTEM "http://127.0.0.1:1/x.dtd">',
            b'<!DOCTYPE v [<!ENTITY % p SYSTEM "http://127.0.0.1:1/p"> %p;]>',
            b'<?xml-stylesheet href="http://127.0.0.1:1/x.xsl"?>',
            b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/hostname"/>',
            b"<!\0DOCTYPE x>",
        )
    )
    body = body[:at] + extra + body[at:]
    return (
        _sub_one(_TEXT_NODE, body, dice, lambda _: b">&x;&j;&#0;&#55296;<")
        if dice.random() < 0.5
        else body
    )


def xml_declaration(body: bytes, dice: Random) -> bytes:
    """A declaration that lies about the encoding."""
    end = body.find(b"?>")
    rest = body[end + 2 :] if end >= 0 else body
    declared = dice.choice(DECLARED)
    raw = b"<?xml version='1.0' encoding='" + declared + b"'?>" + rest
    if dice.random() < 0.4:
        try:
            return raw.decode("utf-8", errors="replace").encode(
                declared.decode() or "utf-8", errors="replace"
            )
        except LookupError:
            return raw
    return raw


def xml_deep(body: bytes, dice: Random) -> bytes:
    """Groups within groups."""
    at = body.find(b"</What>")
    depth = dice.choice((10, 200, 5000))
    inside = b"<Group name='g'>" * depth + b"<Param name='TrigID' value='1'/>" + b"</Group>" * depth
    return body[:at] + inside + body[at:] if at >= 0 else body


# JSON -------------------------------------------------------------------------------------


def _places(value: Any, found: list[tuple[Any, Any]], limit: int = 400) -> None:
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in items:
        if len(found) >= limit:
            return
        found.append((value, key))
        _places(item, found, limit)


def _json_value(dice: Random) -> Any:
    return dice.choice(
        (
            dice.choice(TEXTS),
            dice.choice(NUMBERS),
            dice.choice(
                (None, True, False, [], {}, [[]], [None], {"": ""}, float("nan"), float("inf"))
            ),
            [dice.choice(NUMBERS) for _ in range(dice.randrange(6))],
            {dice.choice(TEXTS)[:50]: dice.choice(NUMBERS)},
            [dice.choice(TEXTS)[:99] for _ in range(dice.choice((1, 3, 500)))],
        )
    )


def _nested(dice: Random) -> Any:
    value: Any = dice.choice(NUMBERS)
    for _ in range(dice.choice((5, 39, 41, 150))):
        value = [value] if dice.random() < 0.5 else {"a": value}
    return value


def json_tree(body: bytes, dice: Random) -> bytes:
    """Other values, members gone, added or moved."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return flip(body, dice)
    places: list[tuple[Any, Any]] = []
    _places(document, places)
    for _ in range(dice.choice((1, 1, 2, 5))):
        if not places:
            break
        holder, key = dice.choice(places)
        action = dice.random()
        try:
            if action < 0.6:
                holder[key] = _json_value(dice)
            elif action < 0.75:
                del holder[key]
            elif action < 0.85:
                other, name = dice.choice(places)
                holder[key] = other[name] if other[name] is not holder else None
            else:
                holder[key] = _nested(dice)
        except (KeyError, IndexError):
            continue
    try:
        return json.dumps(document, ensure_ascii=dice.random() < 0.5).encode(
            "utf-8", errors="surrogatepass"
        )
    except (ValueError, RecursionError):
        return body


def json_text(body: bytes, dice: Random) -> bytes:
    """Keys twice, numbers without end, depth, constants that are no JSON."""
    extra = dice.choice(
        (
            b'"id": "x", "id": ["y"], ',
            b'"ra": ' + b"1" * dice.choice((20, 400, 5000)) + b", ",
            b'"far": 1e' + b"9" * dice.choice((3, 40)) + b", ",
            b'"dec": NaN, "ra": -Infinity, ',
            b'"event": ' + b"[" * dice.choice((50, 3000, 100_000)) + b"]" * 50 + b", ",
            b'"a": "\\ud800", "b": "\\u0000", ',
            b'"superevent_id": "S1a", "alert_type": "UPDATE", ',
            b'"ivorn": "ivo://a#b", "Who": [], "What": [[]], ',
            b'"circularId": 1, "body": [], ',
            b'"$schema": "' + b"/gcn/notices/" * dice.choice((1, 500)) + b'x.json", ',
            b'"detector_name": {}, "machine_time": 1, ',
            b'"healpix_file": "' + b"A" * 4000 + b'", ',
        )
    )
    at = body.find(b"{") + 1
    return body[:at] + extra + body[at:] if at else body


# text and binary --------------------------------------------------------------------------


def text_lines(body: bytes, dice: Random) -> bytes:
    """Lines gone, twice, moved, or with another value."""
    lines = body.split(b"\n")
    for _ in range(dice.choice((1, 2, 6))):
        at = dice.randrange(len(lines))
        action = dice.randrange(5)
        if action == 0:
            lines[at : at + 1] = []
        elif action == 1:
            lines[at : at + 1] = [lines[at]] * dice.choice((2, 500))
        elif action == 2:
            dice.shuffle(lines)
        else:
            key = lines[at].split(b":")[0]
            lines[at] = key + b": " + dice.choice(TEXTS).encode("utf-8", errors="replace")
        lines = lines or [b""]
    return b"\n".join(lines)


def binary_words(body: bytes, dice: Random) -> bytes:
    """Words with other values; now and then another length."""
    words = list(struct.unpack(f">{len(body) // 4}i", body[: len(body) // 4 * 4]))
    for _ in range(dice.choice((1, 2, 10))):
        if words:
            words[dice.randrange(len(words))] = dice.choice((*WORDS, dice.getrandbits(31)))
    if words and dice.random() < 0.5:
        words[0] = dice.randrange(200)
    raw = struct.pack(f">{len(words)}i", *words)
    return raw if dice.random() < 0.9 else raw[: dice.randrange(161)]


ANY: tuple[Mutator, ...] = (truncate, flip, flip, insert, repeat, squeeze, recode, wrap)
XML: tuple[Mutator, ...] = (
    xml_value, xml_value, xml_value, xml_text, xml_text, xml_element, xml_swap, xml_names,
    xml_entities, xml_declaration, xml_deep,
)  # fmt: skip
JSON: tuple[Mutator, ...] = (json_tree, json_tree, json_tree, json_tree, json_text)


def mutate(body: bytes, dice: Random) -> bytes:
    """Change a message one to four times, mostly in its own form."""
    head = body[:300].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \r\n\t")
    own: tuple[Mutator, ...] = (text_lines,)
    if head.startswith(b"<"):
        own = XML
    elif head.startswith(b"{"):
        own = JSON
    elif len(body) == 160:
        own = (binary_words,)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 4))):
        body = dice.choice(own if dice.random() < 0.85 else ANY)(body, dice)
        if not body:
            break
    return body[:LARGEST]

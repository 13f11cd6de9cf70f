"""Bad input through the public interfaces of one running stack: the answers, and no harm done.

`pytest -s` prints what was put in and what came of it.
"""

import asyncio
import base64
import io
import json
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import randrange
from uuid import uuid4

import httpx
import numpy as np
import psutil
import pytest
from astropy.io import fits
from confluent_kafka import KafkaError, Producer
from stack import TOO
from too_ingest.samples import make_sample

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(600),
]

MB = 1_000_000
TELESCOPES = {"ZTF", "DECam", "KPED", "Gattini", "GROWTH-India"}
VOEVENT_TOPIC = "gcn.classic.voevent.FERMI_GBM_ALERT"
VOEVENT = (
    '<?xml version="1.0"?>\n{prologue}\n<voe:VOEvent '
    'xmlns:voe="http://www.ivoa.net/xml/VOEvent/v2.0" role="observation" version="2.0" '
    'ivorn="ivo://nasa.gsfc.gcn/Fermi#GBM_Alert_{ident}"><What><Param name="TrigID" value="1"/>'
    "</What><Why>{text}</Why></voe:VOEvent>"
)
BOMB = "".join(f'<!ENTITY b{n} "{f"&b{n - 1};" * 10 if n else "boom" * 10}">' for n in range(12))
XML = {
    "XML with an external entity": (
        '<!DOCTYPE v [<!ENTITY leak SYSTEM "file:///etc/passwd">]>',
        "&leak;",
    ),
    "XML with an entity over HTTP": (
        '<!DOCTYPE v [<!ENTITY leak SYSTEM "http://127.0.0.1:9/">]>',
        "&leak;",
    ),
    "XML entity bomb": (f"<!DOCTYPE v [{BOMB}]>", "&b11;"),
    "XML with an external DTD": ('<!DOCTYPE v SYSTEM "http://127.0.0.1:9/v.dtd">', "nothing"),
}
TABLE: list[tuple[str, str]] = []


@pytest.fixture(scope="module", autouse=True)
def table():
    """Print what was put in and what it was answered."""
    TABLE.clear()
    yield
    width = max((len(name) for name, _ in TABLE), default=0)
    print("\n\n" + "\n".join(f"{name:<{width}}  {answer}" for name, answer in TABLE))  # noqa: T201  -- the table is what `-s` is for


def note(name, answer, where=""):
    """Keep a line of the table."""
    if isinstance(answer, httpx.Response):
        said = answer.json()
        words = said.get("detail") or said.get("reason") or said.get("rejected") or said
        answer = f"{answer.status_code} {words}"
    TABLE.append((name, f"{answer}{f' [{where}]' if where else ''}"))


def problem(name, answer, status, *words):
    """Check a problem document and that it says what is wrong and where."""
    assert answer.status_code == status, f"{name}: {answer.status_code} {answer.text[:500]}"
    assert answer.headers["content-type"].startswith("application/problem+json"), name
    body = answer.json()
    assert body["status"] == status
    assert body["title"]
    for word in words:
        assert word in body["detail"], f"{name}: {word!r} is not in {body['detail']!r}"
    note(name, answer)
    return body


async def hand_in(world, topic, body):
    return await world.api.post("/api/ingest/v1/notices", params={"topic": topic}, content=body)


async def dead_letter(world, raw_id):
    found = await world.items("ingest/v1/dead-letters", limit=500)
    return next((item for item in found if item["raw_id"] == raw_id), None)


async def assert_dead(world, name, topic, body, *words):
    """It is stored and buried: listed with its reason, its bytes kept."""
    answer = await hand_in(world, topic, body)
    assert answer.status_code == 202, answer.text
    taken = answer.json()
    assert taken["state"] == "dead", taken
    assert taken["event_id"] is None
    for word in words:
        assert word in taken["reason"], taken["reason"]
    note(name, f"202 dead letter: {taken['reason']}")
    letter = await dead_letter(world, taken["raw_id"])
    assert letter is not None, f"{name}: no dead letter"
    assert (letter["state"], letter["topic"]) == ("open", topic)
    assert letter["reason"] == taken["reason"]
    kept = await world.api.get(f"/api/ingest/v1/dead-letters/{letter['id']}/raw")
    assert kept.content == body, f"{name}: other bytes were kept"
    assert "sandbox" in kept.headers["content-security-policy"]


# -- notices -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", XML)
async def test_xml_that_wants_more_than_to_be_read(world, name):
    prologue, text = XML[name]
    asked = []

    async def asks(_reader, writer):
        asked.append(name)
        writer.close()

    async with await asyncio.start_server(asks, "127.0.0.1", 0) as outside:
        port = outside.sockets[0].getsockname()[1]
        body = VOEVENT.format(
            prologue=prologue.replace("127.0.0.1:9", f"127.0.0.1:{port}"),
            text=text,
            ident=uuid4().hex,
        ).encode()
        await assert_dead(world, name, VOEVENT_TOPIC, body, "document type or entity")
    assert asked == [], "what the document names was fetched"


async def test_truncated_notices(world):
    whole = make_sample("bns", await world.now(), randrange(600))[0].body
    await assert_dead(
        world, "truncated JSON", "igwn.gwalert", whole[: len(whole) // 2], "JSON", "line 1"
    )
    packet = VOEVENT.format(prologue="", text="none", ident=uuid4().hex).encode()
    await assert_dead(world, "truncated XML", VOEVENT_TOPIC, packet[:-40], "XML", "line")
    noise = bytes(range(256)) + uuid4().bytes
    await assert_dead(world, "no text at all", "igwn.gwalert", noise)


async def test_empty_notice(world):
    problem("empty notice", await hand_in(world, "igwn.gwalert", b""), 422, "empty")


async def test_a_notice_of_100_mb(world):
    """Refused by its stated length, and by what comes if no length is stated."""
    front, owner = world.stack.port_base, world.stack.port_base + 10
    before = {port: peak_memory_mb(port) for port in (front, owner)}
    stated, sent = await push(world, 100 * MB, stop_after=MB)
    problem("100 MB notice, length stated", stated, 413, "64 MB")
    assert sent <= 2 * MB, "the answer came only after the body"
    unstated, sent = await push(world, 100 * MB, chunked=True)
    problem("100 MB notice, length not stated", unstated, 413, "64000000 bytes", "not taken")
    assert sent < 90 * MB, "all of it was read"
    middling, _ = await push(world, 20 * MB)
    problem("20 MB notice, length stated", middling, 413, "20000000 bytes", "16777216")
    for port, was in before.items():
        assert peak_memory_mb(port) - was < 60, "the notice was held in memory"


def peak_memory_mb(port):
    """Highest resident memory so far of the process that listens on a port."""
    pid = next(
        item.pid
        for item in psutil.net_connections("tcp")
        if item.status == psutil.CONN_LISTEN and item.laddr.port == port
    )
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


async def push(world, size, *, chunked=False, stop_after=None):
    """Send a large body until the answer comes; the answer, and how much was sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", world.stack.port_base)
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    head = (
        "POST /api/ingest/v1/notices?topic=igwn.gwalert HTTP/1.1\r\nHost: marshal\r\n"
        f"Authorization: Bearer {world.stack.access['token']}\r\n{length}\r\n\r\n"
    )
    writer.write(head.encode())
    answer = asyncio.create_task(read_answer(reader))
    piece = b"{" * 65536
    frame = f"{len(piece):x}\r\n".encode() + piece + b"\r\n" if chunked else piece
    sent = 0
    try:
        with suppress(ConnectionError):
            while sent < min(size, stop_after or size) and not answer.done():
                writer.write(frame)
                await writer.drain()
                sent += len(piece)
                await asyncio.sleep(0)
        async with asyncio.timeout(60):
            return await answer, sent
    finally:
        answer.cancel()
        writer.transport.abort()


async def read_answer(reader):
    data = b""
    while piece := await reader.read(65536):
        data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:])
        length = headers.get("content-length")
        ended = body.endswith(b"0\r\n\r\n") if length is None else len(body) >= int(length)
        if b"\r\n\r\n" in data and ended:
            break
    if "content-length" not in headers:
        body = body.partition(b"\r\n")[2].rpartition(b"\r\n0\r\n")[0]
        headers = {k: v for k, v in headers.items() if k != "transfer-encoding"}
    return httpx.Response(int(lines[0].split()[1]), headers=headers, content=body)


async def test_an_oversized_kafka_message(world):
    """The broker refuses it: its limit is the one for notices, maps included."""
    said = []
    producer = Producer({"bootstrap.servers": world.stack.kafka, "message.max.bytes": 200 * MB})
    producer.produce(
        "igwn.gwalert",
        b"{" * (17 * MB),
        partition=0,
        on_delivery=lambda error, _: said.append(error),
    )
    await asyncio.to_thread(producer.flush, 60)
    assert said, "the broker did not answer"
    assert said[0] is not None, "it was taken"
    assert said[0].code() == KafkaError.MSG_SIZE_TOO_LARGE, said[0]
    note("17 MB Kafka message", f"{said[0].name()}: {said[0].str()}", where="broker")


async def test_bad_messages_of_the_broker_hold_nothing_up(world):
    """Bad notices of a partition become dead letters; the good one behind them is read."""
    now = await world.now()
    good, *_ = make_sample("retracted", now, randrange(600))
    bad = {
        "truncated JSON over Kafka": good.body[:-300] + uuid4().hex.encode(),
        "XML with an external entity over Kafka": VOEVENT.format(
            prologue=XML["XML with an external entity"][0], text="&leak;", ident=uuid4().hex
        ).encode(),
        "not a notice over Kafka": b"\x00\xff" + uuid4().bytes,
    }
    for body in bad.values():
        await world.produce("igwn.gwalert", good.key, body)
    await world.produce(good.topic, good.key, good.body)
    await world.until(lambda: event_named(world, good.native_id), what="the good one's event")
    for name, body in bad.items():
        letter = await world.until(lambda body=body: letter_of(world, body), what=name)
        assert letter["source"] == "kafka"
        note(name, f"dead letter: {letter['reason']}")


async def letter_of(world, body):
    for letter in await world.items("ingest/v1/dead-letters", limit=500):
        if letter["size_bytes"] == len(body) and letter["source"] == "kafka":
            raw = await world.api.get(f"/api/ingest/v1/dead-letters/{letter['id']}/raw")
            if raw.content == body:
                return letter
    return None


async def test_an_unknown_mission_is_stored_and_shown(world):
    ident = f"MB{uuid4().hex[:8]}"
    body = {
        "mission": "Moonbase Alpha", "id": [ident], "trigger_time": f"{await world.now():%FT%TZ}",
        "ra": 120.5, "dec": -20.1, "ra_dec_error": 0.5,
    }  # fmt: skip
    answer = await hand_in(world, "gcn.notices.moonbase.alert", json.dumps(body).encode())
    assert answer.status_code == 202, answer.text
    taken = answer.json()
    assert taken["state"] == "parsed", taken
    shown = await world.until(lambda: on_the_page(world, taken["event_id"]), what="the event")
    assert shown["name"] == ident
    assert "unknown stream" in shown["tags"]
    note("an unknown mission", f"202 parsed; shown as {shown['mission']}, {shown['tags']}")
    raw = await world.api.get(f"/api/ingest/v1/notices/{taken['notice_id']}/raw")
    assert json.loads(raw.content) == body


async def on_the_page(world, event_id):
    found = await world.items("vetting-api/v1/events")
    return next((item for item in found if item["event_id"] == event_id), None)


async def event_named(world, name):
    found = await world.items("ingest/v1/events")
    return next((item for item in found if item["name"] == name), None)


# -- maps --------------------------------------------------------------------------------------


def spoiled(skymap, how):
    """A map that cannot be used."""
    if how == "corrupt":
        return skymap[:2880] + bytes(reversed(skymap[2880:6000])) + skymap[6000 : len(skymap) // 2]
    with fits.open(io.BytesIO(skymap)) as hdus:
        hdus[1].data["PROBDENSITY"] = np.nan if how == "NaN" else 0.0
        out = io.BytesIO()
        hdus.writeto(out)
    return out.getvalue()


HOW = ("corrupt", "zeros", "NaN")


@pytest.mark.parametrize("how", HOW)
async def test_an_alert_with_a_bad_map_still_pages(world, how):
    """The map fails with its reason; the alert itself is an event like any other."""
    sample = make_sample("bns", await world.now(), randrange(600, 9000))[0]
    alert = json.loads(sample.body)
    skymap = spoiled(base64.b64decode(alert["event"]["skymap"]), how)
    alert["event"]["skymap"] = base64.b64encode(skymap).decode()
    await world.produce(sample.topic, sample.key, json.dumps(alert).encode())
    event = await world.until(lambda: event_named(world, sample.native_id), what="the event")
    failed = await world.until(lambda: map_of(world, event["id"], "failed"), what="a failed map")
    assert failed["reason"].startswith("the map cannot be used: "), failed
    assert failed["map_sha256"] is None
    note(f"embedded map: {how}", f"event stored, {failed['reason']}")
    await world.until(lambda: incident_of(world, event["id"]), what="an incident")


@pytest.mark.parametrize("how", HOW)
async def test_upload_of_a_bad_map(world, how):
    event = await event_by_hand(world)
    alert = json.loads(make_sample("bns", await world.now(), 3)[0].body)
    skymap = spoiled(base64.b64decode(alert["event"]["skymap"]), how)
    answer = await world.api.post(f"/api/ingest/v1/events/{event['id']}/maps", content=skymap)
    assert answer.status_code == 202, answer.text
    failed = await world.until(lambda: map_of(world, event["id"], "failed"), what="a failed map")
    assert failed["reason"].startswith("the map cannot be used: "), failed
    note(f"uploaded map: {how}", f"202, then failed: {failed['reason']}")
    now = await world.get(f"ingest/v1/events/{event['id']}")
    assert now["map_sha256"] == event["map_sha256"], "a bad map took the place of a good one"


async def event_by_hand(world):
    """An event with a map of its error circle."""
    made = await world.post(
        "ingest/v1/events",
        {"name": f"hand {uuid4().hex[:8]}", "ra_deg": 150.0, "dec_deg": 2.0, "radius_deg": 3.0},
    )
    await world.until(lambda: map_of(world, made["id"], "ready"), what="the circle's map")
    return await world.get(f"ingest/v1/events/{made['id']}")


async def map_of(world, event_id, state):
    found = await world.items(f"ingest/v1/events/{event_id}/localizations")
    return next((item for item in found if item["state"] == state), None)


async def incident_of(world, event_id):
    found = await world.items("notify/v1/incidents")
    return next((item for item in found if item["event_id"] == event_id), None)


# -- people ------------------------------------------------------------------------------------


async def test_wrong_tokens_and_missing_scopes(world):
    for name, token in (
        ("a token of nobody", "too_pat_" + "x" * 40),
        ("no token at all in that header", "open sesame"),
        ("an unsigned token", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."),
    ):
        answer = await world.api.get(
            "/api/ingest/v1/events", headers={"Authorization": f"Bearer {token}"}
        )
        problem(name, answer, 401, "token")
        assert answer.headers["www-authenticate"] == "Bearer"
    made = await world.post(
        "vetting-api/v1/accounts/me/tokens",
        {"name": "reader", "scopes": ["read"], "lifetime_days": 1},
    )
    reader = {"Authorization": f"Bearer {made['token']}"}
    assert (await world.api.get("/api/ingest/v1/events", headers=reader)).status_code == 200
    for name, path, body, scope in (
        ("a notice without the scope", "ingest/v1/notices", {}, "admin"),
        ("a plan without the scope", "planner/v1/plans", {"telescope": "ZTF"}, "plan"),
        ("an account without the scope", "vetting-api/v1/accounts", {"username": "x"}, "admin"),
    ):
        answer = await world.api.post(f"/api/{path}", json=body, headers=reader)
        problem(name, answer, 403, "scope", scope)


async def test_webhooks_with_a_wrong_signature(world):
    base = f"http://127.0.0.1:{world.stack.port_base + 11}/webhooks"
    form = {"From": "+15555550101", "Body": "ACK 1234", "MessageStatus": "delivered"}
    async with httpx.AsyncClient() as outside:
        for path, header, sender in (
            ("twilio/sms", {"X-Twilio-Signature": "AAAA"}, "Twilio"),
            ("twilio/status/abc", {}, "Twilio"),
            ("slack/interactions", {"X-Slack-Signature": "v0=00"}, "Slack"),
        ):
            answer = await outside.post(f"{base}/{path}", data=form, headers=header)
            problem(f"webhook {path}, wrong signature", answer, 403, "not signed", sender)


async def test_plans_that_cannot_be_meant(world):
    now = await world.now()

    def window(begin_h, end_h):
        begin, end = (now + timedelta(hours=hours) for hours in (begin_h, end_h))
        return {"window_begin": begin.isoformat(), "window_end": end.isoformat()}

    zero = window(5, 5)
    one = {"begin": zero["window_begin"], "end": zero["window_end"]}
    for name, body, words in (
        ("plan for a past window", window(-30, -20), ("window is over", "ended")),
        ("plan for a window of zero length", zero, ("window", "no length")),
        ("plan for a window that ends first", window(5, 4), ("window", "before it begins")),
        ("one of several windows is empty", {"windows": [one]}, ("windows.0", "no length")),
        ("plan with an unknown filter", {"filters": ["H-alpha"]}, ("H-alpha", "g, r, i")),
        ("plan for an unknown telescope", {"telescope": "HST"}, ("HST", "DECam")),
        ("plan for a field that is none", {"field_ids": [999_999]}, ("999999",)),
        ("plan with an exposure below zero", {"exposure_times_s": [-3]}, ("exposure_times_s",)),
        ("plan with an unknown parameter", {"airmas_max": 2}, ("airmas_max",)),
    ):
        answer = await world.api.post(
            "/api/planner/v1/plans", json={"telescope": "ZTF", "field_ids": [600], **body}
        )
        problem(name, answer, 422, *words)
    nowhere = await world.api.post(
        "/api/planner/v1/plans", json={"telescope": "ZTF", "event_id": str(uuid4())}
    )
    problem("plan for an event that is none", nowhere, 404, "event")


async def test_a_candidates_file_with_one_bad_row(world):
    mark = uuid4().hex[:6]
    rows = (f"good{mark},10.5,20.5,19.1,r,61000.1", f"bad{mark},eleven,20.5,19.1,r,61000.1",
            f"sexagesimal{mark},10:11:12.1,+20:00:01,19.1,r,61000.1")  # fmt: skip
    answer = await world.api.post(
        "/api/vetting-api/v1/candidates/file",
        content="\n".join(("name,ra,dec,mag,filter,mjd", *rows)).encode(),
    )
    assert answer.status_code == 201, answer.text
    result = answer.json()
    assert [item["row"] for item in result["accepted"]] == [1, 3]
    (bad,) = result["rejected"]
    assert (bad["row"], bad["name"]) == (2, f"bad{mark}")
    assert "ra_deg" in bad["detail"]
    note("candidates file with one bad row", f"201, two taken; row 2: {bad['detail']}")
    nothing = await world.api.post("/api/vetting-api/v1/candidates/file", content=b"a,b\n1,2\n")
    assert nothing.status_code == 422, nothing.text


# -- and after all of it -----------------------------------------------------------------------


async def test_the_pipeline_still_runs(world):
    """A good alert goes all the way to its plans; nothing was parked on the way."""
    sample = make_sample("bns", await world.now(), randrange(600))[0]
    await world.produce(sample.topic, sample.key, sample.body)
    event = await world.until(lambda: event_named(world, sample.native_id), what="the event")
    await world.until(lambda: map_of(world, event["id"], "ready"), what="the map")
    await world.until(lambda: incident_of(world, event["id"]), what="an incident")
    plans = await world.until(lambda: five(world, event["id"]), what="five plans")
    drafts = await world.until(lambda: drafted(world, event["id"]), what="a draft")
    wrong = await world.api.post(
        f"/api/queue-submit/v1/submissions/{drafts[0]['submission_id']}/approve",
        json={"payload_sha256": "0" * 64},
    )
    problem("approval of another payload", wrong, 409, "payload")
    note("a good alert after all that", f"event, map, page, {len(plans)} plans, drafts")
    assert await parked_messages(world.stack) == []


async def five(world, event_id):
    found = await world.items("planner/v1/plans", event_id=event_id)
    ready = {item["telescope"] for item in found if item["state"] == "ready"}
    return ready if ready == TELESCOPES else None


async def drafted(world, event_id):
    found = await world.items("queue-submit/v1/submissions", event_id=event_id)
    return [item for item in found if item["state"] == "draft"]


async def parked_messages(stack):
    """Messages that a service could not handle, as an operator sees them."""
    process = await asyncio.create_subprocess_exec(
        str(TOO), "dlq", "list", env=stack.environment, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return [line for line in out.decode().splitlines()[1:] if line.strip() != "(none)"]

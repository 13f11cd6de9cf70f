"""Contracts on the bus: schemas are current, changes are compatible, old messages stay readable."""

import copy
import json
from pathlib import Path

import pytest
from too_common.contracts import event_types, parse_envelope, snapshots
from too_common.contracts.base import EventData

FOLDER = Path(__file__).parents[2] / "libs/common/schemas"
EXAMPLES = sorted((FOLDER / "examples").glob("*.json"))


def test_checked_in_schemas_are_current():
    assert snapshots.read_folder(FOLDER) == snapshots.current()


def test_every_type_has_an_example():
    named = {file.name.split(".example")[0] for file in EXAMPLES}
    missing = {f"{name}.v{version}" for name, version in event_types()} - named
    assert missing == set()


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_every_example_ever_written_can_be_read(file):
    envelope = parse_envelope(file.read_bytes())
    assert type(envelope.data) is not EventData
    again = parse_envelope(envelope.model_dump_json())
    assert again == envelope


def test_unknown_fields_and_types_do_not_disturb_readers():
    message = json.loads(EXAMPLES[0].read_text())
    message["new_field"] = 1
    message["data"]["another"] = {"deep": True}
    assert parse_envelope(json.dumps(message)).data is not None
    message["type"] = "ingest.not_yet_known"
    assert type(parse_envelope(json.dumps(message)).data) is EventData


def schema(**properties):
    return {"properties": properties, "required": list(properties), "$defs": {}}


@pytest.mark.parametrize(
    ("new", "problem"),
    [
        (schema(), "disappeared"),
        (schema(a={"type": "string"}), "no longer integer"),
        (schema(a={"type": "integer"}, b={"type": "string"}), "no default"),
    ],
)
def test_breaking_changes_are_found(new, problem):
    found = snapshots.incompatibilities(schema(a={"type": "integer"}), new)
    assert len(found) == 1
    assert problem in found[0]


def test_widening_is_compatible():
    new = schema(a={"anyOf": [{"type": "integer"}, {"type": "null"}]}, b={"default": 1})
    assert snapshots.incompatibilities(schema(a={"type": "integer"}), new) == []


def test_a_lost_enumeration_value_is_found():
    old = {"properties": {}, "$defs": {"S": {"enum": ["a", "b"]}}}
    new = copy.deepcopy(old)
    new["$defs"]["S"]["enum"] = ["a", "c"]
    assert snapshots.incompatibilities(old, new) == ["S: value 'b' disappeared"]

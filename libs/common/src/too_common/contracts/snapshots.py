"""JSON Schemas of all events, checked in, and the rule of what may change.

A change that breaks old readers, or makes old messages unreadable, needs a new version of the
type. `incompatibilities` finds such changes between the checked-in schema and the current one.
"""

import json
from pathlib import Path
from typing import Any

from too_common.contracts.base import Envelope, EventData, event_types


def file_name(event_type: str, version: int) -> str:
    """Name of a schema file: ``ingest.event_changed.v1.json``."""
    return f"{event_type}.v{version}.json"


def schema_of_type(model: type[EventData]) -> dict[str, Any]:
    """JSON Schema of a whole message (envelope and payload), as it is written."""
    envelope: Any = Envelope[model]  # type: ignore[valid-type]
    schema: dict[str, Any] = envelope.model_json_schema(mode="serialization")
    return schema


def current() -> dict[str, str]:
    """All schemas as text, by file name."""
    return {
        file_name(name, version): json.dumps(schema_of_type(model), indent=1, sort_keys=True) + "\n"
        for (name, version), model in sorted(event_types().items())
    }


def read_folder(folder: Path) -> dict[str, str]:
    """Checked-in schemas, by file name."""
    return {
        item.name: item.read_text(encoding="utf-8") for item in sorted(folder.glob("*.v*.json"))
    }


def incompatibilities(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Changes from ``old`` to ``new`` that break a reader or a stored message.

    Checked for every model in the schemas: a field that old readers rely on disappears; a field
    becomes required that old messages lack; a field's type loses a member; an enumeration loses a
    value. New optional fields, new enumeration values and new models are compatible (readers
    ignore unknown fields; they must treat unknown enumeration values as a parked message).
    """
    found: list[str] = []
    old_models = {"message": old, **old.get("$defs", {})}
    new_models = {"message": new, **new.get("$defs", {})}
    for name, old_model in old_models.items():
        new_model = new_models.get(name)
        if new_model is None:
            found.append(f"model {name} disappeared")
            continue
        found.extend(_compare(name, old_model, new_model))
    return found


def _compare(name: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    found = [
        f"{name}: value {value!r} disappeared"
        for value in old.get("enum", ())
        if value not in new.get("enum", ())
    ]
    old_fields, new_fields = old.get("properties", {}), new.get("properties", {})
    for field, old_schema in old_fields.items():
        if field not in new_fields:
            found.append(f"{name}.{field} disappeared")
        elif lost := _types(old_schema) - _types(new_fields[field]):
            found.append(f"{name}.{field} is no longer {' or '.join(sorted(lost))}")
    found.extend(
        f"{name}.{field} is new and has no default: old messages cannot be read"
        for field in set(new_fields) - set(old_fields)
        if "default" not in new_fields[field]
        and field in new.get("required", ())
        and not _has_default_factory(new_fields[field])
    )
    return found


def _has_default_factory(schema: dict[str, Any]) -> bool:
    # in serialization mode every field is required; containers default to empty ones
    return schema.get("type") in {"array", "object"}


def _types(schema: dict[str, Any]) -> set[str]:
    if "anyOf" in schema:
        return set().union(*(_types(item) for item in schema["anyOf"]))
    if "$ref" in schema:
        return {str(schema["$ref"]).rsplit("/", 1)[-1]}
    kind = str(schema.get("type", "any"))
    return {f"{kind}:{schema['format']}" if "format" in schema else kind}

"""PostgreSQL: one schema and one role per service."""

from too_common.db.engine import Database, make_engine
from too_common.db.metadata import UtcDateTime, bus_table, schema_of, service_metadata

__all__ = ["Database", "UtcDateTime", "bus_table", "make_engine", "schema_of", "service_metadata"]

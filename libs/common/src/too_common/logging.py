"""Structured logs: JSON in production, a readable line on a terminal.

The entry points bind event, correlation and message id to each line. Telephone numbers, mail
addresses and tokens are never logged; a processor blanks what looks like one all the same.
"""

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

_PHONE = re.compile(r"\+\d[\d\s-]{6,}\d")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
_SECRET_KEYS = re.compile(r"token|secret|password|authorization|api_key|cookie", re.IGNORECASE)


def redact(value: str) -> str:
    """Blank telephone numbers and mail addresses in a text."""
    return _MAIL.sub("<mail>", _PHONE.sub("<number>", value))


def _redactor(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if _SECRET_KEYS.search(key):
            event[key] = "<secret>"
        elif isinstance(value, str):
            event[key] = redact(value)
    return event


def _to_stderr(*_arguments: Any) -> structlog.WriteLogger:
    # looked up at each line: whoever replaces sys.stderr (tests, supervisors) gets the lines
    return structlog.WriteLogger(sys.stderr)


class _StderrHandler(logging.Handler):
    """Writes records to whatever ``sys.stderr`` is at the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            self.handleError(record)


def configure(*, service: str, json: bool = True, level: str = "INFO") -> None:
    """Set up structlog and the standard library's logging for a process."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redactor,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_to_stderr,
        cache_logger_on_first_use=False,
    )
    handler = _StderrHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.INFO))
    for noisy in (
        "aiokafka",
        "httpx",
        "httpcore",
        "uvicorn.access",
        "alembic",
        "asyncssh",
        "pgqueuer",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(service=service)

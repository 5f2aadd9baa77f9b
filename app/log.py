"""Logs: one JSON object a line, with ids only and never a child's details."""

import json
import logging
import sys
from datetime import UTC, datetime

# Attributes that every LogRecord has; what a caller adds with `extra=` is all the rest.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line. JSON escapes line breaks and control characters, so no value can forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
        }
        line |= {name: str(value) for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["where"] = _where(record)
        return json.dumps(line, ensure_ascii=True)


def configure(level: str) -> None:
    """Send every logger's lines to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # These speak of every request, probe, query and font; their words may quote what was typed.
    for noisy in ("uvicorn.access", "alembic", "httpx", "httpcore", "fontTools", "sqlalchemy.engine"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _where(record: logging.LogRecord) -> str:
    # The exception's own text is left out: database errors quote the values they were given.
    trace = record.exc_info[2] if record.exc_info else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else ""

"""Logs: one line an event, with ids and counts, never message text and never a secret."""

import logging
import sys
import warnings
from typing import Literal

import structlog

from deploy.settings import Settings

Level = Literal["debug", "info", "warning", "error"]
CHATTY = ("slack_bolt", "slack_sdk", "discord", "aiohttp.access", "uvicorn", "httpx", "alembic.runtime.plugins")


def set_up_logs(settings: Settings, at_least: Level = "debug") -> None:
    """Send everything, libraries included, through structlog to standard error."""
    level = max(getattr(logging, settings.log_level.upper()), getattr(logging, at_least.upper()))
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    lines = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    renderer: structlog.types.Processor = structlog.processors.JSONRenderer() if settings.log_json else lines
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    processors = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=processors))
    warnings.simplefilter("ignore", FutureWarning)  # for the libraries' developers; the tests make them errors
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(max(level, logging.WARNING))

"""Keeps the progress messages in the channels up to date while a run goes on."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from bot.events import MessageRef
from bot.lineage import RunState
from bot.people import Platform
from bot.ports import Connector, Store, Unit
from bot.retraining import describe_progress
from bot.texts import Texts

EVERY_S = 3.0


@dataclass(frozen=True)
class Reporting:
    store: Store
    connectors: Mapping[Platform, Connector]
    texts: Texts

    async def run(self) -> None:
        """Update until cancelled."""
        shown = ""
        while True:
            message, text = await self.store.run(self._news)
            if message is not None and text != shown and message.platform in self.connectors:
                await self.connectors[message.platform].update(message, text)
                shown = text
            await asyncio.sleep(EVERY_S)

    def _news(self, unit: Unit) -> tuple[MessageRef | None, str]:
        for run in unit.runs.latest(limit=3):
            if run.state is RunState.RUNNING and run.progress is not None:
                return unit.outbox.message_of(run.id), describe_progress(run.progress, self.texts)
        return None, ""

"""A TCP proxy of our own that spoils the way: it delays, trickles, cuts, swallows and turns away. Knows no protocol.

After toxiproxy's toxics (github.com/Shopify/toxiproxy): latency, slicer with a bandwidth, reset_peer, timeout, down.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum

CHUNK = 65_536
LATENCY_S = 0.6
"""At most, for each chunk."""
TRICKLE = 64
"""Bytes at a time, ..."""
TRICKLE_S = 0.02
"""... so far apart."""


class Toxic(StrEnum):
    LATENCY = "latency"
    SLOW = "slow bytes"
    CUT = "cut in the middle of a message"
    HALF_OPEN = "half-open"
    """Bytes vanish on the lines of this time, and go on vanishing; nobody is told."""
    REFUSED = "refused"


@dataclass(eq=False)
class Line:
    """One connection through the proxy."""

    client: asyncio.StreamWriter
    peer: asyncio.StreamWriter
    is_dead: bool = False

    def abort(self) -> None:
        for each in (self.client, self.peer):
            each.transport.abort()


@dataclass
class Proxy:
    peer_port: int
    rng: random.Random
    port: int = 0
    toxic: Toxic | None = None
    cuts: int = 0
    _lines: set[Line] = field(default_factory=set)

    def set(self, toxic: Toxic | None) -> None:
        self.toxic = toxic
        for line in list(self._lines):
            if toxic is Toxic.HALF_OPEN:
                line.is_dead = True
            elif toxic is Toxic.REFUSED:
                line.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.toxic is Toxic.REFUSED:
            writer.transport.abort()
            return
        peer_reader, peer_writer = await asyncio.open_connection("127.0.0.1", self.peer_port)
        line = Line(writer, peer_writer, is_dead=self.toxic is Toxic.HALF_OPEN)
        self._lines.add(line)
        try:
            await asyncio.gather(self._pump(line, reader, peer_writer), self._pump(line, peer_reader, writer))
        finally:
            self._lines.discard(line)
            line.abort()

    async def _pump(self, line: Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK):
                if not line.is_dead:
                    await self._pass_on(line, chunk, writer)
            if not line.is_dead:
                writer.close()

    async def _pass_on(self, line: Line, chunk: bytes, writer: asyncio.StreamWriter) -> None:
        match self.toxic:
            case Toxic.LATENCY:
                await asyncio.sleep(self.rng.uniform(0.0, LATENCY_S))
            case Toxic.SLOW:
                while chunk and self.toxic is Toxic.SLOW:
                    writer.write(chunk[:TRICKLE])
                    chunk = chunk[TRICKLE:]
                    await asyncio.sleep(TRICKLE_S)
            case Toxic.CUT:
                self.cuts += 1
                writer.write(chunk[: self.rng.randrange(len(chunk))])
                await asyncio.sleep(0)  # what was written is on its way
                line.abort()
                return
        if not line.is_dead:
            writer.write(chunk)
            await writer.drain()

    def close(self) -> None:
        for line in list(self._lines):
            line.abort()


@asynccontextmanager
async def proxy(peer_port: int, rng: random.Random) -> AsyncIterator[Proxy]:
    through = Proxy(peer_port, rng)
    async with await asyncio.start_server(through.serve, "127.0.0.1", 0) as server:
        through.port = server.sockets[0].getsockname()[1]
        try:
            yield through
        finally:
            through.close()

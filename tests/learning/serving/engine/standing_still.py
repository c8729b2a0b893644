"""Holds an engine up in the middle of an answer."""

import threading

from learning.serving.engine import Engine


class StandingStill:
    """Holds the engine's thread after its first piece of text until it is told to go on."""

    def __init__(self, engine: Engine, go_on: threading.Event) -> None:
        self._model = engine._versions.kept[-1].model
        self._go_on = go_on
        self._steps = 0

    def __enter__(self) -> None:
        self._hook = self._model.register_forward_pre_hook(self._wait)

    def __exit__(self, *_: object) -> None:
        self._hook.remove()

    def _wait(self, *_: object) -> None:
        self._steps += 1
        if self._steps > 5:
            assert self._go_on.wait(30)

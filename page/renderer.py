"""The processes that draw: they work while their caller reads and writes.

The renderer lets no other thread of its process run, and its start alone costs a third of
a second, which passes while the figures are read.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

from warehouse.connect import WarehouseError

COMMAND = [sys.executable, "-m", "page.vega"]
PROCESSES = 2  # a third would start for too few pictures


class Renderer:
    """Draws about in the order asked; a context, at whose end the processes end."""

    def __enter__(self) -> "Renderer":
        self._started = [
            subprocess.Popen(  # noqa: S603 - our own module
                COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
            )
            for _ in range(PROCESSES)
        ]
        self._idle: SimpleQueue[subprocess.Popen[str]] = SimpleQueue()
        for process in self._started:
            self._idle.put(process)
        self._threads = ThreadPoolExecutor(PROCESSES)
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)
        for process in self._started:
            process.communicate()

    def draw(self, spec: str, data: Mapping[str, Any]) -> Future[str]:
        """The specification (Vega-Lite, as JSON) with rows for its data sets, by name.

        Raises:
            WarehouseError: It cannot be drawn; raised when the picture is asked for.
        """
        return self._threads.submit(self._drawn, json.dumps([spec, data]))

    def _drawn(self, request: str) -> str:
        process = self._idle.get()
        asked, answered = process.stdin, process.stdout
        if asked is None or answered is None:
            raise AssertionError("opened as pipes")
        try:
            print(request, file=asked, flush=True)
            answer = answered.readline()
        except BrokenPipeError:
            answer = ""
        finally:
            self._idle.put(process)
        if not answer:
            raise WarehouseError("the pictures could not be drawn; look at the memory, run again")
        svg: str = json.loads(answer)
        return svg

"""The process that draws: it works while its caller reads and writes.

The renderer lets no other thread of its process run, and its start alone costs a third of
a second, which passes while the figures are read. Two such processes would cost a fifth
more to save a twentieth of the time: each has to learn the work anew.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from warehouse.connect import WarehouseError

COMMAND = [sys.executable, "-m", "page.vega"]


class Renderer:
    """Draws in the order asked; a context, at whose end the process ends."""

    def __enter__(self) -> "Renderer":
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self._thread = ThreadPoolExecutor(1)
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)
        self._process.communicate()

    def draw(self, spec: str, data: Mapping[str, Any]) -> Future[str]:
        """The specification (Vega-Lite, as JSON) with rows for its data sets, by name.

        Raises:
            WarehouseError: It cannot be drawn; raised when the picture is asked for.
        """
        return self._thread.submit(self._svg, json.dumps([spec, data]))

    def _svg(self, request: str) -> str:
        requests, answers = self._process.stdin, self._process.stdout
        if requests is None or answers is None:
            raise AssertionError("opened as pipes")
        try:
            print(request, file=requests, flush=True)
            answer = answers.readline()
        except BrokenPipeError:
            answer = ""
        if not answer.endswith("\n"):  # it died before, or in the midst of it
            raise WarehouseError("the pictures could not be drawn; look at the memory, run again")
        svg: str = json.loads(answer)
        return svg

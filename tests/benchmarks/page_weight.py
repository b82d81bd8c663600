"""How much of the page a reader must fetch, and how soon there is a first picture.

Run from the repository: ``python tests/benchmarks/page_weight.py data/published/page``.
"""

import gzip
import shutil
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

FIRST = ("fr/index.html", "style.css", "script.js")
CPU_SLOWER = 4
LINE_BYTES = 50_000  # a second
PAINTED = """() => new Promise(done => new PerformanceObserver(seen =>
    seen.getEntriesByName('first-contentful-paint').forEach(paint => done(paint.startTime))
).observe({type: 'paint', buffered: true}))"""
WHOLE = "performance.getEntriesByType('navigation')[0].loadEventEnd"


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


def sizes(paths: list[Path]) -> str:
    """Kilobytes as they lie on disk, and as a server would send them."""
    raw = [path.read_bytes() for path in paths]
    packed = map(gzip.compress, raw)
    return "{:.0f} KB, {:.0f} KB gzipped".format(*(sum(map(len, b)) / 1000 for b in (raw, packed)))


def painted(browser: Browser, address: str, line_bytes: int) -> tuple[float, float]:
    """Milliseconds to the first picture and to the whole page; line_bytes -1: any speed."""
    context = browser.new_context(viewport={"width": 390, "height": 800})
    tab = context.new_page()
    slow = context.new_cdp_session(tab)
    slow.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWER})
    slow.send("Network.enable")
    slow.send("Network.emulateNetworkConditions", {
        "offline": False, "latency": 0, "uploadThroughput": -1, "downloadThroughput": line_bytes,
    })  # fmt: skip
    tab.goto(address)
    first, whole = (float(tab.evaluate(script)) for script in (PAINTED, WHOLE))
    context.close()
    return first, whole


def main() -> None:
    """Print sizes, then times over the line and without one."""
    site = Path(sys.argv[1])
    largest = sorted(site.rglob("*.html"), key=lambda page: page.stat().st_size)[-3:]
    print(f"first view: {sizes([site / name for name in FIRST])}")
    for page in reversed(largest):
        print(f"{page.relative_to(site)}: {sizes([page])}")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for name in (FIRST[0], "fr/regions.html", "fr/MLI.sikasso.html"):
            for line, words in ((-1, "no line"), (LINE_BYTES, f"{LINE_BYTES // 1000} KB/s")):
                address = f"http://127.0.0.1:{server.server_port}/{name}"
                times = [painted(browser, address, line) for _ in range(5)]
                first, whole = (median(times) / 1000 for times in zip(*times, strict=True))
                print(f"{name}, CPU {CPU_SLOWER}x slower, {words}: first picture {first:.2f} s, "
                      f"whole {whole:.2f} s")  # fmt: skip


if __name__ == "__main__":
    main()

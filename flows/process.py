"""What holds for the whole process: how it ends when asked to, and what no proxy stands between."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from types import FrameType
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# SOCKS proxies of the environment, by scheme (http, https, all), that httpx has no package for.
SOCKS: dict[str, str] = {}


def end(number: int, _: FrameType | None) -> None:
    """End this process as it stands, with exit code 128 + ``number``.

    As a power cut would, for which all that is written is made: transactions, whole files.
    Unwinding instead would pass through libraries that swallow it or print tracebacks. The
    run's Prefect server ends by itself, since its standard input does.
    """
    with suppress(Exception):  # it may have come in the middle of a write, or the reader is gone
        sys.stdout.flush()
    with suppress(OSError):
        os.write(2, f"tocsin: ended by {signal.Signals(number).name}; run again\n".encode())
    os._exit(128 + number)


def end_on_signals() -> None:
    """Let the signals end this process; under ``nohup`` SIGHUP stays ignored.

    SIGINT is ignored in what a shell starts in the background: who sends it there means it.
    """
    for number in SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """As ``end_on_signals``, until the block is left."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    end_on_signals()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def reach_loopback_directly() -> None:
    """See that no proxy of the environment stands between this process and its own machine.

    Prefect's clients and server read the environment when they are made. A SOCKS proxy that
    httpx cannot speak to would end them all, so it is taken out; ``unusable_proxy`` tells of it.
    """
    for name in ("NO_PROXY", "no_proxy"):
        text = os.environ.get(name) or os.environ.get(name.swapcase()) or ""
        listed = [host.strip() for host in text.split(",") if host.strip()]
        if "*" not in listed:
            missing = [host for host in LOOPBACK if host not in listed]
            os.environ[name] = ",".join([*listed, *missing])
    for scheme, address in getproxies().items():
        if address.lower().startswith("socks") and not find_spec("socksio"):
            SOCKS[scheme] = address
            for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY"):
                os.environ.pop(name, None)


def unusable_proxy(url: str) -> str | None:
    """Why an address cannot be reached through the proxy that the environment names for it.

    Returns:
        The reason with its cure; None: there is no proxy for it, or one that can be used.
    """
    target = urlsplit(url)
    if target.scheme in getproxies() or proxy_bypass(target.netloc):
        return None
    for scheme in (target.scheme, "all"):
        if scheme in SOCKS:
            return (
                f"{scheme.upper()}_PROXY names a SOCKS proxy, for which the package socksio is "
                "missing: install it (pip install socksio), name an http proxy, or name the host "
                "in NO_PROXY"
            )
    return None

"""HTTP that behaves: bounded, patient, resumable, and silent about secrets."""

import hashlib
import json
import logging
import os
import shutil
import ssl
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from functools import cache, cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pyarrow as pa
from tenacity import RetryCallState, Retrying, retry_if_exception_type
from tenacity.wait import wait_exponential_jitter

from config.files import read_or_set_aside, write_atomically
from config.registry import SourceError
from config.texts import printable

logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs addresses, which may hold a secret
AGENT = "tocsin (early warning of political violence)"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
RETRY_STATUSES = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT}
ABSENT_STATUSES = (
    HTTPStatus.NOT_FOUND,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.GONE,
)  # of what may not be there
SHOWN = 200  # characters of an answer told in an error
PAGE_READ = 4_000  # bytes of a web page in which a site's guard tells of itself
GUARD_SIGNS = (
    b"just a moment", b"attention required", b"access denied", b"captcha", b"cf-chl", b"incapsula",
    b"unusual traffic",
)  # fmt: skip
GUARDED = "the site's guard refuses this machine's network; run Tocsin elsewhere"


@dataclass(frozen=True)
class Limits:
    """What a source may cost in one run.

    Attributes:
        requests: Requests, retries included.
        seconds: From the first request to the last.
        bytes: Of one answer, unpacked.
        ratio: Unpacked over received, from one megabyte on.
        tries: Of one request.
        tries_unreached: Where there is no connection at all.
        redirects: Followed in a row.
        longest_wait: Seconds between two tries; a server that asks for more is left for the
            next run.
        timeout: Seconds without a byte.
    """

    requests: int = 2_000
    seconds: float = 900
    bytes: int = 2**30
    ratio: float = 200
    tries: int = 8
    tries_unreached: int = 3
    redirects: int = 5
    longest_wait: float = 60
    timeout: float = 30


def _validators(content: bytes) -> dict[str, dict[str, str]]:
    validators: dict[str, dict[str, str]] = json.loads(content)
    texts = (text for entry in validators.values() for text in entry.values())
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("an entry is no text")
    return validators


def _verified_part(content: bytes) -> bytes:
    """Bytes of a cached part, which follow their digest in the file."""
    length = hashlib.sha256().digest_size
    if hashlib.sha256(content[length:]).digest() != content[:length]:
        raise ValueError("not what was fetched")
    return content[length:]


class _PageError(SourceError):
    """A web page came where data were asked for."""


class _RetryableError(Exception):
    """Worth another try: says why, after how many seconds where the server says so, how often."""

    def __init__(self, why: str, after: float | None = None, tries: int | None = None) -> None:
        super().__init__(why)
        self.after = after
        self.tries = tries


@dataclass(frozen=True)
class Reply:
    """An answer: status 200, 304 or (where asked for) one the caller handles itself."""

    status: int
    content: bytes
    headers: Mapping[str, str]
    url: str

    def json(self, source: str) -> Any:
        """The content as JSON.

        Raises:
            SourceError: It is none.
        """
        try:
            return json.loads(self.content)
        except ValueError as error:
            raise SourceError(
                f"{source}: {self.url} answered what is no JSON ({error}): "
                f"{_shown(self.content)}; its last good figures stay in use"
            ) from None


@dataclass
class Client:
    """Requests of one source in one run.

    Attributes:
        source: Its name, for messages.
        folder: Where parts of unfinished downloads and validators are kept.
        secrets: Values by the name of their environment variable; never told.
        limits: What it may cost.
        last_version: Of the newest delivery accepted.
        today: The day, from which versions are looked for.
        sleep: Waits so many seconds.
    """

    source: str
    folder: Path
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    limits: Limits = Limits()
    _: KW_ONLY
    last_version: str | None = None
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    sleep: Callable[[float], None] = time.sleep
    _requests: int = 0
    _began: float | None = None

    @cached_property
    def _connections(self) -> httpx.Client:
        """Kept open from request to request, closed with the client."""
        authorities = _authorities(*map(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR")))
        pool = httpx.Client(
            timeout=self.limits.timeout, headers={"User-Agent": AGENT}, verify=authorities
        )
        weakref.finalize(self, pool.close)
        return pool

    def get(
        self,
        url: str,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (),
        retry_statuses: tuple[int, ...] = (),
    ) -> Reply:
        """Answer to a GET, after as many tries as the limits allow.

        Args:
            url: Address.
            params: Query; not told in errors, since it may hold a secret.
            headers: More headers; they are not sent on to another host.
            accept: Statuses beside 200 that the caller handles.
            retry_statuses: Statuses beside 429 and 5xx that pass with time.

        Raises:
            SourceError: No good answer within the limits; says what was answered.
        """
        return self._send_with_retries("GET", url, params, headers, None, accept, retry_statuses)

    def post(
        self,
        url: str,
        data: Mapping[str, str] | None = None,
        body: object = None,
        accept: tuple[int, ...] = (),
    ) -> Reply:
        """Answer to a POST of a form (``data``) or of JSON (``body``)."""
        return self._send_with_retries(
            "POST", url, None, None, {"data": data, "json": body}, accept, ()
        )

    def download(
        self, url: str, headers: Mapping[str, str] | None = None, is_due: bool = True
    ) -> bytes | None:
        """A file, asked for only if it changed since it was last landed; None: there is none.

        Args:
            url: Address.
            headers: More headers.
            is_due: Whether the file must be there by now. One that need not be is not there
                yet where the server refuses it or answers a web page, as some do for 404.

        Raises:
            SourceError: As ``get``.
        """
        memory = self.folder / "validators.json"
        validators = read_or_set_aside(memory, _validators, "files are asked for anew") or {}
        last = validators.get(url, {})
        landed_bytes = self._read_landed(str(last.get("sha256")))
        conditions = {}
        if landed_bytes is not None:
            names = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
            conditions = {header: last[name] for name, header in names.items() if last.get(name)}
        absent = (HTTPStatus.NOT_FOUND,) if is_due else ABSENT_STATUSES
        accept = (*absent, *((HTTPStatus.NOT_MODIFIED,) if landed_bytes is not None else ()))
        try:
            reply = self.get(url, headers={**(headers or {}), **conditions}, accept=accept)
        except _PageError:
            if is_due:
                raise
            return None
        if reply.status in absent:
            return None
        if reply.status == HTTPStatus.NOT_MODIFIED:
            return landed_bytes
        entry = {
            name: reply.headers[name] for name in ("etag", "last-modified") if name in reply.headers
        }
        validators[url] = {**entry, "sha256": hashlib.sha256(reply.content).hexdigest()}
        write_atomically(memory, json.dumps(validators, indent=1))
        return reply.content

    def _read_landed(self, sha256: str) -> bytes | None:
        """Bytes that landed before; None: there are none, or not those."""
        path = self.folder / f"{sha256}.zst"
        if not path.is_file():
            return None
        try:
            with pa.input_stream(path) as stream:
                content: bytes = stream.read()
        except OSError:
            return None  # fetched again, and then landed in its place
        return content if hashlib.sha256(content).hexdigest() == sha256 else None

    def credential(self, name: str, where: str) -> str:
        """One of the credentials.

        Raises:
            SourceError: It is not set; says where to get it.
        """
        if name not in self.secrets:
            raise SourceError(f"{self.source}: set {name}; {where}")
        return self.secrets[name]

    def cached_part(self, key: str, fetch: Callable[[], bytes]) -> bytes:
        """A part of a longer download: from the cache of an unfinished run, else fetched."""
        path = self.folder / "parts" / hashlib.sha256(key.encode()).hexdigest()
        cached_reply = read_or_set_aside(path, _verified_part, "that part is fetched again")
        if cached_reply is not None:
            return cached_reply
        content = fetch()
        write_atomically(path, hashlib.sha256(content).digest() + content)
        return content

    def forget_parts(self) -> None:
        """Drop cached parts: the download is whole, or its parts do not fit together."""
        for path in (self.folder / "parts").glob("*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def redact(self, text: str) -> str:
        """The text without any secret."""
        for value in self.secrets.values():
            text = text.replace(value, "***")
        return text

    def _send_with_retries(
        self,
        method: str,
        url: str,
        params: Mapping[str, str | int] | None,
        headers: Mapping[str, str] | None,
        body: Mapping[str, object] | None,
        accept: tuple[int, ...],
        retry_statuses: tuple[int, ...],
    ) -> Reply:
        retrying = Retrying(
            retry=retry_if_exception_type(_RetryableError),
            stop=self._is_enough,
            wait=self._wait,
            sleep=self.sleep,
            reraise=True,
        )
        try:
            return retrying(
                self._follow_redirects, method, url, params, headers, body, accept, retry_statuses
            )
        except _RetryableError as error:
            tries = error.tries or self.limits.tries
            raise self._error(url, f"{error}, {tries} times") from None

    def _is_enough(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        own = error.tries if isinstance(error, _RetryableError) else None
        return state.attempt_number >= (own or self.limits.tries)

    def _wait(self, state: RetryCallState) -> float:
        """What the server asks for, else longer each time, with jitter."""
        error = state.outcome.exception() if state.outcome else None
        jittered = float(wait_exponential_jitter(initial=1, max=self.limits.longest_wait)(state))
        retry_after = error.after if isinstance(error, _RetryableError) else None
        return jittered if retry_after is None else retry_after

    def _follow_redirects(
        self,
        method: str,
        url: str,
        params: Mapping[str, str | int] | None,
        headers: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        accept: tuple[int, ...],
        retry_statuses: tuple[int, ...],
    ) -> Reply:
        home = urlsplit(url)
        place, query, own = url, params, headers
        for _ in range(self.limits.redirects + 1):
            reply = self._send(method, place, query, own, body)
            if not 300 <= reply.status < 400 or reply.status in accept:
                return self._require_good(reply, url, accept, retry_statuses)
            place = str(httpx.URL(place).join(reply.headers.get("location", "")))
            there = urlsplit(place)
            if there.scheme != "https" and there.scheme != home.scheme:
                raise self._error(url, f"redirects from {home.scheme} to {there.scheme}")
            query = None
            if there.netloc != home.netloc:
                own = None  # no secret goes to another host
                if method == "POST":
                    raise self._error(url, f"redirects what is posted to {there.hostname}")
        raise self._error(url, f"redirects more than {self.limits.redirects} times")

    def _send(
        self,
        method: str,
        url: str,
        params: Mapping[str, str | int] | None,
        headers: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
    ) -> Reply:
        """One request; its body read to the end, within the limits."""
        self._spend(url)
        split = urlsplit(url)
        sent_text = "".join(
            [*map(str, (params or {}).values()), *(headers or {}).values(), str(body)]
        )
        is_secret = any(value in sent_text for value in self.secrets.values())
        if is_secret and split.scheme != "https" and split.hostname not in LOOPBACK:
            raise self._error(url, "is not https, so no credentials are sent there")
        try:
            with self._connections.stream(
                method, url, params=params, headers=headers, **(body or {})
            ) as answer:
                content = bytearray()
                for chunk in answer.iter_bytes():
                    content += chunk
                    received_bytes = max(answer.num_bytes_downloaded, 1)
                    if len(content) > self.limits.bytes:
                        raise self._error(url, f"sends more than {self.limits.bytes:,} bytes")
                    if len(content) > 2**20 and len(content) > self.limits.ratio * received_bytes:
                        raise self._error(
                            url, f"unpacks to more than {self.limits.ratio:.0f} times its size"
                        )
                masked_content = bytes(content)
                for secret in self.secrets.values():  # that a server sends back
                    masked_content = masked_content.replace(secret.encode(), b"***")
                return Reply(answer.status_code, masked_content, answer.headers, url)
        except httpx.DecodingError as error:
            raise _RetryableError(f"cannot be unpacked ({error})") from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            tries = self.limits.tries_unreached
            raise _RetryableError(
                f"cannot be reached ({error or 'timeout'})", tries=tries
            ) from None
        except (httpx.TransportError, httpx.StreamError) as error:
            raise _RetryableError(f"{type(error).__name__}: {error or 'no answer'}") from None
        except httpx.InvalidURL as error:
            raise self._error(url, f"is no address ({error})") from None

    def _spend(self, url: str) -> None:
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        self._requests += 1
        spent = now - self._began
        if self._requests > self.limits.requests or spent > self.limits.seconds:
            raise SourceError(
                f"{self.source}: stopped before {_plain(url)} after {self._requests - 1} requests "
                f"and {spent:.0f} s, the budget of a run; the next run goes on from here"
            )

    def _require_good(
        self, reply: Reply, url: str, accept: tuple[int, ...], retry_statuses: tuple[int, ...]
    ) -> Reply:
        """The reply, if it is what was asked for."""
        status = reply.status
        if status in accept:
            return reply
        page = web_page(reply.content)
        what = f"answered {status} ({page or _shown(reply.content)})"
        if status in RETRY_STATUSES or status in retry_statuses or status >= 500:
            after = _retry_after(reply.headers.get("retry-after"))
            if after is not None and after > self.limits.longest_wait:
                raise self._error(url, f"{what} and asks to wait {after:.0f} s")
            raise _RetryableError(what, after)
        if status != HTTPStatus.OK:
            raise self._error(url, what)
        if page:
            raise _PageError(str(self._error(url, f"answered a web page, no data ({page})")))
        return reply

    def _error(self, url: str, what: str) -> SourceError:
        return SourceError(
            f"{self.source}: {_plain(url)} {self.redact(what)}; its last good figures stay in use "
            "and the next run tries again"
        )


def web_page(content: bytes) -> str | None:
    """How a web page that came where data should begins, and what it means; None: it is none.

    Example:
        >>> web_page(b"<html><title>Just a moment...</title>")
        "<html><title>Just a moment...</title>: the site's guard refuses this machine's network; \
run Tocsin elsewhere"
        >>> web_page(b'{"success": true}')
    """
    begins = content[:PAGE_READ].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if not begins.startswith(b"<") or not (b"<html" in begins or b"<!doctype html" in begins):
        return None
    is_guard = any(sign in begins for sign in GUARD_SIGNS)
    return _shown(content) + (f": {GUARDED}" if is_guard else "")


@cache
def _authorities(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """Who may vouch for a server, as the environment says: read once, which takes 50 ms."""
    return httpx.create_ssl_context()


def _plain(url: str) -> str:
    """An address without query and user, which may hold secrets."""
    split = urlsplit(url)
    port = f":{split.port}" if split.port else ""
    return f"{split.scheme}://{split.hostname}{port}{split.path}"


def _shown(content: bytes) -> str:
    """The beginning of an answer, on one line."""
    text = " ".join(content[: 4 * SHOWN].decode("utf-8", "replace").split())
    return printable(text[:SHOWN]) or "empty"


def _retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header, given in seconds or as a date."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None

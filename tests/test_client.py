"""The client against a server that behaves badly."""

import pytest

from config.registry import SourceError
from stand_in import FAULTS, Answer, serving
from warehouse.client import Client, Limits

SECRET = {"X_TOKEN": "sesame-4711"}
LIMITS = Limits(timeout=0.5, tries=3, ratio=100)
GOOD = b'{"rows": [1, 2, 3]}'


@pytest.fixture
def server():
    with serving(lambda _: Answer(GOOD, headers={"ETag": '"1"'})) as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def client(tmp_path, waits) -> Client:
    return Client("source", tmp_path, SECRET, LIMITS, sleep=waits.append)


SAYS = {
    "429 with Retry-After": r"answered 429 \(slow down\), 3 times",
    "429 for long": r"answered 429 \(quota\) and asks to wait 86400 s",
    "429": r"answered 429 \(slow down\), 3 times",
    "400": r"answered 400 \(Bad Request\); its",
    "500": r"answered 500 \(sorry\), 3 times",
    "timeout": r"ReadTimeout: timed out, 3 times",
    "reset": r"(ReadError|RemoteProtocolError): .*, 3 times",
    "truncated body": r"RemoteProtocolError: peer closed connection .*, 3 times",
    "HTML with 200": r"answered a web page, no data \(<!DOCTYPE html>",
    "HTML with 403": r"answered 403 \(<!DOCTYPE html>.*Just a moment.*: the site's guard refuses",
    "bad gzip": r"cannot be unpacked .*, 3 times",
    "decompression bomb": r"unpacks to more than 100 times its size",
    "redirect to another host": r"redirects more than 5 times",
}


@pytest.mark.parametrize("fault", SAYS)
def test_a_fault_that_lasts_is_told_with_its_cause(server, client, fault: str) -> None:
    server.fault, server.elsewhere = fault, f"{server.url}/again"
    with pytest.raises(SourceError, match=SAYS[fault]) as excinfo:
        client.get(f"{server.url}/data", {"key": SECRET["X_TOKEN"]})
    assert str(excinfo.value).startswith(f"source: {server.url}/data ")
    assert "its last good figures stay in use" in str(excinfo.value)
    assert SECRET["X_TOKEN"] not in str(excinfo.value)


PASSING = ["429 with Retry-After", "429", "500", "timeout", "reset", "truncated body", "bad gzip"]


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_costs_a_wait(server, client, waits, fault: str) -> None:
    server.fault, server.faulty = fault, 2
    assert client.get(server.url).content == GOOD
    assert len(server.requests) == 3
    if fault == "429 with Retry-After":
        assert waits == [7, 7]
    else:
        first, second = waits
        assert 0 < first <= 2 < 3 <= second + 1 <= 5  # doubled, with jitter


def test_nobody_there(client, waits) -> None:
    with pytest.raises(SourceError, match=r"cannot be reached .*, 3 times"):
        client.get("http://127.0.0.1:9/")
    assert len(waits) == 2


def test_a_secret_goes_to_its_own_host_alone(server, client) -> None:
    with serving(lambda _: Answer(GOOD)) as other:
        server.elsewhere, server.fault = f"{other.url}/data", "redirect to another host"
        reply = client.get(server.url, {"key": "sesame-4711"}, {"x-token": "sesame-4711"})
        assert reply.content == GOOD
        (first,), (second,) = server.requests, other.requests
        assert first.headers["x-token"] == "sesame-4711"
        assert "sesame-4711" not in str(second)
        with pytest.raises(SourceError, match=r"redirects what is posted to 127\.0\.0\.1"):
            client.post(server.url, {"password": "sesame-4711"})
        assert len(other.requests) == 1


def test_no_credentials_without_tls(client) -> None:
    with pytest.raises(SourceError, match="is not https, so no credentials are sent there"):
        client.get("http://example.org/data", headers={"x-token": SECRET["X_TOKEN"]})


def test_a_run_has_a_budget(server, tmp_path) -> None:
    client = Client("source", tmp_path, limits=Limits(requests=2))
    client.get(server.url)
    client.get(server.url)
    with pytest.raises(SourceError, match="after 2 requests and 0 s, the budget of a run"):
        client.get(server.url)
    assert len(server.requests) == 2


def test_an_answer_has_a_size(server, tmp_path) -> None:
    client = Client("source", tmp_path, limits=Limits(bytes=10))
    with pytest.raises(SourceError, match="sends more than 10 bytes"):
        client.get(server.url)


def test_what_did_not_change_is_not_sent_again(tmp_path) -> None:
    import hashlib

    import pyarrow as pa

    def answer(request):
        known = request.headers.get("if-none-match") == '"1"'
        return Answer(b"" if known else GOOD, 304 if known else 200, headers={"ETag": '"1"'})

    with serving(answer) as server:
        client = Client("source", tmp_path)
        assert client.download(server.url) == GOOD
        assert client.download(server.url) == GOOD  # not landed: asked for in full
        with pa.output_stream(tmp_path / f"{hashlib.sha256(GOOD).hexdigest()}.zst") as stream:
            stream.write(GOOD)
        assert client.download(server.url) == GOOD
        conditions = [request.headers.get("if-none-match") for request in server.requests]
    assert conditions == [None, None, '"1"']


def test_a_file_that_is_not_there(client) -> None:
    with serving(lambda _: Answer(b"no", 404)) as server:
        assert client.download(server.url) is None


def test_no_json(server, client) -> None:
    server.fault = "wrong content"
    with pytest.raises(SourceError, match=r"source: .* answered what is no JSON"):
        client.get(server.url).json("source")


def test_every_fault_is_tried() -> None:
    assert FAULTS.keys() - SAYS.keys() == {"wrong content", "zero bytes"}

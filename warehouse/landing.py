"""What sources delivered: their bytes as received, and the log of what was accepted.

``folder/<source>/<sha256>.zst`` holds bytes, ``folder/<source>/log/<batch_id>.json`` a
delivery. The log is the truth: the history in the warehouse can be rebuilt from it.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import cached_property
from pathlib import Path

import polars as pl
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, TypeAdapter

from config.areas import area
from config.files import read_or_set_aside, set_aside, write_atomically
from config.registry import EMBEDDED, Coverage, Fetched, Release, Source, SourceError
from warehouse.client import Client
from warehouse.sources.delimited import LINE
from warehouse.sources.tables import AS_SENT, FAULT, count_left_out, fetch_file

ROW, KEY = "_row", "_key"
# Fields of a delivery by another name in the log and in ``ops.batch``.
LOGGED_AS = {
    "complete_where": "holds",
    "is_snapshot": "is_whole",
    "partition": "part",
    "quarantined": "held",
}


class QuarantinedRow(BaseModel):
    """A row of a delivery that is not believed.

    Attributes:
        row: Its number in the delivery as parsed, from 0.
        row_key: What identifies it across deliveries; None: that cannot be read.
        rule: What it breaks.
        value: The offending value.
        sent: The row as JSON.
    """

    model_config = ConfigDict(frozen=True)

    row: int
    row_key: str | None
    rule: str
    value: str
    sent: str


class QuarantineOverride(BaseModel):
    """A person's word that a quarantined row is to be believed, with its rule and value."""

    row_key: str
    rule: str
    value: str
    who: str
    why: str
    at: datetime


class AcceptedDelivery(BaseModel):
    """An accepted delivery of a source; its entry in the log.

    Attributes:
        known_at: Since when its figures are known: when fetched (``known_basis``
            observed), or on the day the publisher released them (assumed).
        covers_until: Last day it covers, declared or the day of its newest row.
        complete_where: SQL condition: rows of which it leaves none out.
        is_snapshot: Whether a row's absence withdraws it; else only ``Source.deleted`` does.
        partition: Of the source, which this delivery holds anew.
        quarantined: Its rows that are not believed.
        released_from: Of rows that a person released, the delivery that had held them; else empty.
    """

    model_config = ConfigDict(
        frozen=True,
        alias_generator=lambda name: LOGGED_AS.get(name, name),
        validate_by_name=True,
        serialize_by_alias=True,
    )

    source: str
    url: str
    content_sha256: str
    bytes_count: int
    rows_count: int
    fetched_at: datetime
    known_at: datetime
    known_basis: str
    source_version: str
    covers_until: date | None
    complete_where: str
    is_snapshot: bool
    partition: str = ""
    quarantined: tuple[QuarantinedRow, ...] = ()
    released_from: str = ""

    @property
    def batch_id(self) -> str:
        """Source, instant and content."""
        return f"{self.source}-{self.fetched_at:%Y%m%dT%H%M%S.%f}-{self.content_sha256[:12]}"

    @property
    def is_final(self) -> bool:
        """Whether it is a release of its publisher, neither a part that goes on nor any file."""
        return self.partition == "yearly" or self.url.startswith(EMBEDDED)

    @property
    def order(self) -> tuple[datetime, datetime, str]:
        """Deliveries are merged in the order in which their figures became known."""
        return self.known_at, self.fetched_at, self.batch_id


OVERRIDES = TypeAdapter(list[QuarantineOverride])


@dataclass(frozen=True)
class Batch:
    """What a source sent tonight; ``is_new`` is false if it is what was accepted last.

    ``quarantined``: rows that are not believed. ``released_from`` as of an accepted delivery.
    """

    source: Source
    fetched: Fetched
    sha256: str
    is_new: bool
    quarantined: tuple[QuarantinedRow, ...] = ()
    released_from: str = ""

    @cached_property
    def parsed_rows(self) -> pl.DataFrame:
        """Every row of concern, with its number, its key, its fault if it cannot be read.

        Raises:
            SourceError: The bytes cannot be read.
        """
        return self._parsed_and_left_out[0]

    @property
    def left_out(self) -> dict[str, int]:
        """Rows sent that are of no concern here, by why."""
        return self._parsed_and_left_out[1]

    @cached_property
    def _parsed_and_left_out(self) -> tuple[pl.DataFrame, dict[str, int]]:
        with count_left_out() as left_out:
            frame = self.source.parse(self.fetched.content, self.fetched.url)
        if FAULT not in frame.columns:
            none = pl.lit(None, pl.String)
            frame = frame.with_columns(none.alias(FAULT), none.alias(AS_SENT))
        if LINE not in frame.columns:
            frame = frame.with_columns(pl.lit(None, pl.Int64).alias(LINE))
        numbered = frame.with_row_index(ROW).with_columns(row_key(self.source).alias(KEY))
        return numbered, dict(left_out)

    @cached_property
    def rows(self) -> pl.DataFrame:
        """Its believed rows in the declared columns.

        Raises:
            SourceError: The bytes cannot be read.
        """
        rows = self.parsed_rows.filter(pl.col(FAULT).is_null())
        if self.quarantined:
            quarantined = pl.DataFrame(
                [(row.row, row.row_key) for row in self.quarantined],
                schema={ROW: pl.UInt32, KEY: pl.String},
                orient="row",
            )
            # Older versions numbered rows of other countries too: where the number now is
            # another row's, the key says which is meant.
            misplaced = quarantined.join(
                self.parsed_rows, on=[ROW, KEY], how="anti", nulls_equal=True
            )
            rows = rows.join(quarantined, on=[ROW, KEY], how="anti", nulls_equal=True)
            if misplaced.height:
                rows = rows.filter(~pl.col(KEY).is_in(misplaced[KEY].implode()).fill_null(False))
        return rows.drop(ROW, KEY, FAULT, AS_SENT, LINE)

    @property
    def remarks(self) -> list[str]:
        """What must be said of it beside its figures: files passed over, rows left out.

        What was there before is not parsed for that.
        """
        release_name = f"{self.source.name} {self.fetched.release.version}"
        counts = self.left_out if self.is_new else {}
        return [
            *(f"{self.source.name}: {text}" for text in self.fetched.remarks),
            *(f"{release_name}: {count:,} rows {why} left out" for why, count in counts.items()),
        ]

    def with_quarantined(self, rows: Iterable[QuarantinedRow]) -> "Batch":
        """The same batch with these rows in quarantine."""
        other = replace(self, quarantined=tuple(rows))
        other.__dict__["_parsed_and_left_out"] = self._parsed_and_left_out  # may take long
        return other


def row_key(source: Source) -> pl.Expr:
    """What identifies a row across deliveries; null: none of it can be read."""
    key = pl.col(*source.key)
    return pl.when(~pl.all_horizontal(key.is_null())).then(
        pl.concat_str(key.cast(pl.String).fill_null("∅"), separator="|")
    )


def receive(
    source: Source, address: str | None, folder: Path, secrets: Mapping[str, str] | None = None
) -> Iterator[Batch]:
    """Fetch a source and land its bytes, delivery by delivery, the newest last.

    Args:
        source: The source.
        address: Where to fetch it; None for the embedded releases alone, of which the older
            ones are taken once, the newest every night. A file stands in their place, what
            the network delivers comes after them.
        folder: Landing folder.
        secrets: Credentials by the name of their environment variable.

    Raises:
        SourceError: The source cannot be fetched.
    """
    log = deliveries(source, folder)
    landed_before = {entry.content_sha256 for entry in log}
    in_force = {e.partition: e.content_sha256 for e in log if not e.released_from}
    is_live = bool(address) and "://" in str(address)
    last = log[-1].source_version if log else None
    client = Client(source.name, folder / source.name, dict(secrets or {}), last_version=last)
    for fetched in _fetched(source, address, is_live, client, _coverage(log)):
        sha256 = hashlib.sha256(fetched.content).hexdigest()
        embedded = fetched.url.startswith(EMBEDDED)
        if embedded and sha256 in landed_before and (is_live or fetched.url != source.address):
            continue
        _land(fetched.content, folder / source.name / f"{sha256}.zst")
        is_new = in_force.get(fetched.release.partition) != sha256
        yield Batch(source, fetched, sha256, is_new)


def land_released(
    source: Source, entry: AcceptedDelivery, rows: pl.DataFrame, at: datetime, folder: Path
) -> Batch:
    """Held rows of an increment that a person released, landed as a delivery of their own.

    It reaches no further than what is in force, and goes by the version and address of that.

    Args:
        source: The source.
        entry: The delivery that held them.
        rows: In the declared columns.
        at: Since when they are believed (UTC): before what came tonight, whose version counts.
        folder: Landing folder.
    """
    newest = deliveries(source, folder)[-1]
    release = Release(newest.source_version, complete_where="false", partition=entry.partition)
    remark = f"rows of {entry.fetched_at:%Y-%m-%d} that were released are taken in: {rows.height}"
    content = rows.select(source.columns).write_csv().encode()
    fetched = Fetched(content, newest.url, at, release, (remark,))
    sha256 = hashlib.sha256(content).hexdigest()
    _land(content, folder / source.name / f"{sha256}.zst")
    return Batch(source, fetched, sha256, is_new=True, released_from=entry.batch_id)


def _fetched(
    source: Source, address: str | None, is_live: bool, client: Client, coverage: Coverage
) -> Iterator[Fetched]:
    if address is None and source.embedded and not source.embedded_here:
        raise SourceError(_no_embedded(source, "are no figures"))
    if address is None or is_live:
        for release in source.embedded_here:
            yield fetch_file(source, release.address)
    if address and is_live:
        if source.fetch is None:
            raise SourceError(
                f"{source.name}: has no live address, only files; give TOCSIN_SOURCES a path"
            )
        yield from source.fetch(source, address, client)
    elif address and source.files and Path(address).exists():
        if coverage.until or not source.embedded:
            yield from source.files(source, Path(address), coverage)
            return
        # A part goes on after the embedded releases.
        ends = source.embedded_here[-1].covers_until if source.embedded_here else None
        deliveries = list(source.files(source, Path(address), Coverage(ends, ends)))
        if deliveries[0].release.complete_where != "true":
            if not source.embedded_here:
                raise SourceError(_no_embedded(source, f"are none below the part {address}"))
            for release in source.embedded_here:
                yield fetch_file(source, release.address)
        yield from deliveries
    elif address and Path(address).is_dir():
        raise SourceError(
            f"{source.name}: {address} is a folder; name the file itself in TOCSIN_SOURCES"
        )
    elif address:
        yield fetch_file(source, address)


def _no_embedded(source: Source, what: str) -> str:
    countries = ", ".join(source.embedded[-1].countries)
    lacking = [code for code in area().countries if code not in source.embedded[-1].countries]
    more = f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""
    return (
        f"{source.name}: there {what} for the area {area().name}: the embedded releases hold "
        f"{countries} alone, so {', '.join(lacking[:5])}{more} would look quiet; give a whole "
        f"release of {source.live}, or a folder with it and the parts that go on after it: "
        f'TOCSIN_SOURCES=\'{{"{source.name}": "/path"}}\''
    )


def _coverage(log: list[AcceptedDelivery]) -> Coverage:
    """What accepted deliveries cover; a later part only goes on after the last final one."""
    days = [entry.covers_until for entry in log if entry.covers_until]
    final = [entry.covers_until for entry in log if entry.covers_until and entry.is_final]
    return Coverage(max(days, default=None), max(final, default=None))


def bounded_complete_where(source: Source, release: Release) -> str:
    """SQL condition: rows of which a delivery of this release leaves none out."""
    if source.dated_by and release.covers_until:
        return f"({release.complete_where}) and {source.dated_by} <= date '{release.covers_until}'"
    return release.complete_where


def accept(batch: Batch, folder: Path) -> None:
    """Enter a batch in the log; one in force already, with the same rows quarantined, is not.

    A release is known since the day it was published, unless its bytes come back
    after others: then since they were fetched.
    """
    source, fetched, release = batch.source, batch.fetched, batch.fetched.release
    log = deliveries(source, folder)
    of_part = [e for e in log if e.partition == release.partition and not e.released_from]
    if not batch.is_new and of_part[-1].quarantined == batch.quarantined:
        return
    is_back = batch.sha256 in {e.content_sha256 for e in log}
    known_at, basis = fetched.fetched_at, "observed"
    if release.published_on and not is_back:
        published_at = datetime.combine(release.published_on, time.min)
        if published_at < known_at:
            known_at, basis = published_at, "assumed"
    covers_until: date | None = release.covers_until
    if source.dated_by and not covers_until and not batch.released_from:
        covers_until = batch.rows.select(pl.col(source.dated_by).max()).item()
    entry = AcceptedDelivery(
        source=source.name,
        url=fetched.url,
        content_sha256=batch.sha256,
        bytes_count=len(fetched.content),
        rows_count=batch.rows.height,
        fetched_at=fetched.fetched_at,
        known_at=known_at,
        known_basis=basis,
        source_version=release.version,
        covers_until=covers_until,
        complete_where=bounded_complete_where(source, release),
        is_snapshot=source.deleted is None,
        partition=release.partition,
        quarantined=batch.quarantined,
        released_from=batch.released_from,
    )
    path = _log(source, folder) / f"{entry.batch_id}.json"
    write_atomically(path, entry.model_dump_json(indent=1), durable=True)


def deliveries(source: Source, folder: Path) -> list[AcceptedDelivery]:
    """The log of a source, in the order in which its figures became known.

    Raises:
        SourceError: An entry cannot be read.
    """
    entries = [_entry(source, path) for path in _log(source, folder).glob("*.json")]
    return sorted(entries, key=lambda entry: entry.order)


def _entry(source: Source, path: Path) -> AcceptedDelivery:
    try:
        return AcceptedDelivery.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        first = str(error).partition("\n")[0]
        raise SourceError(
            f"{source.name}: cannot read {path} ({first}), which tells of a delivery; restore it, "
            "or delete it and give 'tocsin repair --force': what only it told is forgotten"
        ) from None


def landed_bytes(entry: AcceptedDelivery, folder: Path) -> bytes:
    """The bytes of a delivery, as received.

    Raises:
        SourceError: They are gone or no longer what was received.
    """
    path = folder / entry.source / f"{entry.content_sha256}.zst"
    try:
        with pa.input_stream(path) as stream:
            content: bytes = stream.read()
    except OSError as error:
        raise SourceError(
            f"{entry.source}: cannot read landed bytes {path} ({error}); restore the file"
        ) from None
    if hashlib.sha256(content).hexdigest() != entry.content_sha256:
        raise SourceError(f"{entry.source}: {path} was changed since it landed; restore the file")
    return content


def overrides(source: str, folder: Path) -> list[QuarantineOverride]:
    """Quarantined rows of a source that a person believes."""
    path = folder / source / "pardons.json"
    why = "rows that were released are held again ('tocsin quarantine release')"
    return read_or_set_aside(path, OVERRIDES.validate_json, why) or []


def add_override(source: str, override: QuarantineOverride, folder: Path) -> None:
    """Let a quarantined row pass from the next run on."""
    content = OVERRIDES.dump_json([*overrides(source, folder), override], indent=1)
    write_atomically(folder / source / "pardons.json", content, durable=True)


def _log(source: Source, folder: Path) -> Path:
    return folder / source.name / "log"


def _land(content: bytes, path: Path) -> None:
    if path.exists():
        if _is_landed(content, path):
            return
        set_aside(path, "is not what landed; it is written anew from what was sent again")
    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, "zstd") as stream:
        stream.write(content)
    write_atomically(path, packed.getvalue().to_pybytes(), durable=True)


def _is_landed(content: bytes, path: Path) -> bool:
    try:
        with pa.input_stream(path) as stream:
            return bool(stream.read() == content)
    except OSError:
        return False

"""``tocsin alerts``: what readers are told, and what became of their mails."""

import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from config.texts import shown
from flows.nights import ANY_DAY
from flows.terminal import DEGRADED, STYLES, load, now

alerts = typer.Typer(help="What readers are told.", invoke_without_command=True)
MAILS_PRINTED = 20
MESSAGE = typer.Argument(help="Beginning of its id as listed, or an address: its newest mail.")


@alerts.callback()
def _alerts(context: typer.Context) -> None:
    """Regions above the threshold, and the last mails with what became of them."""
    if context.invoked_subcommand:
        return
    from warehouse import outbox
    from warehouse.build import alerts_told
    from warehouse.connect import existing

    settings, _ = load()
    with existing(settings.warehouse_path) as con:
        night, told, muted = alerts_told(con)
        sent = outbox.mails(con)
    console = Console()
    table = Table(title=f"Alerts of the night of {night or '(none was run)'}: {told.height}")
    for heading in ("level", "region", "status", "since", "cause", "this month alone", "muted"):
        table.add_column(heading)
    for row in told.iter_rows(named=True):
        level = row["alert_level"]
        table.add_row(
            f"[{STYLES[level]}]{level}[/]" if level in STYLES else level,
            row["region_id"],
            f"{row['alert_status']} (was {row['level_before']})",
            str(row["changed_night"]),
            row["cause"],
            row["undercut_level"] or "",
            f"until {muted[row['region_id']]}" if row["region_id"] in muted else "",
        )
    console.print(table)
    table = Table(title=f"Mails: {sent.height}, the newest {min(sent.height, MAILS_PRINTED)}")
    for heading in ("mail", "to", "kind", "status", "subject", "what of it"):
        table.add_column(heading, overflow="fold")
    for row in sent.head(MAILS_PRINTED).iter_rows(named=True):
        waits = row["held_until"] if row["status"] == "held" else row["next_try_at"]
        until = f"until {waits:%Y-%m-%d %H:%M} " if waits and not row["finished_at"] else ""
        table.add_row(
            row["message"],
            escape(row["recipient"]),
            row["kind"],
            row["status"],
            escape(shown(row["subject"])),
            escape(until + shown(row["detail"] or "")),
        )
    console.print(table)


@alerts.command("show")
def show_mail(message: Annotated[str, MESSAGE]) -> None:
    """The text of a mail."""
    import email
    from email.policy import default

    parsed: Any = email.message_from_bytes(_mail(message)["content"], policy=default)
    for header in ("From", "To", "Date", "Subject", "Message-ID"):
        print(f"{header}: {shown(str(parsed[header]))}")
    body = parsed.get_body(("plain",))
    print("\n" + "\n".join(shown(line) for line in body.get_content().splitlines()))


@alerts.command()
def preview(
    message: Annotated[str, MESSAGE],
    to: Annotated[
        Path | None, typer.Option(help="Folder. Default: previews in the data folder.")
    ] = None,
) -> None:
    """Write the exact message as .eml, as .html and, where Chromium is at hand, as .png."""
    from flows.preview import preview as written

    told = _mail(message)
    settings, _ = load()
    name = str(told["message_id"])[1:].partition("@")[0]
    found = written(told["content"], to or settings.data_folder / "previews", name)
    for path in found:
        print(path)
    if found[-1].suffix != ".png":
        print("No picture: install chromium.", file=sys.stderr)


@alerts.command()
def approve(
    who: Annotated[str, typer.Option(help="Who read it.")],
    message: Annotated[str | None, MESSAGE] = None,
) -> None:
    """Let a held mail go, or all that are held, with the next run or 'alerts send'."""
    from warehouse import outbox
    from warehouse.connect import existing

    settings, _ = load()
    with existing(settings.warehouse_path) as con:
        approved = outbox.approve(con, message, who, now())
    print(f"{len(approved)} approved; 'tocsin alerts send' or the next run hands them over")


@alerts.command()
def send() -> None:
    """Hand over what waits and may go now; for cron, where there are quiet hours or a hold."""
    from flows.nightly import send_mails
    from warehouse.connect import existing

    settings, smtp = load()
    with existing(settings.warehouse_path) as con:
        done = send_mails(con, settings, smtp)
    for mail in done:
        print(f"Mail to {mail.recipient}: {mail.status}, {mail.where}")
    print(f"{len(done)} mails")
    if any(mail.status in ("waits", "refused") for mail in done):
        raise typer.Exit(DEGRADED)


@alerts.command()
def resend(message: Annotated[str, MESSAGE]) -> None:
    """Send a mail again, whatever became of it, and take up its address if it was parked."""
    from warehouse import outbox
    from warehouse.connect import existing

    settings, _ = load()
    with existing(settings.warehouse_path) as con:
        identity = outbox.again(con, message)
    print(f"{identity} is queued; 'tocsin alerts send' or the next run hands it over")


@alerts.command()
def mute(
    region: Annotated[str, typer.Argument(help="Id of a region, such as MLI.sikasso.")],
    who: Annotated[str, typer.Option(help="Who decides it.")],
    why: Annotated[str, typer.Option(help="Why.")],
    until: Annotated[
        date | None, typer.Option(**ANY_DAY, help="Last night. Default: mail again.")
    ] = None,
) -> None:
    """Mail nobody of a region for a while; its level stays in the file and the mails say so."""
    from warehouse import outbox
    from warehouse.connect import existing

    settings, _ = load()
    with existing(settings.warehouse_path) as con:
        outbox.mute(con, region, until, who, why, now())
    print(f"{region}: nobody is mailed until {until:%Y-%m-%d}" if until else f"{region}: mailed")


def _mail(message: str) -> dict[str, Any]:
    from warehouse import outbox
    from warehouse.connect import existing

    settings, _ = load()
    with existing(settings.warehouse_path) as con:
        return outbox.mail(con, message)

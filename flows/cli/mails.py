"""``tocsin alerts``: what readers are told, and what became of their mails."""

import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from config.texts import printable
from flows.nights import ANY_DAY
from flows.terminal import (
    DEGRADED,
    AsJson,
    Heading,
    intensity_text,
    level_text,
    listing,
    load,
    now,
    paragraph,
    print_json,
    print_mail,
    quantity,
)

alerts = typer.Typer(help="What readers are told.", invoke_without_command=True)
MAILS_PRINTED = 20
MAIL_INDENT = 10  # below its id
MESSAGE = typer.Argument(help="Beginning of its id as listed, or an address: its newest mail.")


@alerts.callback()
def _alerts(context: typer.Context, as_json: AsJson = False) -> None:
    """Regions above the threshold, and the last mails with what became of them."""
    if context.invoked_subcommand:
        return
    from warehouse import outbox
    from warehouse.connect import open_existing
    from warehouse.outbox import latest_alerts

    settings, _ = load()
    with open_existing(settings.warehouse_path) as con:
        night, night_alerts, muted = latest_alerts(con)
        mails = outbox.mails(con)
    if as_json:
        import polars as pl

        muted_rows = {"region_id": list(muted), "muted_until": list(muted.values())}
        schema = {"region_id": pl.String, "muted_until": pl.Date}
        if night is not None:
            night_alerts = night_alerts.with_columns(as_of_date=night).join(
                pl.DataFrame(muted_rows, schema), on="region_id", how="left", maintain_order="left"
            )
        print_json(alerts=night_alerts, mails=mails)
        return
    console = Console()
    if night is None:
        console.print("No night was run yet: tocsin nightly")
        return
    standing = night_alerts.filter(night_alerts["alert_level"] != "none").height
    ended_count = night_alerts.height - standing
    listing(
        console,
        [
            Heading("level"), Heading("region"), Heading("past 12 months"), Heading("change"),
            Heading("told since"), Heading("muted until"), Heading("because of", spare=3),
            Heading("this month alone", spare=2), Heading("id", spare=1),
        ],
        [
            (
                level_text(row["alert_level"]),
                f"{row['region_name']} ({row['country_code']})",
                intensity_text(row["intensity"]),
                change_in_words(row),
                str(row["changed_night"]),
                str(muted.get(row["region_id"], "")),
                "" if row["cause"] == "news" else row["cause"],
                level_text(row["undercut_level"]) if row["undercut_level"] else "",
                row["region_id"],
            )
            for row in night_alerts.iter_rows(named=True)
        ],
        title=f"Night of {night}: {quantity(standing, 'region')} with a level"
        + (f", {ended_count} whose level ended tonight" if ended_count else ""),
        is_one_line=True,
    )  # fmt: skip
    console.print("[dim]A level does not say how violent a region is: the deadliest often have "
                  "none. Ids: tocsin regions match NAME.[/]")  # fmt: skip
    console.print()
    count = min(mails.height, MAILS_PRINTED)
    newest = f", the newest {count}" if mails.height > count else ""
    console.print(f"[bold]{quantity(mails.height, 'mail')}{newest}[/]", highlight=False)
    for row in mails.head(MAILS_PRINTED).iter_rows(named=True):
        waits = row["held_until"] if row["status"] == "held" else row["next_try_at"]
        until = f"until {waits:%Y-%m-%d %H:%M} " if waits and not row["finished_at"] else ""
        detail = until + printable(row["detail"] or "")
        paragraph(
            console, f"{row['message']}  {row['status']}  {row['kind']} to {row['recipient']}"
        )
        paragraph(console, printable(row["subject"]), MAIL_INDENT)
        if row["status"] == "written":  # a path, to be copied
            console.print(Text(" " * MAIL_INDENT + detail), soft_wrap=True)
        elif detail:
            paragraph(console, detail, MAIL_INDENT)


def change_in_words(row: dict[str, Any]) -> str:
    """What became of an alert.

    Example:
        >>> change_in_words({"alert_status": "new", "level_before": "none"})
        'new'
        >>> change_in_words({"alert_status": "ongoing", "level_before": "none"})
        'unchanged'
        >>> change_in_words({"alert_status": "lowered", "level_before": "alarm"})
        'was alarm'
    """
    if row["alert_status"] in ("raised", "lowered", "closed"):
        return f"was {row['level_before']}"
    return "new" if row["alert_status"] == "new" else "unchanged"


@alerts.command()
def text(
    address: Annotated[str, typer.Argument(help="Of a reader in the file of recipients.")],
) -> None:
    """The text of the newest night for a reader: at most 300 characters, and how many messages."""
    from alerts.delivery import text_of_night
    from alerts.text import is_gsm_7, segments
    from config.recipients import reader
    from flows.mail_steps import newest_digest
    from warehouse.connect import open_existing

    settings, _ = load()
    recipient = reader(settings.recipients_file, address)
    with open_existing(settings.warehouse_path) as con:
        digest = newest_digest(con, settings.published_url)
        words = text_of_night(con, digest, recipient, now().date())
    print(words)
    alphabet = "GSM-7" if is_gsm_7(words) else "UCS-2: a letter is not in GSM-7"
    print(
        f"{len(words)} characters, {quantity(segments(words), 'short message')} ({alphabet})",
        file=sys.stderr,
    )


@alerts.command("show")
def show_mail(message: Annotated[str, MESSAGE]) -> None:
    """The text of a mail."""
    import email
    from email.policy import default

    mail = _mail(message)
    if mail["is_text"]:
        print(f"To: {mail['recipient']}\n\n{printable(mail['content'].decode())}")
        return
    parsed_mail: Any = email.message_from_bytes(mail["content"], policy=default)
    for header in ("From", "To", "Date", "Subject", "Message-ID"):
        print(f"{header}: {printable(str(parsed_mail[header]))}")
    body = parsed_mail.get_body(("plain",))
    print("\n" + "\n".join(printable(line) for line in body.get_content().splitlines()))


@alerts.command()
def preview(
    message: Annotated[str, MESSAGE],
    to: Annotated[
        Path | None, typer.Option(help="Folder. Default: previews in the data folder.")
    ] = None,
) -> None:
    """Write the exact message as .eml, as .html and, where Chromium is at hand, as .png."""
    from config.files import write_atomically
    from flows.preview import preview as write_preview

    mail = _mail(message)
    settings, _ = load()
    name = str(mail["message_id"])[1:].partition("@")[0]
    if mail["is_text"]:
        path = (to or settings.data_folder / "previews") / f"{name}.txt"
        write_atomically(path, mail["content"])
        print(path)
        return
    paths = write_preview(mail["content"], to or settings.data_folder / "previews", name)
    for path in paths:
        print(path)
    if paths[-1].suffix != ".png":
        print("No picture: install chromium.", file=sys.stderr)


@alerts.command()
def approve(
    who: Annotated[str, typer.Option(help="Who read it.")],
    message: Annotated[str | None, MESSAGE] = None,
) -> None:
    """Let a held mail go, or all that are held, with the next run or 'alerts send'."""
    from warehouse import outbox
    from warehouse.connect import open_existing

    settings, _ = load()
    with open_existing(settings.warehouse_path) as con:
        approved = outbox.approve(con, message, who, now())
    print(f"{len(approved)} approved; 'tocsin alerts send' or the next run hands them over")


@alerts.command()
def send() -> None:
    """Hand over what waits and may go now; for cron, where there are quiet hours or a hold."""
    from flows.mail_steps import send_mails
    from warehouse.connect import open_existing

    settings, smtp = load()
    with open_existing(settings.warehouse_path) as con:
        outcomes = send_mails(con, settings, smtp)
    for mail in outcomes:
        print_mail(Console(highlight=False), mail)
    print(quantity(len(outcomes), "mail"))
    if any(mail.status in ("waits", "refused", "unsure") for mail in outcomes):
        raise typer.Exit(DEGRADED)


@alerts.command()
def resend(message: Annotated[str, MESSAGE]) -> None:
    """Send a mail again, whatever became of it, and take up its address if it was parked."""
    from warehouse import outbox
    from warehouse.connect import open_existing

    settings, _ = load()
    with open_existing(settings.warehouse_path) as con:
        identity = outbox.requeue(con, message)
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
    from warehouse.connect import open_existing

    settings, _ = load()
    with open_existing(settings.warehouse_path) as con:
        outbox.mute(con, region, until, who, why, now())
    print(f"{region}: nobody is mailed until {until:%Y-%m-%d}" if until else f"{region}: mailed")


def _mail(message: str) -> dict[str, Any]:
    from alerts.delivery import with_date
    from config.recipients import channel_and_target
    from warehouse import outbox
    from warehouse.connect import open_existing

    settings, _ = load()
    with open_existing(settings.warehouse_path) as con:
        mail = outbox.mail(con, message)
    if channel_and_target(mail["recipient"]):
        return {**mail, "is_text": True}
    content = with_date(mail["content"], mail["finished_at"] or now())
    return {**mail, "content": content, "is_text": False}

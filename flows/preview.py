"""A mail as its reader sees it: the exact message as a file, and a picture of it."""

import base64
import email
import shutil
import subprocess
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER_OPTIONS = (
    "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--no-sandbox",
)  # fmt: skip
PHONE = 390  # points wide
TALLEST = 12_000
MARGIN = 16


def preview(content: bytes, folder: Path, name: str) -> list[Path]:
    """Write ``name.eml``, ``name.html`` with its pictures inside, and ``name.png`` of it.

    The picture is as wide as a phone and needs Chromium; without it there is none.

    Args:
        content: The message as it goes out.
        folder: Where to; made if need be.
        name: Of the files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.eml"]
    paths[0].write_bytes(content)
    message: Any = email.message_from_bytes(content, policy=default)
    html = html_with_pictures(message)
    if html is None:
        return paths
    paths.append(folder / f"{name}.html")
    paths[1].write_text(html, "utf-8")
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        return paths
    picture = folder / f"{name}.png"
    with_profile = folder / ".browser"
    run = subprocess.run(  # noqa: S603 (a browser on our own file)
        [
            browser, *BROWSER_OPTIONS, f"--user-data-dir={with_profile}",
            f"--window-size={PHONE},{_height(message)}", f"--screenshot={picture}",
            paths[1].resolve().as_uri(),
        ],
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    shutil.rmtree(with_profile, ignore_errors=True)
    if run.returncode or not picture.exists():
        return paths
    crop_ground(picture)
    return [*paths, picture]


def crop_ground(picture: Path) -> None:
    """Take the empty ground below the last words away; the window was a guess."""
    with Image.open(picture) as picture_file:
        image = picture_file.convert("RGB")
    ground = Image.new("RGB", image.size, image.getpixel((0, image.height - 1)))
    box = ImageChops.difference(image, ground).getbbox()
    if box:
        image.crop((0, 0, image.width, min(image.height, box[3] + MARGIN))).save(picture)


def html_with_pictures(message: EmailMessage) -> str | None:
    """The HTML part with its pictures inside; None: the message has none."""
    part = message.get_body(("html",))
    if part is None:
        return None
    html: str = part.get_content()
    for picture in message.walk():
        if picture.get_content_maintype() == "image":
            encoded = base64.b64encode(picture.get_content()).decode()
            html = html.replace(
                f'"cid:{str(picture["Content-ID"]).strip("<>")}"',
                f'"data:{picture.get_content_type()};base64,{encoded}"',
            )
    return html


def _height(message: EmailMessage) -> int:
    """Enough for a phone: by the words of the text part, some forty signs a line."""
    part = message.get_body(("plain",))
    words = part.get_content() if part is not None else ""
    return min(TALLEST, 1_500 + 24 * (len(words) // 36 + words.count("\n")))

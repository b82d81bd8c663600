"""The map of a mail as it is seen: the right colour at the right place, and nothing else."""

import json
import math
from datetime import date
from io import BytesIO
from itertools import pairwise

import pytest
from PIL import Image, ImageColor

from alerts.delivery import digest_message
from alerts.digest import Digest
from alerts.pictures import COLOURS, FILLS, level_map
from config.recipients import Recipient
from flows.mail_steps import digest_of

NIGHT = date(2021, 6, 25)
NARROWEST = 12  # pixels: below, edges and signs are all there is of a region
COUNTRIES = ("MLI", "BFA", "NER", "CIV", "SEN", "BEN", "TGO", "GNB")
SCOPES = [
    Recipient("all@example.org", "en"),
    *(Recipient("a@example.org", "fr", (code,)) for code in COUNTRIES),
    Recipient("b@example.org", "fr", ("SEN", "GNB"), ("MLI.kayes",)),
    Recipient("c@example.org", "en", regions=("SEN.fatick",)),
]


@pytest.fixture(scope="module")
def digest(warehouse_con, night) -> Digest:
    return digest_of(warehouse_con, night(NIGHT), NIGHT, "-")


def polygons(outline: str) -> list[list[list[tuple[float, float]]]]:
    geometry = json.loads(outline)
    shape = geometry["coordinates"]
    return [shape] if geometry["type"] == "Polygon" else shape


def wound(ring: list[tuple[float, float]]) -> float:
    """Twice the area of a ring; negative: clockwise."""
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairwise(ring))


def mercator(point: tuple[float, float]) -> tuple[float, float]:
    longitude, latitude = map(math.radians, point)
    return longitude, -math.log(math.tan(math.pi / 4 + latitude / 2))


def middle(outline: str) -> tuple[float, float, float]:
    """A point well within the largest polygon: the widest row of a few, its middle and width."""
    ring = max((polygon[0] for polygon in polygons(outline)), key=lambda ring: -wound(ring))
    low, high = min(y for _, y in ring), max(y for _, y in ring)
    runs = []
    for share in (0.3, 0.4, 0.5, 0.6, 0.7):
        y = low + share * (high - low)
        crossed = sorted(
            x1 + (y - y1) * (x2 - x1) / (y2 - y1)
            for (x1, y1), (x2, y2) in pairwise(ring)
            if (y1 > y) != (y2 > y)
        )
        runs += [(b - a, (a + b) / 2, y) for a, b in zip(crossed[::2], crossed[1::2], strict=True)]
    width, x, y = max(runs)
    return x, y, width


def colours_at(picture: bytes, outlines: dict[str, str]) -> dict[str, set[tuple[int, ...]]]:
    """The colours about each region's middle: the map fills the picture's opaque part.

    Regions too narrow to have more than an edge are left out.
    """
    image = Image.open(BytesIO(picture)).convert("RGBA")
    left, top, right, bottom = image.getchannel("A").getbbox()
    points = [
        mercator(point)
        for outline in outlines.values()
        for polygon in polygons(outline)
        for point in polygon[0]
    ]
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    north, south = min(y for _, y in points), max(y for _, y in points)
    scale = (right - left) / (east - west)
    assert abs((bottom - top) / (south - north) / scale - 1) < 0.1  # one scale both ways
    colours_by_region = {}
    for region, outline in outlines.items():
        longitude, latitude, width = middle(outline)
        if math.radians(width) * scale < NARROWEST:
            continue
        x, y = mercator((longitude, latitude))
        x, y = round(left + (x - west) * scale), round(top + (y - north) * scale)
        near = range(-2, 3)
        colours_by_region[region] = {image.getpixel((x + i, y + j)) for i in near for j in near}
    return colours_by_region


def is_among(colour: str, pixels: set[tuple[int, ...]]) -> bool:
    wanted = (*ImageColor.getrgb(colour), 255)
    return any(max(abs(a - b) for a, b in zip(p, wanted, strict=True)) < 8 for p in pixels)


def share(picture: bytes, colour: str) -> float:
    """The part of the picture that has the colour."""
    image = Image.open(BytesIO(picture)).convert("RGBA")
    pixels = sum(n for n, pixel in image.getcolors(2**20) or [] if is_among(colour, {pixel}))
    return pixels / image.width / image.height


def test_rings_of_outlines_are_wound_as_those_who_draw_on_a_sphere_need(digest) -> None:
    for region, outline in digest.outlines.items():
        for shell, *holes in polygons(outline):
            assert wound(shell) < 0, region
            assert all(wound(hole) > 0 for hole in holes), region


@pytest.mark.parametrize("scope", SCOPES, ids=lambda r: "+".join((*r.countries, *r.regions)))
def test_every_region_has_its_colour_at_its_place(digest, scope) -> None:
    shown = {r: digest.outlines[r] for r in digest.within(scope).flags["region_id"]}
    fills = {region: list(FILLS)[n % 4] for n, region in enumerate(shown)}
    picture = level_map(shown, {}, fills)
    colours = colours_at(picture, shown)
    assert len(colours) >= 0.6 * len(shown)
    assert {r: colours[r] for r in colours if not is_among(FILLS[fills[r]], colours[r])} == {}
    assert max(share(picture, colour) for colour in FILLS.values()) < 0.6  # no square of one


@pytest.mark.parametrize("level", ["watch", "warning", "alarm"])
def test_a_level_has_its_sign_on_the_darkest_ground(digest, level) -> None:
    shown = {r: digest.outlines[r] for r in digest.flags["region_id"]}
    fills = dict.fromkeys(shown, "very_violent")
    without = level_map(shown, {}, fills)
    picture = level_map(shown, {"MLI.tombouctou": level}, fills)
    assert share(without, COLOURS[level]) == 0
    assert share(picture, COLOURS[level]) > 0.00012  # some twenty pixels
    assert share(picture, "#ffffff") > share(without, "#ffffff")  # parted from the ground


def test_a_region_whose_silence_may_be_none_is_hatched(digest) -> None:
    """Two colours in it, that of its ground among them; nothing else changes."""
    shown = {r: digest.outlines[r] for r in digest.flags["region_id"]}
    fills = dict.fromkeys(shown, "violent")
    plain, hatched = (level_map(shown, {}, fills, unsure) for unsure in ((), ("MLI.menaka",)))
    before, now = colours_at(plain, shown), colours_at(hatched, shown)
    assert {r for r in now if now[r] != before[r]} == {"MLI.menaka"}
    light = {p for p in now["MLI.menaka"] if sum(p[:3]) > 3 * 170}
    assert is_among(FILLS["violent"], now["MLI.menaka"])
    assert light


def test_a_mail_says_which_silence_may_be_none(digest) -> None:
    unsure = digest.flags.filter(digest.flags["p_unreported_event"] >= 0.05)["region_id"]
    assert "MLI.menaka" in unsure
    mail = digest_message(digest, {}, Recipient("a@example.org", "fr"), "t@example.org", "mailto:t")
    html = mail.get_body(("html",)).get_content()
    assert "Hachuré : aucun incident en mai 2021, mais" in html
    assert "calme, ou pas encore enregistré : Ménaka" in html

"""The text of a night for a phone or a team's channel: 300 characters, what is left out counted.

It rests on the facts of the mail (``alerts.digest``) and lives as one does: told is what differs
from what that reader was told last.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment

from alerts.digest import Digest, mail_facts
from alerts.wording.environment import environment

TEMPLATES = Path(__file__).parent / "templates"
MOST_CHARACTERS = 300
# 3GPP TS 23.038: the default alphabet of short messages, and what counts double in it.
GSM_7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_7_DOUBLE = frozenset("\f^{}\\[~]|€")
GSM_7_SIZES, UCS_2_SIZES = (160, 153), (70, 67)  # units of a message alone, and of a part of one
SPELT_OTHERWISE = str.maketrans(
    {"’": "'", "‘": "'", "–": "-", "—": "-", "…": "...", "œ": "oe", "Œ": "OE", "«": '"', "»": '"',
     "“": '"', "”": '"'}
)  # fmt: skip


def is_gsm_7(text: str) -> bool:
    """Whether a text goes out in seven bits a character; else in sixteen (UCS-2).

    Example:
        >>> is_gsm_7("Ségou à Kédougou"), is_gsm_7("Côte d'Ivoire"), is_gsm_7("français")
        (True, False, False)
    """
    return frozenset(text) <= GSM_7 | GSM_7_DOUBLE


def segments(text: str) -> int:
    """How many short messages a text is: of 160 or 70 characters, or of parts of 153 or 67.

    Characters that count double, and pairs of UTF-16, are not cut by the end of a part.

    Example:
        >>> [segments(sign * n) for sign, n in (("a", 160), ("a", 161), ("a", 306), ("€", 80))]
        [1, 2, 2, 1]
        >>> [segments(sign * n) for sign, n in (("ê", 70), ("ê", 71), ("ê", 300), ("", 1))]
        [1, 2, 5, 1]
    """
    if is_gsm_7(text):
        alone, part = GSM_7_SIZES
        units = [2 if sign in GSM_7_DOUBLE else 1 for sign in text]
    else:
        alone, part = UCS_2_SIZES
        units = [2 if ord(sign) > 0xFFFF else 1 for sign in text]
    if sum(units) <= alone:
        return 1
    count, room = 0, 0
    for unit in units:
        if unit > room:
            count, room = count + 1, part
        room -= unit
    return count


def in_gsm_7(text: str) -> str:
    """The text with letters that short messages have; as it is where it has others still.

    Accents that GSM-7 lacks are left off (ê, ç, î): one of them would make two messages five.

    Example:
        >>> in_gsm_7("Côte d’Ivoire : français, Ségou, à"), in_gsm_7("Гао ê")
        ("Cote d'Ivoire : francais, Ségou, à", 'Гао ê')
    """
    spelt = "".join(map(_gsm_7_sign, text.translate(SPELT_OTHERWISE)))
    return spelt if is_gsm_7(spelt) else text


def _gsm_7_sign(sign: str) -> str:
    if sign in GSM_7:
        return sign
    if unicodedata.category(sign) == "Zs":
        return " "
    base = "".join(s for s in unicodedata.normalize("NFKD", sign) if not unicodedata.combining(s))
    return base or sign


def bare(name: str) -> str:
    """A name without signs on which a phone or a chat acts (links, mentions, formats): ? for each.

    Example:
        >>> bare("<!channel> *Gao* http://x.org"), bare("N'Djamena (St. Louis)")
        ('??channel? ?Gao? http???x?org', "N'Djamena (St. Louis)")
    """
    return re.sub(r"[^\w '’().,-]|_|\.(?=\w)", "?", name)


def night_text(
    digest: Digest, mailed_levels: Mapping[str, str], language: str, is_first: bool = False
) -> str:
    """The text of one reader, at most ``MOST_CHARACTERS`` long.

    The reader's own lines that are passed come first, two by name; then changes, rises before
    falls, the gravest first, or where there is none the levels that stand; those without room
    are counted.
    What must not be missing (that no level is no all-clear, muted regions) always stands; the
    deadliest regions and the address of the page where there is room.

    Args:
        digest: The night, within what the reader asked for.
        mailed_levels: Level last told by region.
        language: en or fr.
        is_first: Whether it is the first that the reader gets: the state, not changes.
    """
    facts = mail_facts(digest, mailed_levels, language)
    standing = [] if digest.flags["is_stale"].any() else facts["standing"]
    is_wide = digest.flags["country_code"].n_unique() > 1
    template = _environment(language).get_template("text.txt.j2")
    words = {
        "is_first": is_first, "is_wide": is_wide, "published_at": facts.pop("place"),
        "standing_levels": standing,
    }  # fmt: skip
    macros = template.make_module({**facts, **words})

    def line(macro: str, *arguments: object) -> str:
        return in_gsm_7(" ".join(str(getattr(macros, macro)(*arguments)).split()))

    listed, macro = (facts["changed"], "change") if facts["changed"] else (standing, "standing")
    return short_text(
        " ".join(filter(None, (line("opening"), line("own_lines")))),
        [line(macro, row) for row in listed[:MOST_CHARACTERS]],
        len(listed) + (0 if facts["changed"] else sum(n for _, n in facts["standing_more"])),
        lambda count: line("more", count),
        line("closing"),
        [line(macro) for macro in ("figures", "deadly", "not_renewed_sources", "address")],
    )


def short_text(
    opening: str,
    changes: Sequence[str],
    changes_count: int,
    more: Callable[[int], str],
    closing: str,
    extras: Sequence[str],
) -> str:
    """As many of the changes as there is room for, then of the extras.

    Args:
        opening: Always said.
        changes: In the order they are said in.
        changes_count: All there are.
        more: What says how many are left out.
        closing: Always said.
        extras: Each where there still is room.

    Example:
        >>> changes = [f"Region {n} WATCH" for n in range(30)]
        >>> more = "+{} regions".format
        >>> text = short_text("Tocsin.", changes, 30, more, "No all-clear.", ["x" * 90])
        >>> len(text), text[-34:]
        (296, ' WATCH; +14 regions. No all-clear.')
    """
    for count in range(len(changes), -1, -1):
        left_out_count = changes_count - count
        listed = "; ".join([*changes[:count], *([more(left_out_count)] if left_out_count else [])])
        text = " ".join(part for part in (opening, f"{listed}." if listed else "", closing) if part)
        if len(text) <= MOST_CHARACTERS:
            break
    for extra in extras:
        if extra and len(text) + 1 + len(extra) <= MOST_CHARACTERS:
            text = f"{text} {extra}"
    return text


@cache
def _environment(language: str) -> Environment:
    words = environment(TEMPLATES, language, is_mail=True, is_html=False)
    words.filters["bare"] = bare
    return words

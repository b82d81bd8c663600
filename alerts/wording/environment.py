"""Templates of mails and of the page: one French catalogue, shared sentences, shared filters."""

import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, lru_cache, partial
from gettext import NullTranslations
from hashlib import sha256
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup, escape

from alerts import wording
from config.code import code_sha256
from config.texts import without_code_words
from config.vocabulary import HATCHED_FROM

HERE = Path(__file__).parent
# Before a colon French has a blank that does not break; mails carry the ordinary one, since
# readers of plain text may show the other as a sign.
ORDINARY_BLANKS = str.maketrans("\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}", "  ")
Words = Callable[..., str]


class CatalogueTranslations(NullTranslations):
    """Translations read from a ``.po`` file, so that no compiled copy can be out of date."""

    def __init__(self, catalogue: Catalog) -> None:
        super().__init__()
        self.catalogue = catalogue

    def gettext(self, message: str) -> str:
        """The translated message; the message itself where there is none."""
        entry = self.catalogue.get(message)
        return str(entry.string) if entry is not None and entry.string else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """The translated form for ``n``; French counts 0 as singular."""
        entry = self.catalogue.get(msgid1)
        if entry is None or not entry.string:
            return msgid1 if n == 1 else msgid2
        forms = entry.string if isinstance(entry.string, tuple) else (entry.string,)
        return str(forms[0 if n < 2 else len(forms) - 1])


@cache
def translations(language: str) -> NullTranslations:
    """The catalogue of a language; English is the language of the templates."""
    if language == "en":
        return NullTranslations()
    with (HERE / f"{language}.po").open("rb") as file:
        return CatalogueTranslations(read_po(file, locale=language))


class CompiledTemplates(FileSystemBytecodeCache):
    """Templates as compiled, for both languages, kept where Python keeps compiled modules.

    Args:
        kind: Of environments that compile alike.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(str(HERE / "__pycache__"), f"{kind}-%s.jinja")

    def get_source_checksum(self, source: str) -> str:
        """Digest of all that a compiled template follows from: how and from what it was made."""
        code = code_sha256(("alerts",), ("jinja2",))  # filters of a constant are compiled in
        return sha256(code + source.encode()).hexdigest()

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket, if what is kept can be read."""
        with suppress(Exception):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it, where that can be written; elsewhere each process compiles for itself."""
        if not sys.dont_write_bytecode:
            with suppress(OSError):
                Path(self.directory).mkdir(exist_ok=True)
                super().dump_bytecode(bucket)


# Escapes are compiled in.
COMPILED = {True: CompiledTemplates("html"), False: CompiledTemplates("text")}


def with_english_quotes(text: str) -> Markup:
    """Text for a page in which what a register says in English, in “…”, is marked as English.

    Example:
        >>> str(with_english_quotes("3 mars : “Truce & talks”."))
        '3 mars : “<span lang="en">Truce &amp; talks</span>”.'
    """
    return Markup(re.sub("“(.*?)”", r'“<span lang="en">\1</span>”', str(escape(text))))  # noqa: S704 - escaped


def environment(
    templates: Path, language: str, *, is_mail: bool, is_html: bool = True
) -> Environment:
    """An environment for templates of a folder and those shared by mails and page.

    Args:
        templates: Their folder.
        language: en or fr.
        is_mail: Whether rows are those of a mail, where ``alert_level`` stands and ``level`` is
            the month's own; on the page these are ``level`` and ``level_of_month``.
        is_html: Whether values are escaped.
    """
    environment = Environment(
        loader=FileSystemLoader([templates, HERE / "templates"]),
        bytecode_cache=COMPILED[is_html],
        autoescape=is_html,  # noqa: S701 - text is text; shared macros follow their environment
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    catalogue = translations(language)
    words: tuple[Words, Words] = (lru_cache(catalogue.gettext), lru_cache(catalogue.ngettext))
    if is_mail:
        words = (_with_ordinary_blanks(words[0]), _with_ordinary_blanks(words[1]))
    environment.install_gettext_callables(*words, newstyle=True)  # type: ignore[attr-defined]
    for name in (
        "day",
        "short_day",
        "month",
        "number",
        "percent",
        "share",
        "plain",
        "name",
        "release",
        "unit",
        "country",
    ):
        in_language = partial(getattr(wording, name), language=language)
        environment.filters[name] = lru_cache(maxsize=10_000)(in_language)
    level_column, month_level_column = (
        ("alert_level", "level") if is_mail else ("level", "level_of_month")
    )

    def window(row: Mapping[str, object], until: Mapping[str, object] | None = None) -> str:
        last = row if until is None else until
        return wording.span(row["window_start_date"], last["window_end_date"], language)  # type: ignore[arg-type]

    environment.filters |= {
        "chance": partial(wording.chance, language=language),
        "one_in": wording.one_in,
        "odds": wording.odds,
        "without_code_words": without_code_words,
        "in_english": with_english_quotes,
        "window": window,
        "months": lambda rows: window(rows[0], rows[-1]),
        "first_part": lambda row: wording.span(
            *wording.first_part(row["window_start_date"], row["window_end_date"]), language
        ),
        "moved": lambda row: wording.change(row["p_escalation"], row["p_escalation_before"]),
        "rests_on_fallen_bar": lambda row: wording.rests_on_fallen_bar(
            row[month_level_column], row["level_at_bar_before"], row["quiet_days"]
        ),
        "rests_on_newest_event": lambda row: wording.rests_on_newest_event(
            row[month_level_column], row["level_without_newest_event"]
        ),
    }
    environment.globals |= {
        "language": language,
        "hatched_from": HATCHED_FROM,
        "level_column": level_column,
        "month_level_column": month_level_column,
    }
    return environment


def _with_ordinary_blanks(words: Words) -> Words:
    return lambda *message: words(*message).translate(ORDINARY_BLANKS)

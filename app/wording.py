"""The words that annotators see: one gettext catalogue, whose source is English.

`app/locale/toprank.pot` lists them. A translation is `app/locale/LANGUAGE.po`, chosen by TOPRANK_LANGUAGE.
"""

from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from app.errors import ToprankError

LOCALE = Path(__file__).resolve().parent / "locale"
SOURCE_LANGUAGE = "en"


def N_(words: str) -> str:  # noqa: N802 gettext's own name for it
    """Mark words for the catalogue where they are not shown yet."""
    return words


def catalogue(language: str) -> NullTranslations:
    """The translation into this language. Raises ToprankError when there is none."""
    if language == SOURCE_LANGUAGE:
        return NullTranslations()
    file = LOCALE / f"{language}.po"
    if not (language.replace("_", "").isalnum() and file.exists()):
        known = ", ".join([SOURCE_LANGUAGE, *sorted(po.stem for po in LOCALE.glob("*.po"))])
        raise ToprankError(f"There are no words in {language!r}, only in: {known}; translate app/locale/toprank.pot.")
    return read_catalogue(file.read_bytes())


def read_catalogue(po: bytes) -> GNUTranslations:
    """A translation from a .po file."""
    from babel.messages.mofile import write_mo  # only a translated server needs it
    from babel.messages.pofile import read_po

    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(po)))
    return GNUTranslations(BytesIO(compiled.getvalue()))

"""What the wizard says, for NSIS: written from the catalogue, for every language of the list.

``languages.nsh`` comes before the pages, ``text.nsh`` after them, as NSIS wants it; the licence
is a file for each language.
"""

from collections.abc import Iterator
from pathlib import Path

from devkit.shell import ROOT

from agent.words import REVIEWED, SOURCE, Language, choice_label, load, section

AREA = "windows_setup"
COMMON_AREA = "installer"
"""Of what the Linux wizard says, too."""
VARIABLES = {
    "installed": "$Installed",
    "version": "${VERSION}",
    "megabytes": "${MEGABYTES}",
    "folder": "$INSTDIR",
    "needed": "$Needed",
    "free": "$Free",
    "stuck": "$Stuck",
    "file": "$0",
}
"""What stands in a text's braces, by NSIS's own names."""
_FOR_BUILD = frozenset({"licence_intro", "file_description", "choose_language"})
_PRIMARY = 0x3FF  # of a Windows language identifier (MS-LCID)
_LANGUAGES = (SOURCE, *(each for each in Language if each is not SOURCE))
"""NSIS takes the first one for whatever it does not know."""


def write(folder: Path) -> None:
    """Write all files into a folder, which must be there."""
    (folder / "languages.nsh").write_text("\n".join(_languages()) + "\n", "utf-8")
    (folder / "text.nsh").write_text("\n".join(_texts()) + "\n", "utf-8")
    licence = (ROOT / "LICENSE").read_text("utf-8")
    for language in Language:
        text = f"{load(language)[f'{AREA}.licence_intro']}\n\n{licence}".replace("\n", "\r\n")
        # NSIS knows UTF-8 by its byte order mark.
        (folder / f"licence.{language}.txt").write_bytes(text.encode("utf-8-sig"))


def name_of(key: str) -> str:
    """Return the name of a text in the scripts: ``welcome_title`` is ``WelcomeTitle``."""
    return "".join(part[:1].upper() + part[1:] for part in key.split("_"))


def quoted(text: str) -> str:
    """Write a text as an NSIS string; ``{…}`` become the variables that it has there."""
    escaped = text.replace("$", "$$").replace("`", "$\\`").replace("\n", "$\\r$\\n")
    return f"`{escaped.format_map(VARIABLES)}`"


def _languages() -> Iterator[str]:
    """Yield what the script does with each language, and what is the same in all of them."""
    yield "!macro EachLanguage DO"
    for each in _LANGUAGES:
        facts = [
            each.nsis.upper(),
            each.nsis,
            each,
            str(each.windows & _PRIMARY),
            str(int(each.is_reviewed)),
            each.font,
            choice_label(each, each),
        ]
        yield f"  !insertmacro ${{DO}} {' '.join(map(quoted, facts))}"
    yield "!macroend"
    choose = [load(each)[f"{AREA}.choose_language"] for each in Language]
    companies = [load(each)["product.company"] for each in REVIEWED]
    yield f"!define FIRST_LANGUAGE ${{LANG_{next(iter(Language)).nsis.upper()}}}"
    yield f"!define CHOOSE_LANGUAGE {quoted('  '.join(map(str, choose)))}"
    yield f"!define BOTH_NAMES {quoted(str(load(SOURCE)['product.both_names']))}"
    yield f"!define PUBLISHER {quoted(' '.join(map(str, companies)))}"


def _texts() -> Iterator[str]:
    """Yield each text, and what the file's properties say."""
    for language in _LANGUAGES:
        identifier = f"${{LANG_{language.nsis.upper()}}}"
        texts, product = section(language, AREA), section(language, "product")
        for key, text in {**section(language, COMMON_AREA), **texts}.items():
            if key not in _FOR_BUILD:
                yield f"LangString {name_of(key)} {identifier} {quoted(text)}"
        properties = {
            "ProductName": product["long_name"],
            "FileDescription": texts["file_description"],
            "CompanyName": product["company"],
            "LegalCopyright": product["licence"],
        }
        for name, text in properties.items():
            yield f'VIAddVersionKey /LANG={identifier} "{name}" {quoted(text)}'
        for name in ("FileVersion", "ProductVersion"):
            yield f'VIAddVersionKey /LANG={identifier} "{name}" "${{VERSION}}"'

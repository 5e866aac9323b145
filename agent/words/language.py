"""The languages: a line here, and a file of the same name beside it, is all that one needs.

Everything else in the agent, the icon and the installers derives from this list what it offers and
what it is called.
"""

import ctypes
import os
import subprocess
import sys
from collections.abc import Mapping
from enum import StrEnum, unique
from typing import Final, Self

_VARIABLES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")  # POSIX.1-2017 §8.2, the first one set wins
_SECONDS: Final = 2.0


@unique
class Language(StrEnum):
    """A language by its BCP 47 tag.

    Attributes:
        endonym: what its speakers call it.
        is_reviewed: whether a native speaker has read all of it. One that is not is offered with a
            remark, and never chosen automatically.
        posix: the locale, which names its catalogue, its keys in desktop files (Desktop Entry
            Specification 1.5, "Localized values for keys") and its folder of manual pages.
        windows: the language identifier (MS-LCID): ten bits of the language, six of the region.
        nsis: the name of NSIS's own language file.
        font: for windows of Windows.
        date_locale: a BCP 47 tag by which browsers write days and times.

    """

    endonym: str
    is_reviewed: bool
    posix: str
    windows: int
    nsis: str
    font: str
    date_locale: str

    # tag, endonym, is_reviewed, posix, windows, nsis, font, date_locale
    # fmt: off
    CHINESE = "zh-Hant", "繁體中文", True, "zh_TW", 0x0404, "TradChinese", "Microsoft JhengHei UI", "zh-TW"  # noqa: E501  # a row
    ENGLISH = "en", "English", True, "en", 0x0409, "English", "Segoe UI", "en-GB"
    VIETNAMESE = "vi", "Tiếng Việt", False, "vi", 0x042A, "Vietnamese", "Segoe UI", "vi-VN"
    INDONESIAN = "id", "Bahasa Indonesia", False, "id", 0x0421, "Indonesian", "Segoe UI", "id-ID"
    # fmt: on

    def __new__(  # noqa: PLR0913, PLR0917  # a row of the table
        cls,
        tag: str,
        endonym: str,
        is_reviewed: bool,
        posix: str,
        windows: int,
        nsis: str,
        font: str,
        date_locale: str,
    ) -> Self:
        """Make a language of one row of the table."""
        language = str.__new__(cls, tag)
        language._value_ = tag
        language.endonym = endonym
        language.is_reviewed = is_reviewed
        language.posix = posix
        language.windows = windows
        language.nsis = nsis
        language.font = font
        language.date_locale = date_locale
        return language


SOURCE: Final = Language.ENGLISH
"""The language that texts are written in first, and said in where a translation is missing."""
FIRST: Final = next(iter(Language))
"""The language of people of whom nothing is known."""
BY_TAG: Final = {str(each): each for each in Language}
"""Each language by its tag."""
REVIEWED: Final = tuple(each for each in Language if each.is_reviewed)
"""The languages that may be chosen automatically."""
SYSTEM: Final = "system"
"""The choice of the system's language instead of one of ours."""
CHOICES: Final = (SYSTEM, *map(str, Language))
"""What a person may choose: :data:`SYSTEM`, or a language by its tag."""
_PRIMARY: Final = 0x3FF  # of a Windows language identifier


def chosen_language(choice: str) -> Language:
    """Return the language of one of :data:`CHOICES`; for anything else that of the system."""
    return BY_TAG.get(choice) or system_language()


def system_language() -> Language:
    """Return the user interface's language if it is a reviewed one of ours, else :data:`SOURCE`."""
    if sys.platform == "win32":
        identifier = ctypes.windll.kernel32.GetUserDefaultUILanguage()
        return of_windows(identifier)
    if sys.platform == "darwin":
        return of_tag(_macos_language())
    return of_environment(os.environ)


def of_windows(identifier: int) -> Language:
    """Return the reviewed language of a Windows language identifier (MS-LCID), in any region."""
    primary = identifier & _PRIMARY
    return next((each for each in REVIEWED if each.windows & _PRIMARY == primary), SOURCE)


def of_environment(environment: Mapping[str, str]) -> Language:
    """Return the reviewed language that POSIX locale variables ask for."""
    locale = next((environment[name] for name in _VARIABLES if environment.get(name)), "")
    if locale in ("", "C", "POSIX") or locale.startswith("C."):
        return SOURCE  # as gettext: without a locale LANGUAGE says nothing
    wanted = [*filter(None, environment.get("LANGUAGE", "").split(":")), locale]
    return next((found for tag in wanted if (found := _reviewed(tag)) is not None), SOURCE)


def of_tag(tag: str) -> Language:
    """Return the reviewed language of a tag such as ``zh-Hant-TW`` or ``zh_TW.UTF-8``."""
    return _reviewed(tag) or SOURCE


def _reviewed(tag: str) -> Language | None:
    primary = _primary(tag)
    return next((each for each in REVIEWED if _primary(each) == primary), None)


def requested_language(choice: str, accepted: str) -> Language:
    """Return the language for a browser's page.

    Args:
        choice: one of :data:`CHOICES`, by the person at this computer.
        accepted: the Accept-Language header (RFC 9110 §12.5.4), whose first tag counts where the
            choice is the system's.

    """
    return BY_TAG.get(choice) or of_tag(accepted.partition(",")[0].partition(";")[0].strip())


def _primary(tag: str) -> str:
    """Return the primary language subtag of a BCP 47 tag (RFC 5646 §2.2.1) or a POSIX locale."""
    return tag.lower().replace("_", "-").partition(".")[0].partition("-")[0]


def _macos_language() -> str:
    command = ["/usr/bin/defaults", "read", "-g", "AppleLanguages"]
    try:
        done = subprocess.run(  # noqa: S603  # a fixed program of the system, no shell
            command, capture_output=True, check=False, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    # A property list of tags in the order of preference: ( "zh-Hant-TW", en )
    return done.stdout.decode("utf-8", "replace").strip(' ()\n"')

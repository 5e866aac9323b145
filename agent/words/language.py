"""Which of our two languages the citizen's system speaks."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Mapping
from enum import StrEnum, unique
from typing import Final

_VARIABLES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")  # POSIX.1-2017 §8.2, the first one set wins
_CHINESE: Final = 0x04  # LANG_CHINESE, the low ten bits of a Windows language identifier
_SECONDS: Final = 2.0


@unique
class Language(StrEnum):
    """A language by its BCP 47 tag."""

    CHINESE = "zh-Hant"
    ENGLISH = "en"


def chosen_language(tag: str) -> Language:
    """Take the language of one of our tags; for any other, "system" too, that of the system."""
    return Language(tag) if tag in tuple(Language) else system_language()


def system_language() -> Language:
    """Find the language of the user interface; English where it is none of ours."""
    if sys.platform == "win32":
        identifier = ctypes.windll.kernel32.GetUserDefaultUILanguage()
        return Language.CHINESE if identifier & 0x3FF == _CHINESE else Language.ENGLISH
    if sys.platform == "darwin":
        return of_tag(_macos_language())
    return of_environment(os.environ)


def of_environment(environment: Mapping[str, str]) -> Language:
    """Find the language that POSIX locale variables ask for."""
    locale = next((environment[name] for name in _VARIABLES if environment.get(name)), "")
    if locale in ("", "C", "POSIX") or locale.startswith("C."):
        return Language.ENGLISH  # as gettext: without a locale LANGUAGE says nothing
    first, *_ = environment.get("LANGUAGE", "").split(":")
    return of_tag(first or locale)


def of_tag(tag: str) -> Language:
    """Choose by a tag such as ``zh-Hant-TW`` or ``zh_TW.UTF-8``."""
    return Language.CHINESE if tag.lower().startswith("zh") else Language.ENGLISH


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

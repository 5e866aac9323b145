"""Texts in desktop files, of which the desktop chooses one by the session's locale."""

from agent.words.catalogue import load
from agent.words.language import REVIEWED, SOURCE


def localized(field: str, key: str) -> str:
    r"""Return the lines ``Name=…`` and ``Name[zh_TW]=…`` of a field, each with its line end.

    Languages that nobody has reviewed are left out: a desktop would choose them by itself.

    Args:
        field: its name (Desktop Entry Specification 1.5).
        key: of a text on one line.

    """
    lines = [f"{field}={load(SOURCE)[key]}\n"]
    lines += [
        f"{field}[{each.posix}]={load(each)[key]}\n" for each in REVIEWED if each is not SOURCE
    ]
    return "".join(lines)

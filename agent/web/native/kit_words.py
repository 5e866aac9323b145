"""What the page kit says to people, as a module beside the SDK, made from the catalogues of words.

``python -m agent.web.native.kit_words`` writes ``words.js``, which ``explain()`` and the elements
read, and ``errors.json``, the error catalogue for programs that have no running agent.
"""

import json
from typing import Any, Final

from agent.web.native.error_catalogue import FOLDER, as_json, entries
from agent.words.catalogue import section
from agent.words.language import Language

WORDS: Final = FOLDER.parent / "words.js"
ERRORS: Final = FOLDER.parent / "errors.json"
_CHIP: Final = (
    *("label", "line", "running", "not_running", "checking", "open", "close", "virtual"),
    *("version", "runningText", "checkingText", "connect", "checkNow", "asking"),
)
_LEFT_OUT: Final = ("insecure", "restart_browser")
"""Reasons that only the portal's own chip tells apart."""
_HEAD: Final = """\
// Made by python -m agent.web.native.kit_words from the catalogues of words: change it there.

/**
 * What one language says: what a person can do about a code; of a reason its short form, why, and the steps to take; the chip; the
 * button.
 *
 * @typedef {{codes: Record<string, string>, reasons: Record<string, string[]>, chip: Record<string, string>, kit: Record<string, string>}} Words
 */

"""  # noqa: E501  # JSDoc has no way to break a line in a type


def as_words() -> str:
    """Return the module ``words.js``. Reads files the first time."""
    again = [entry.code for entry in entries() if entry.retriable]
    about = "/** The codes after which the user may try again. */"
    lines = [f"{about}\nexport const RETRIABLE = {_json(again)};\n\n"]
    lines.append("/** @type {Record<string, Words>} */\nexport const WORDS = {\n")
    for language in Language:
        lines.append(f"  {_json(str(language))}: {{\n")
        for area, texts in _texts(language).items():
            lines.append(f"    {area}: {{\n")
            lines += (f"      {name}: {_json(text)},\n" for name, text in texts.items())
            lines.append("    },\n")
        lines.append("  },\n")
    return f"{_HEAD}{''.join(lines)}}};\n"


def as_errors() -> str:
    """Return ``errors.json``, a line for each code. Reads files the first time."""
    document = json.loads(as_json())
    rows = ",\n".join(_json(row) for row in document.pop("codes"))
    head = _json(document).removesuffix("}")
    return f'{head}, "codes": [\n{rows}\n]}}\n'


def _texts(language: Language) -> dict[str, dict[str, Any]]:
    portal = section(language, "portal")
    codes = section(language, "errors")["codes"]
    return {
        "codes": {entry.code: codes[entry.code]["citizen"] for entry in entries()},
        "reasons": {
            name: [said["short"], said["why"], *said["todo"]]
            for name, said in portal["reasons"].items()
            if name not in _LEFT_OUT
        },
        "chip": {name: portal["chip"][name] for name in _CHIP},
        "kit": section(language, "kit"),
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def main() -> None:
    """Write both files anew."""
    # another way: a developer writes files of the source tree
    WORDS.write_text(as_words(), encoding="utf-8")
    # another way: likewise
    ERRORS.write_text(as_errors(), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Every code of the kits, what it means and what to do, made from the code and the words.

One source, two forms: ``agent/relying/errors.json`` for programs, which the validation service
serves, and a Markdown file for each language (``python -m agent.kits.error_catalogue``).
"""

import json
from pathlib import Path
from typing import Final

from agent.relying.errors import RETRIABLE, VerificationCode
from agent.words.catalogue import section
from agent.words.language import SOURCE, Language

FOLDER: Final = Path(__file__).parent / "errors"
JSON_FILE: Final = Path(__file__).parents[1] / "relying" / "errors.json"


def as_json() -> str:
    """Return the catalogue for programs, in every language."""
    rows = [
        {
            "code": code.value,
            "retriable": code in RETRIABLE,
            "meaning": dict(_texts(SOURCE, code))["site"],
            "texts": {str(each): dict(_texts(each, code)) for each in Language},
        }
        for code in VerificationCode
    ]
    return json.dumps({"codes": rows}, ensure_ascii=False, indent=1) + "\n"


def as_markdown(language: Language) -> str:
    """Return the catalogue for people, in one language."""
    words, said = section(language, "kits"), section(language, "errors")["page"]
    links = (f"[{each.endonym}]({each}.md)" for each in Language if each is not language)
    lines = [f"# {words['title']}", "", words["lead"], "", " · ".join(links), ""]
    head = (said["code"], said["again"], words["site"], words["page"])
    lines += [_row(head), _row(("---",) * len(head))]
    for code in VerificationCode:
        texts = dict(_texts(language, code))
        again = said["yes"] if code in RETRIABLE else said["no"]
        lines.append(_row((f"`{code}`", again, texts["site"], texts["page"])))
    return "\n".join(lines) + "\n"


def _texts(language: Language, code: VerificationCode) -> tuple[tuple[str, str], ...]:
    """Return what a site's people read about a code, and what its page says to a person.

    The second are the sentences of the reference portal: one site's words serve another's.
    """
    site = section(language, "kits")["codes"][code]
    page = section(language, "portal")["refusals"][code]
    return (("site", site), ("page", page))


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Write the files anew."""
    FOLDER.mkdir(exist_ok=True)
    # another way: a developer writes files of the source tree
    JSON_FILE.write_text(as_json(), encoding="utf-8")
    for each in Language:
        # another way: likewise
        (FOLDER / f"{each}.md").write_text(as_markdown(each), encoding="utf-8")


if __name__ == "__main__":
    main()

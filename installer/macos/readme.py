"""Write README.md beside this: the Mac page, for who has only the files; `dev.py docs` runs it."""

import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from agent.words import REVIEWED, Language, load  # noqa: E402  # the checkout's own
from agent.words.mac_page import MacPart, mac_parts  # noqa: E402

PAGE: Final = Path(__file__).with_name("README.md")
_HEAD: Final = "<!-- installer/macos/readme.py makes this page from agent/words -->"


def page() -> str:
    """Return the page in every reviewed language."""
    title = " · ".join(str(load(each)["mac.title"]) for each in REVIEWED)
    return "\n\n".join([f"# {title}", _HEAD, *map(_in_language, REVIEWED)]) + "\n"


def _in_language(language: Language) -> str:
    said = load(language)
    parts = [_part(each) for each in mac_parts(language)]
    head = [f"## {said['mac.title']}", str(said["mac.lead"]), f"**{said['mac.untried']}**"]
    return "\n\n".join([*head, *parts])


def _part(part: MacPart) -> str:
    steps = "\n".join(f"{number}. {step}" for number, step in enumerate(part.steps, 1))
    return "\n\n".join(filter(None, [f"### {part.title}", part.text, steps]))


def main() -> int:
    """Write the page; return the exit status."""
    PAGE.write_text(page(), "utf-8")  # another way: the repository's own file, made anew
    return 0


if __name__ == "__main__":
    sys.exit(main())

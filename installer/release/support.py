"""Write .github/SUPPORT.md from support.toml; `dev.py docs` runs it. Standard library only."""

import sys
import tomllib
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
DATA: Final = Path(__file__).with_name("support.toml")
PAGE: Final = ROOT / ".github" / "SUPPORT.md"


def facts() -> dict[str, Any]:
    """Return what support.toml says."""
    return tomllib.loads(DATA.read_text("utf-8"))


def page(said: dict[str, Any]) -> str:
    """Return the page in both languages."""
    titles = " ".join(words["title"] for words in reversed(said["text"].values()))
    parts = [_part(said, language) for language in said["text"]]
    head = "<!-- installer/release/support.py makes this page from support.toml beside it -->"
    return "\n\n".join([f"# {titles}", head, *parts]) + "\n"


def _part(said: dict[str, Any], language: str) -> str:
    words = said["text"][language]
    rows = [
        f"| {row['version']} | {row['released'] or words['unreleased']} | "
        f"{row['security_until'] or words['open_end']} |"
        for row in said["minor"]
    ]
    table = [
        f"| {words['versions']} | {words['released']} | {words['until']} |",
        "| --- | --- | --- |",
    ]
    systems = [f"- {row[language]}" for row in said["system"]]
    return "\n\n".join(
        [
            f"## {words['title']}",
            words["help"].strip(),
            words["rules"].strip(),
            "\n".join([*table, *rows]),
            words["floor"].format(floor=said["floor"]),
            words["systems"],
            "\n".join(systems),
        ]
    )


def main() -> int:
    """Write the page; return the exit status."""
    PAGE.write_text(page(facts()), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The texts of the package for macOS, written from the catalogue.

::

    pages.py FOLDER            write the pages of Apple's Installer
    pages.py --fill FILE …     put the texts into files, instead of their names between two @

In the folder each language has one of its own. Installer chooses by the language of the system,
so only those are written that a native speaker has reviewed.
"""

import html
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from agent.words import REVIEWED, SOURCE, Language, load, section  # noqa: E402  # the checkout's own

_NAME = re.compile("@([a-z_]+)@")
_PAGE = """\
<!DOCTYPE html>
<html lang="{tag}">
<head><meta charset="utf-8"/><title>{title}</title>
<style>body {{ font: 13px -apple-system, sans-serif; line-height: 1.6; }} \
li {{ margin-bottom: 6px; }} \
@media (prefers-color-scheme: dark) {{ body {{ color: #eee; }} }}</style></head>
<body>
<h2>{title}</h2>
{body}
</body>
</html>
"""


def write(folder: Path) -> None:
    """Write the pages and the licence of each language into ``TAG.lproj``."""
    licence = (ROOT / "LICENSE").read_text("utf-8")
    for language in REVIEWED:
        own = folder / f"{language}.lproj"
        own.mkdir(parents=True, exist_ok=True)
        for name, content in pages(language).items():
            (own / name).write_text(content, "utf-8")
        (own / "license.txt").write_text(licence, "utf-8")


def pages(language: Language) -> Mapping[str, str]:
    """Return the pages of a language by the names that Distribution.xml calls them."""
    texts: dict[str, Any] = section(language, "macos_setup")
    product = section(language, "product")
    added = "".join(
        f"<li><b>{html.escape(what)}</b>: {html.escape(text)}</li>\n"
        for what, text in texts["added_things"]
    )
    bodies = {
        "welcome": (product["name"], _paragraphs(*texts["welcome_text"])),
        "readme": (texts["added"], f"<ul>\n{added}</ul>\n{_paragraphs(texts['added_text'])}"),
        "conclusion": (texts["done"], _paragraphs(*texts["done_text"])),
    }
    return {
        f"{name}.html": _PAGE.format(tag=language, title=html.escape(title), body=body)
        for name, (title, body) in bodies.items()
    }


def fill(file: Path) -> None:
    """Put texts in the place of their names; a script says each in all reviewed languages.

    Raises:
        KeyError: there is no such text.
        ValueError: a text would mean something else within a script's quotation marks.

    """
    content = file.read_text("utf-8")
    file.write_text(_NAME.sub(lambda found: _said(found[1]), content), "utf-8")


def _said(name: str) -> str:
    if name == "product":
        return str(load(SOURCE)["product.both_names"])
    text = " ".join(str(load(each)[f"macos_setup.{name}"]) for each in REVIEWED)
    if set(text) & set('"$`\\'):
        raise ValueError(f"macos_setup.{name}: {text}")
    return text


def _paragraphs(*texts: str) -> str:
    return "\n".join(f"<p>{html.escape(text)}</p>" for text in texts)


if __name__ == "__main__":
    if sys.argv[1] == "--fill":
        for name in sys.argv[2:]:
            fill(Path(name))
    else:
        write(Path(sys.argv[1]))

"""The panel's files, read once at start: no path from a request ever reaches a file system."""

from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final, NamedTuple

from agent.words.browser import browser_module, spoken_page

ROOT: Final = "/panel/"
_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
"""Files of other kinds are not served."""


class PanelFile(NamedTuple):
    """One file in memory."""

    body: bytes
    content_type: str


def load() -> dict[str, PanelFile]:
    """Read them; keys are URL paths, ``/panel/`` is the page itself.

    Raises:
        OSError: the page is missing: the installation is broken.

    """
    found: dict[str, PanelFile] = {}
    _walk(resources.files("agent.web.panel").joinpath("static"), ROOT, found)
    texts = browser_module("panel", "codes", "common", "product", "update").encode()
    found[f"{ROOT}js/texts.js"] = PanelFile(texts, "text/javascript")
    if f"{ROOT}index.html" not in found:
        raise FileNotFoundError("agent/web/panel/static/index.html")
    page = found.pop(f"{ROOT}index.html")
    document = spoken_page(page.body.decode())
    found[ROOT] = page._replace(body=_preloading(document, found).encode())
    return found


def _preloading(document: str, found: Mapping[str, PanelFile]) -> str:
    """Have the browser fetch all scripts at once, not each when another one names it."""
    scripts = sorted(path for path in found if path.endswith(".js"))
    links = "".join(
        f'  <link rel="modulepreload" href="{path.removeprefix(ROOT)}">\n' for path in scripts
    )
    return document.replace("</head>", f"{links}</head>")


def _walk(folder: Traversable, prefix: str, found: dict[str, PanelFile]) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            _walk(entry, f"{prefix}{entry.name}/", found)
            continue
        content_type = _TYPES.get("." + entry.name.rpartition(".")[2])
        if content_type is not None and not entry.name.startswith("."):
            found[f"{prefix}{entry.name}"] = PanelFile(entry.read_bytes(), content_type)

"""The panel's files, known once at start: no path from a request ever reaches a file system.

They are read when they are asked for. Most days nobody opens the panel, and what it says in every
language is a tenth of an idle agent's memory.
"""

from collections.abc import Callable, Iterable
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final, NamedTuple

from agent.words.browser import browser_module, spoken_page
from agent.words.language import Language

ROOT: Final = "/panel/"
_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".bcmap": "application/octet-stream",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
}
"""Files of other kinds are not served."""
_LATER: Final = frozenset(
    {f"{ROOT}js/{name}.js" for name in ("markbox", "pdf", "pinbox", "preview", "question")}
)
"""Scripts that the panel fetches itself once it needs them, or never."""
_HANDBOOK: Final = "handbook/index.html"
_PANEL: Final = "index.html"
_QUESTION: Final = "question.html"


class PanelFile(NamedTuple):
    """One file.

    Attributes:
        read: returns its content; blocks, and may raise OSError if the installation is broken.
        content_type: without parameters.

    """

    read: Callable[[], bytes]
    content_type: str


def load() -> dict[str, PanelFile]:
    """Find them; keys are URL paths, ``/panel/`` is the page itself.

    The box for a PIN is the SDK's.

    Raises:
        OSError: a page is missing: the installation is broken.

    """
    found: dict[str, PanelFile] = {}
    _walk(resources.files("agent.web.panel").joinpath("static"), ROOT, found)
    found[f"{ROOT}js/texts.js"] = PanelFile(_texts, "text/javascript")
    box = resources.files("agent.web").joinpath("sdk", "pinbox.js")
    found[f"{ROOT}js/pinbox.js"] = PanelFile(box.read_bytes, "text/javascript")
    for name in (_PANEL, _QUESTION, _HANDBOOK):
        if f"{ROOT}{name}" not in found:
            raise FileNotFoundError(f"agent/web/panel/static/{name}")
    for language in Language:  # those that have no handbook of their own get the first one
        found.setdefault(handbook_path(language), found[f"{ROOT}{_HANDBOOK}"])
    question, panel = found[f"{ROOT}{_QUESTION}"], found.pop(f"{ROOT}{_PANEL}")
    found[f"{ROOT}{_QUESTION}"] = _spoken(question, "")
    found[ROOT] = _spoken(panel, _preloads(found))
    return found


@cache
def _texts() -> bytes:
    """Return what the panel says, in every language."""
    return browser_module("panel", "codes", "common", "product", "update", "mac").encode()


def _spoken(page: PanelFile, head: str) -> PanelFile:
    """Return a page with its texts, and with more at the end of its head."""

    @cache
    def read() -> bytes:
        document = spoken_page(page.read().decode())
        return document.replace("</head>", f"{head}</head>").encode()

    return page._replace(read=read)


def handbook_path(language: Language) -> str:
    """Return the URL path at which the handbook begins for a person of this language."""
    return f"{ROOT}{_HANDBOOK}".replace(".html", f"-{language}.html")


def _preloads(paths: Iterable[str]) -> str:
    """Have the browser fetch the panel's scripts at once, not each when another one names it."""
    scripts = sorted(path for path in paths if path.endswith(".js") and path not in _LATER)
    return "".join(
        f'  <link rel="modulepreload" href="{path.removeprefix(ROOT)}">\n' for path in scripts
    )


def _walk(folder: Traversable, prefix: str, found: dict[str, PanelFile]) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            _walk(entry, f"{prefix}{entry.name}/", found)
            continue
        content_type = _TYPES.get("." + entry.name.rpartition(".")[2])
        if content_type is not None and not entry.name.startswith("."):
            found[f"{prefix}{entry.name}"] = PanelFile(entry.read_bytes, content_type)

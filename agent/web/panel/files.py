"""The panel's files, known once at start: no path from a request ever reaches a file system."""

from collections.abc import Mapping
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
_SELDOM: Final = f"{ROOT}vendor/"
"""What is below it is read when it is asked for: few pages draw documents."""
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
        body: its content; empty where it is read when it is asked for.
        content_type: without parameters.
        source: where it is then read.

    """

    body: bytes
    content_type: str
    source: Traversable | None = None


def load() -> dict[str, PanelFile]:
    """Read them; keys are URL paths, ``/panel/`` is the page itself.

    The box for a PIN is the SDK's.

    Raises:
        OSError: a page is missing: the installation is broken.

    """
    found: dict[str, PanelFile] = {}
    _walk(resources.files("agent.web.panel").joinpath("static"), ROOT, found)
    texts = browser_module("panel", "codes", "common", "product", "update").encode()
    found[f"{ROOT}js/texts.js"] = PanelFile(texts, "text/javascript")
    box = resources.files("agent.web").joinpath("sdk", "pinbox.js").read_bytes()
    found[f"{ROOT}js/pinbox.js"] = PanelFile(box, "text/javascript")
    for name in (_PANEL, _QUESTION, _HANDBOOK):
        if f"{ROOT}{name}" not in found:
            raise FileNotFoundError(f"agent/web/panel/static/{name}")
    for language in Language:  # those that have no handbook of their own get the first one
        found.setdefault(handbook_path(language), found[f"{ROOT}{_HANDBOOK}"])
    for name in (_PANEL, _QUESTION):
        page = found[f"{ROOT}{name}"]
        found[f"{ROOT}{name}"] = page._replace(body=spoken_page(page.body.decode()).encode())
    page = found.pop(f"{ROOT}{_PANEL}")
    found[ROOT] = page._replace(body=_preloading(page.body.decode(), found).encode())
    return found


def handbook_path(language: Language) -> str:
    """Return the URL path at which the handbook begins for a person of this language."""
    return f"{ROOT}{_HANDBOOK}".replace(".html", f"-{language}.html")


def _preloading(document: str, found: Mapping[str, PanelFile]) -> str:
    """Have the browser fetch the panel's scripts at once, not each when another one names it."""
    scripts = sorted(path for path in found if path.endswith(".js") and path not in _LATER)
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
            source = entry if prefix.startswith(_SELDOM) else None
            body = entry.read_bytes() if source is None else b""
            found[f"{prefix}{entry.name}"] = PanelFile(body, content_type, source)

"""Our own pages on this port: small, in one piece, and nobody's to frame or to add to."""

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from agent import __version__
from agent.domain import split_display_host
from agent.errors import BadRequestError
from agent.origin import Origin
from agent.web.hipki.errors import MAJOR_TEXTS, MINOR_TEXTS, REASONS, Major, Numbers
from agent.words.browser import page_texts
from agent.words.language import Language

_FOLDER: Final = resources.files("agent.web.hipki") / "pages"
_FIELD: Final = re.compile(r"\{([a-z_]+(?::[a-z_.]+)?)\}")
_MARK: Final = (
    '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" '
    'stroke-linejoin="round" aria-hidden="true"><rect x="2" y="5" width="20" height="14" rx="3"/>'
    '<rect x="6" y="9" width="5" height="4" rx="1"/><path d="M14 15.5l1.5 1.5 3-3.5"/></svg>'
)
_REFUSALS: Final = {
    "failed": Numbers(Major.FAILED).fields(),
    "tooLarge": Numbers(Major.TOO_LARGE).fields(),
    "badParameter": Numbers(Major.BAD_PARAMETER).fields(),
}
"""What our scripts tell a page that they could not ask the agent for."""


@dataclass(frozen=True, slots=True)
class Page:
    """One document with its style and script inside.

    Attributes:
        policy: the Content-Security-Policy that lets exactly these run.
        _name: of the page, and of its texts in the catalogue.
        _pieces: of the document: markup and the name of a field, in turn.
        _parts: what the same fields are in every answer, as markup.

    """

    policy: str
    _name: str
    _pieces: tuple[str, ...]
    _parts: Mapping[str, str]

    @classmethod
    def load(cls, name: str) -> "Page":
        """Read ``name.html`` and ``name.js``.

        In the document ``{field}`` stands for a field and ``{say:key}`` for a text.

        Raises:
            OSError: one is missing: the installation is broken.

        """
        document = _read(f"{name}.html")
        script = f"{_read('talk.js')}{_read(f'{name}.js')}"
        inline = document.partition("<style>")[2].partition("</style>")[0]
        style = inline.replace("{style}", _read("style.css"))
        policy = (
            f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
            "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        )
        document = document.replace(inline, "{style}")
        parts = {
            "mark": _MARK,
            "style": style,
            "script": script,
            "refusals": html.escape(json.dumps(_REFUSALS)),
            "reasons": html.escape(json.dumps({int(k): v for k, v in REASONS.items()})),
        }
        return cls(policy, name, tuple(_FIELD.split(document)), parts)

    def fill(self, language: Language, **fields: str) -> bytes:
        """Put the texts of a language and the fields of one request in.

        The first time in each language it reads the catalogue: blocks for some milliseconds.
        """
        values = {**self._parts, **_texts(language, self._name)}
        values |= {name: html.escape(value) for name, value in fields.items()}
        pieces = list(self._pieces)
        pieces[1::2] = [values[name] for name in pieces[1::2]]
        return "".join(pieces).encode()


@cache
def _texts(language: Language, page: str) -> Mapping[str, str]:
    """Return the texts of a page as markup: each one, and all of them for its script."""
    every = page_texts(language, "hipki", "common")
    texts = {area: every[area] for area in ("common", page)}
    said = {
        f"say:{area}.{name}": html.escape(text)
        for area, names in texts.items()
        for name, text in names.items()
        if isinstance(text, str)
    }
    return {
        **said,
        "language": language,
        "locale": language.date_locale,
        "texts": html.escape(json.dumps(texts)),
    }


def _read(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


def _hash(content: str) -> str:
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def describe(site: Origin) -> dict[str, object]:
    """Describe a site for a citizen: what its letters are, whose it is, what is odd about it.

    Blocks for a tenth of a second at first.
    """
    before, domain = split_display_host(site)
    shown: dict[str, object] = {
        "origin": str(site),
        "beforeDomain": before,
        "domain": domain,
        "insecure": site.scheme == "http",
        "program": site.is_local,
    }
    if site.is_odd:
        shown["unicode"] = site.imitated_host
    return shown


def candidates(domain: str, program: Origin) -> list[Origin]:
    """List the sites that a page may mean with ``/addDomain?domain=…``, the likeliest first.

    Args:
        domain: a host, with or without port or scheme; empty for programs on this computer.
        program: stands for these.

    """
    if not domain:
        return [program]
    origins = [domain] if "://" in domain else [f"https://{domain}", f"http://{domain}"]
    found: list[Origin] = []
    for origin in origins:
        try:
            found.append(Origin.parse(origin.lower()))
        except BadRequestError:
            continue
    return found


def error_script() -> str:
    """Write ``errorcode.js``: the texts of our numbers, under the names that pages call."""
    majors = json.dumps({int(k): v for k, v in MAJOR_TEXTS.items()}, ensure_ascii=False)
    minors = json.dumps({int(k): v for k, v in MINOR_TEXTS.items()}, ensure_ascii=False)
    return (
        f"function MajorErrorReason(code) {{\n"
        f"  if (code < 0) code += 0x100000000;\n"
        f"  return {majors}[code] || code.toString(16);\n}}\n"
        f"function MinorErrorReason(code) {{\n  return {minors}[code] || code.toString(16);\n}}\n"
    )


def waiting_gif() -> bytes:
    """Read the small animation that some pages open while they wait."""
    return (_FOLDER / "waiting.gif").read_bytes()


def banner(version: str) -> bytes:
    """Say who we are, in the words that inventory scripts look for."""
    return f"version:{version}\nAnkong (安控) {__version__}\n".encode()

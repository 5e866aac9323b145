"""Our own pages on this port, each in one document that no other site can frame or add to."""

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
from agent.web.hipki.errors import MAJOR_TEXTS, MINOR_TEXTS, REASONS, ErrorNumbers, Major
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
    "failed": ErrorNumbers(Major.FAILED).fields(),
    "tooLarge": ErrorNumbers(Major.TOO_LARGE).fields(),
    "badParameter": ErrorNumbers(Major.BAD_PARAMETER).fields(),
}
"""The refusals that our scripts make themselves, where the agent cannot be asked."""


@dataclass(frozen=True, slots=True)
class Page:
    """One document with its style and script inside.

    Attributes:
        policy: the Content-Security-Policy that lets exactly these run.
        _name: of the page, and of its texts in the catalogue.
        _pieces: of the document: markup and names of fields in turn.
        _parts: the fields that are the same in every answer, as markup.

    """

    policy: str
    _name: str
    _pieces: tuple[str, ...]
    _parts: Mapping[str, str]

    @classmethod
    def load(cls, name: str, *, pin_box: bool = False) -> "Page":
        """Read ``name.html`` and ``name.js``, and before it the SDK's ``PinBox`` where asked for.

        In the document ``{field}`` stands for a field and ``{say:key}`` for a translated text.

        Raises:
            OSError: one is missing: the installation is broken.

        """
        document = _read(f"{name}.html")
        box = _read_pin_box() if pin_box else ""
        script = f"{_read('talk.js')}{box}{_read(f'{name}.js')}"
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
        """Return the document with the texts of a language and the fields of one request.

        The first call for each language reads its catalogue: blocks for some milliseconds.
        """
        values = {**self._parts, **_texts(language, self._name)}
        values |= {name: html.escape(value) for name, value in fields.items()}
        pieces = list(self._pieces)
        pieces[1::2] = [values[name] for name in pieces[1::2]]
        return "".join(pieces).encode()


@cache
def _texts(language: Language, page: str) -> Mapping[str, str]:
    """Return the texts of a page as markup: each for the document, and all for its script."""
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


def _read_pin_box() -> str:
    """Return the SDK's module as a piece of a plain script."""
    module = resources.files("agent.web") / "sdk" / "pinbox.js"
    return module.read_text("utf-8").replace("\nexport ", "\n")


def _hash(content: str) -> str:
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def site_facts(site: Origin) -> dict[str, object]:
    """Describe a site for the page that asks about it: its host and domain, and what is odd there.

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


def possible_sites(domain: str, program: Origin) -> list[Origin]:
    """Return the sites that ``/addDomain?domain=…`` may mean, the likeliest first.

    Args:
        domain: a host, with or without port or scheme, unchecked; empty for programs on this
            computer.
        program: the origin of these.

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
    """Return ``errorcode.js``: the texts of the numbers, in functions that pages call."""
    majors = json.dumps({int(k): v for k, v in MAJOR_TEXTS.items()}, ensure_ascii=False)
    minors = json.dumps({int(k): v for k, v in MINOR_TEXTS.items()}, ensure_ascii=False)
    return (
        f"function MajorErrorReason(code) {{\n"
        f"  if (code < 0) code += 0x100000000;\n"
        f"  return {majors}[code] || code.toString(16);\n}}\n"
        f"function MinorErrorReason(code) {{\n  return {minors}[code] || code.toString(16);\n}}\n"
    )


def waiting_gif() -> bytes:
    """Return the small animation that some pages show while they wait."""
    return (_FOLDER / "waiting.gif").read_bytes()


def banner(version: str) -> bytes:
    """Return the text that inventory scripts look for: name and version."""
    return f"version:{version}\nAnkong (安控) {__version__}\n".encode()

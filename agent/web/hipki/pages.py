"""Our own pages on this port: small, in one piece, and nobody's to frame or to add to."""

import base64
import hashlib
import html
import json
from dataclasses import dataclass
from importlib import resources
from typing import Final

from agent import __version__
from agent.errors import BadRequestError
from agent.origin import Origin
from agent.web.hipki.errors import MAJOR_TEXTS, MINOR_TEXTS

_FOLDER: Final = resources.files("agent.web.hipki") / "pages"
_MARK: Final = (
    '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" '
    'stroke-linejoin="round" aria-hidden="true"><rect x="2" y="5" width="20" height="14" rx="3"/>'
    '<rect x="6" y="9" width="5" height="4" rx="1"/><path d="M14 15.5l1.5 1.5 3-3.5"/></svg>'
)


@dataclass(frozen=True, slots=True)
class Page:
    """One document with its style and script inside.

    Attributes:
        policy: the Content-Security-Policy that lets exactly these run.

    """

    template: str
    policy: str

    @classmethod
    def load(cls, name: str) -> "Page":
        """Read ``name.html`` and ``name.js``.

        Raises:
            OSError: one is missing: the installation is broken.

        """
        template = _read(f"{name}.html").replace("{mark}", _MARK)
        template = template.replace("{style}", _read("style.css"))
        script = f"{_read('talk.js')}{_read(f'{name}.js')}"
        style = template.partition("<style>")[2].partition("</style>")[0]
        policy = (
            f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
            "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        )
        return cls(template.replace("{script}", script), policy)

    def fill(self, **fields: str) -> bytes:
        """Put the fields of one request in."""
        text = self.template
        for name, value in fields.items():
            text = text.replace(f"{{{name}}}", html.escape(value), 1)
        return text.encode()


def _read(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


def _hash(content: str) -> str:
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def describe(site: Origin) -> dict[str, object]:
    """Describe a site for a citizen: what its letters are, and what is odd about it."""
    shown: dict[str, object] = {
        "origin": str(site),
        "host": site.host,
        "insecure": site.scheme == "http",
        "program": site.is_local,
    }
    if site.is_international:
        shown["unicode"] = site.readable_host
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

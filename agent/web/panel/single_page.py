"""A document with its style and script inside, and the policy that lets exactly these run."""

import asyncio
import base64
import hashlib
import html
import re
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Final

from aiohttp import web

from agent.words.catalogue import load
from agent.words.language import Language

_FOLDER: Final = resources.files("agent.web.panel") / "first"
_FIELD: Final = re.compile(r"\{(lang|style|script|say:[a-z_.]+)\}")
_BROWSER: Final = "{browser}"


@dataclass(frozen=True, slots=True)
class SinglePage:
    """One page, in every language.

    Attributes:
        policy: its Content-Security-Policy.
        document: what is filled in for each language, once somebody asks in it.
        style: that stands in it.
        script: likewise.

    """

    policy: str
    document: str
    style: str
    script: str

    @classmethod
    def load(cls, name: str, connects: str) -> "SinglePage":
        """Read ``name.html`` and ``name.js``; blocks.

        In the document ``{say:key}`` stands for a translated text, and ``{browser}`` in such a
        text for the name that the script puts there.

        Args:
            name: of the files.
            connects: where the script may connect to, as Content-Security-Policy says it.

        Raises:
            OSError: one is missing: the installation is broken.

        """
        style, script, document = _read("first.css"), _read(f"{name}.js"), _read(f"{name}.html")
        policy = (
            f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
            f"img-src data:; connect-src {connects}; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
        )
        return cls(policy, document, style, script)

    def marked(self, mark: str) -> "SinglePage":
        """Return the page with ``mark`` among the classes of its ``main``, for its script."""
        return replace(self, document=self.document.replace("<main ", f'<main class="{mark}" ', 1))

    async def answer(self, language: Language) -> web.Response:
        """Return the page in a language."""
        body = await asyncio.to_thread(_filled, self, language)
        response = web.Response(body=body, content_type="text/html", charset="utf-8")
        response.headers["Content-Security-Policy"] = self.policy
        return response


@cache
def _filled(page: SinglePage, language: Language) -> bytes:
    texts = load(language)
    unnamed = f'<span class="browser">{html.escape(str(texts["first.this_browser"]))}</span>'
    known = {"lang": str(language), "style": page.style, "script": page.script}

    def part(found: re.Match[str]) -> str:
        name = found[1]
        if name in known:
            return known[name]
        said = html.escape(str(texts[name.removeprefix("say:")]))
        return said.replace(_BROWSER, unnamed)

    return _FIELD.sub(part, page.document).encode()


def _read(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


def _hash(content: str) -> str:
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"'sha256-{digest}'"

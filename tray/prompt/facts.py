"""What a window shows of a request, made harmless: pages and cards choose some of its texts.

No text may break the window, hide the host, reverse the reading order or look like our own words.
"""

from dataclasses import dataclass
from typing import Final
from unicodedata import category, normalize
from urllib.parse import urlsplit

from agent.consent.questions import DocumentFacts, EnterPin, Purpose
from agent.origin import Site
from tray.prompt.texts import Words

MAX_TEXT: Final = 512  # characters; more than any request allows
MAX_READABLE: Final = 20  # characters of a decoded host
DIGEST_SHOWN: Final = 8  # bytes; enough to compare with what the page shows
DIGEST_OF_MANY: Final = 4  # bytes, where there are several documents
_UNSAFE: Final = "\N{REPLACEMENT CHARACTER}"
_ELLIPSIS: Final = "…"
_PUNYCODE: Final = "xn--"  # RFC 5890 §2.3.2.1
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class SiteLines:
    """A site in a window.

    Attributes:
        host: first and large; in ASCII, so that no look-alike letters are shown as what they
            imitate. In words where no site asks but something on this computer.
        origin: the whole of it; empty where no site asks.
        warnings: sentences.

    """

    host: str
    origin: str
    warnings: tuple[str, ...]


def site_lines(site: Site, words: Words) -> SiteLines:
    """Show who asks."""
    if site.origin.startswith("local://"):
        names = {"local://program": words.this_program, "local://self-test": words.self_test}
        return SiteLines(names.get(site.origin, words.this_user), "", ())
    host = site.host
    warnings: list[str] = []
    if any(label.startswith(_PUNYCODE) for label in host.split(".")):
        warnings.append(words.punycode.format(readable=_readable(host)))
    if urlsplit(site.origin).scheme != "https" and host not in _LOOPBACK:
        warnings.append(words.not_encrypted)
    return SiteLines(host, site.origin, tuple(warnings))


def document_lines(prompt: EnterPin, words: Words) -> list[tuple[str, str]]:
    """Show what is signed: a name and a fingerprint for each, the last one without fingerprint."""
    purpose = prompt.purpose
    lines = [
        (harmless(document.name or "") or words.no_name, _fingerprint(document, purpose, words))
        for document in purpose.documents
    ]
    hidden = purpose.count - len(lines)
    if hidden > 0:
        lines.append((words.more_documents.format(count=hidden), ""))
    return lines


def harmless(text: str) -> str:
    """Show a stranger's text on one line, of any length.

    Control, format and unassigned characters become U+FFFD: they could reverse the line or hide
    a part of it. So does what is beyond the ideographs' planes (emoji), which can crash Tk on X11.
    """
    whole = " ".join(normalize("NFC", text[:MAX_TEXT]).split())
    return "".join(character if _is_harmless(character) else _UNSAFE for character in whole)


def _is_harmless(character: str) -> bool:
    if category(character) == "Mn":  # marks that pile up and paint over other lines
        return False
    code = ord(character)
    return character.isprintable() and (code < 0x10000 or 0x20000 <= code < 0x40000)


def _fingerprint(document: DocumentFacts, purpose: Purpose, words: Words) -> str:
    """Show enough of a digest to compare it: for one document by its name, of many by eye."""
    if purpose.count > 1:
        return document.digest[:DIGEST_OF_MANY].hex(" ", 2) + _ELLIPSIS
    digits = document.digest[:DIGEST_SHOWN].hex(" ", 2)
    return words.fingerprint.format(hash=harmless(purpose.hash), digest=digits + _ELLIPSIS)


def _readable(host: str) -> str:
    """Show what letters a host imitates; of a long one the end, which is what matters."""
    decoded = harmless(".".join(map(_decoded_label, host.split("."))))
    return decoded if len(decoded) <= MAX_READABLE else _ELLIPSIS + decoded[-MAX_READABLE:]


def _decoded_label(label: str) -> str:
    if not label.startswith(_PUNYCODE):
        return label
    try:
        return label.removeprefix(_PUNYCODE).encode("ascii").decode("punycode")
    except ValueError:
        return label

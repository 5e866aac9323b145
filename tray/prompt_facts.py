"""What a window shows of a request, made harmless: pages and cards choose some of its texts.

No text may break the window, hide the host, reverse the reading order or look like our own words.
"""

from dataclasses import dataclass
from typing import Final
from unicodedata import category, normalize
from urllib.parse import urlsplit

from agent.signing.prompts import DocumentFacts, EnterPin
from agent.signing.sites import Site
from tray.prompt_texts import Words

MAX_NAME: Final = 60  # characters of a document's or a person's name
DIGEST_SHOWN: Final = 8  # bytes; enough to compare with what the page shows
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
        warnings.append(words.punycode.format(readable=harmless(_decoded(host))))
    if urlsplit(site.origin).scheme != "https" and host not in _LOOPBACK:
        warnings.append(words.not_encrypted)
    return SiteLines(host, site.origin, tuple(warnings))


def document_lines(prompt: EnterPin, words: Words) -> list[tuple[str, str]]:
    """Show what is signed: a name and a fingerprint for each, the last one without fingerprint."""
    purpose = prompt.purpose
    lines = [
        (_document_name(document, words), _fingerprint(document, purpose.hash, words))
        for document in purpose.documents
    ]
    hidden = purpose.count - len(lines)
    if hidden > 0:
        lines.append((words.more_documents.format(count=hidden), ""))
    return lines


def harmless(text: str, longest: int = MAX_NAME) -> str:
    """Show a stranger's text on one line.

    Control, format and unassigned characters become U+FFFD: they could reverse the line or hide
    a part of it. So does what is beyond the ideographs' planes (emoji), which can crash Tk on
    X11. The middle of a long text is left out: its end (``.exe``) says as much as its beginning.
    """
    shown = "".join(
        character if _is_harmless(character) else _UNSAFE for character in normalize("NFC", text)
    )
    shown = " ".join(shown.split())
    if len(shown) <= longest:
        return shown
    tail = longest // 3
    return shown[: longest - tail - 1] + _ELLIPSIS + shown[-tail:]


def _is_harmless(character: str) -> bool:
    if category(character) == "Mn":  # marks that pile up and paint over other lines
        return False
    code = ord(character)
    return character.isprintable() and (code < 0x10000 or 0x20000 <= code < 0x40000)


def _document_name(document: DocumentFacts, words: Words) -> str:
    name = harmless(document.name or "")
    return name or words.no_name


def _fingerprint(document: DocumentFacts, hash_name: str, words: Words) -> str:
    digits = document.digest[:DIGEST_SHOWN].hex(" ", 2)
    return words.fingerprint.format(hash=harmless(hash_name), digest=digits + " " + _ELLIPSIS)


def _decoded(host: str) -> str:
    return ".".join(map(_decoded_label, host.split(".")))


def _decoded_label(label: str) -> str:
    if not label.startswith(_PUNYCODE):
        return label
    try:
        return label.removeprefix(_PUNYCODE).encode("ascii").decode("punycode")
    except ValueError:
        return label

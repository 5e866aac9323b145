"""What a window shows of a request, made harmless: pages and cards choose some of its texts.

No text may break the window, hide the host, reverse the reading order or look like our own words.
"""

from dataclasses import dataclass
from typing import Final

from agent.consent.questions import DocumentFacts, EnterPin, Purpose
from agent.domain import split_display_host
from agent.harmless import one_line
from agent.origin import LOCAL_PROGRAM, SELF_TEST, Origin
from tray.prompt.texts import Words

MAX_READABLE: Final = 20  # characters of a decoded host
DIGEST_SHOWN: Final = 8  # bytes; enough to compare with what the page shows
DIGEST_OF_MANY: Final = 4  # bytes, where there are several documents
_ELLIPSIS: Final = "…"


@dataclass(frozen=True, slots=True)
class SiteLines:
    """A site in a window.

    Attributes:
        before_domain: what the owner of the domain calls the host, with the dot at its end; muted.
        domain: the rest of the host, first and large; both in ASCII where the host is odd, so that
            no look-alike letters are shown as what they imitate. In words where no site asks but
            something on this computer.
        origin: the whole of it; empty where no site asks.
        warnings: sentences.

    """

    before_domain: str
    domain: str
    origin: str
    warnings: tuple[str, ...]


def site_lines(site: Origin, words: Words) -> SiteLines:
    """Show who asks. Blocks for a tenth of a second at first.

    Raises:
        OSError: a file is missing: the installation is broken.

    """
    if site.is_local:
        names = {LOCAL_PROGRAM: words.this_program, SELF_TEST: words.self_test}
        return SiteLines("", names.get(site, words.this_user), "", ())
    warnings: list[str] = []
    if site.is_odd:
        warnings.append(words.punycode.format(readable=_readable(site)))
    if site.is_exposed:
        warnings.append(words.not_encrypted)
    return SiteLines(*split_display_host(site), str(site), tuple(warnings))


def document_lines(prompt: EnterPin, words: Words) -> list[tuple[str, str]]:
    """Show what is signed: a name and a fingerprint for each, the last one without fingerprint."""
    purpose = prompt.purpose
    lines = [
        (one_line(document.name or "") or words.no_name, _fingerprint(document, purpose, words))
        for document in purpose.documents
    ]
    hidden = purpose.count - len(lines)
    if hidden > 0:
        lines.append((words.more_documents.format(count=hidden), ""))
    return lines


def _fingerprint(document: DocumentFacts, purpose: Purpose, words: Words) -> str:
    """Show enough of a digest to compare it: for one document by its name, of many by eye."""
    if purpose.count > 1:
        return document.digest[:DIGEST_OF_MANY].hex(" ", 2) + _ELLIPSIS
    digits = document.digest[:DIGEST_SHOWN].hex(" ", 2)
    return words.fingerprint.format(hash=one_line(purpose.hash), digest=digits + _ELLIPSIS)


def _readable(site: Origin) -> str:
    """Show what letters a host imitates; of a long one the end, which is what matters."""
    decoded = one_line(site.imitated_host)
    return decoded if len(decoded) <= MAX_READABLE else _ELLIPSIS + decoded[-MAX_READABLE:]

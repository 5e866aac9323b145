"""The lines that a window shows of a request, made harmless: some come from pages and cards.

None of them may break the window, hide the host, reverse the reading order or look like a text of
the window itself.
"""

from dataclasses import dataclass
from typing import Final

from agent.consent.questions import DocumentFacts, EnterPin, Purpose
from agent.domain import split_display_host
from agent.origin import LOCAL_PROGRAM, SELF_TEST, Origin
from tray.prompt.glyphs import shown_line
from tray.prompt.texts import PromptTexts

MAX_READABLE: Final = 20  # characters of a decoded host
MAX_IN_TITLE: Final = 40  # characters of a host
DIGEST_SHOWN: Final = 8  # bytes; enough to compare with what the page shows
DIGEST_OF_MANY: Final = 4  # bytes, where there are several documents
_ELLIPSIS: Final = "…"


@dataclass(frozen=True, slots=True)
class SiteLines:
    """The lines about who asks.

    Attributes:
        before_domain: the labels of the host before its registrable domain, with the last dot.
        domain: the registrable domain; both in ASCII where the host is odd, so that look-alike
            letters are not shown as those that they imitate. A description where no site asks but
            a program or user of this computer.
        origin: scheme, host and port in ASCII; "" where no site asks.
        warnings: sentences for the citizen.

    """

    before_domain: str
    domain: str
    origin: str
    warnings: tuple[str, ...]


def site_lines(site: Origin, texts: PromptTexts) -> SiteLines:
    """Return the lines about who asks; the first call reads a file, about 0.1 seconds.

    Raises:
        OSError: the installation is broken: the file with the public suffixes is missing.

    """
    if site.is_local:
        names = {LOCAL_PROGRAM: texts.this_program, SELF_TEST: texts.self_test}
        return SiteLines("", names.get(site, texts.this_user), "", ())
    warnings: list[str] = []
    if site.is_odd:
        warnings.append(texts.punycode.format(readable=_readable(site)))
    if site.is_exposed:
        warnings.append(texts.not_encrypted)
    return SiteLines(*split_display_host(site), str(site), tuple(warnings))


def site_in_title(site: Origin) -> str:
    """Return the registrable domain for a title, where the whole host stands below.

    Of a long one the end is shown, which matters most. Errors as of :func:`site_lines`.
    """
    _, domain = split_display_host(site)
    return domain if len(domain) <= MAX_IN_TITLE else _ELLIPSIS + domain[-MAX_IN_TITLE:]


def document_lines(prompt: EnterPin, texts: PromptTexts) -> list[tuple[str, str]]:
    """Return a name and a fingerprint for each document that is signed.

    Where more documents are signed than named, a last line tells how many, with "" beside it.
    """
    purpose = prompt.purpose
    lines = [
        (shown_line(document.name or "") or texts.no_name, _fingerprint(document, purpose, texts))
        for document in purpose.documents
    ]
    hidden = purpose.count - len(lines)
    if hidden > 0:
        lines.append((texts.more_documents.format(count=hidden), ""))
    return lines


def _fingerprint(document: DocumentFacts, purpose: Purpose, texts: PromptTexts) -> str:
    """Return the beginning of a digest in hexadecimal, shorter for several documents."""
    if purpose.count > 1:
        return document.digest[:DIGEST_OF_MANY].hex(" ", 2) + _ELLIPSIS
    digits = document.digest[:DIGEST_SHOWN].hex(" ", 2)
    return texts.fingerprint.format(hash=shown_line(purpose.hash), digest=digits + _ELLIPSIS)


def _readable(site: Origin) -> str:
    """Return the letters that a host imitates; of a long one the end, which matters most."""
    decoded = shown_line(site.imitated_host)
    return decoded if len(decoded) <= MAX_READABLE else _ELLIPSIS + decoded[-MAX_READABLE:]

"""The lines that a window shows of a request, made harmless: some come from pages and cards.

None of them may break the window, hide the host, reverse the reading order or look like a text of
the window itself.
"""

from dataclasses import dataclass, replace
from typing import Final

from agent.cms.login import LoginPurpose
from agent.consent.questions import Act, CardFacts, DocumentFacts, EnterPin, Purpose
from agent.domain import split_display_host
from agent.origin import LOCAL_PROGRAM, LOCAL_USER, SELF_TEST, Origin
from tray.prompt.glyphs import shown_line
from tray.prompt.names import shown_name
from tray.prompt.texts import PromptTexts

MAX_READABLE: Final = 20  # characters of a decoded host
MAX_IN_TITLE: Final = 40  # characters of a host
DIGEST_SHOWN: Final = 8  # bytes, of each document: fewer could be met on purpose in seconds
ATTEMPTS: Final = 3  # of a citizen's card; drawn as so many pips
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


def texts_about(asker: Origin, texts: PromptTexts) -> PromptTexts:
    """Return the texts of a window, with those that speak of a program where no site asks."""
    if not asker.is_local:
        return texts
    return replace(
        texts,
        site=texts.asker,
        allow_title=texts.allow_program_title,
        blind_title=texts.blind_program_title,
        covers_pin=texts.covers_program_pin,
        unknown_text=texts.unknown_program_text,
        block=texts.block_program,
    )


def site_in_title(site: Origin) -> str:
    """Return the registrable domain for a title, where the whole host stands below.

    Of a long one the end is shown, which matters most. Errors as of :func:`site_lines`.
    """
    _, domain = split_display_host(site)
    return domain if len(domain) <= MAX_IN_TITLE else _ELLIPSIS + domain[-MAX_IN_TITLE:]


def caller_of(prompt: EnterPin, texts: PromptTexts) -> str:
    """Return whose words the documents' names are; "" where they are the citizen's own or none."""
    is_named = any(document.name is not None for document in prompt.purpose.documents)
    if not is_named or prompt.site in (LOCAL_USER, SELF_TEST):
        return ""
    return texts.called_by_program if prompt.site.is_local else texts.called_by_site


def describe(document: DocumentFacts, purpose: Purpose, texts: PromptTexts) -> tuple[str, str, str]:
    """Return a document's name, its fingerprint with the hash, and the fingerprint alone."""
    digits = document.digest[:DIGEST_SHOWN].hex(" ", 2) + _ELLIPSIS
    told = texts.fingerprint if document.pages is None else texts.file_fingerprint
    fingerprint = told.format(hash=shown_line(purpose.hash), digest=digits)
    if document.pages is not None:
        fingerprint = f"{texts.pages.format(count=document.pages)} · {fingerprint}"
    return shown_name(document.name, texts), fingerprint, digits


def mark_of(document: DocumentFacts, texts: PromptTexts) -> str:
    """Return where the signature is to be seen; "" where it is nowhere."""
    return "" if document.mark is None else texts.mark.format(page=document.mark)


def pin_title(prompt: EnterPin, texts: PromptTexts) -> str:
    """Return the title of the PIN window: what the PIN is for."""
    if prompt.purpose.act is Act.DECRYPT:
        return texts.decrypt_title
    if prompt.purpose.act is Act.AUTHENTICATE:
        identifies = prompt.purpose.login is LoginPurpose.IDENTIFY
        title = texts.identify_title if identifies else texts.login_title
        return title.format(site=site_in_title(prompt.site))
    if prompt.purpose.count > 1:
        return texts.sign_many_title.format(count=prompt.purpose.count)
    return texts.sign_title


def act_label(purpose: Purpose, texts: PromptTexts) -> str:
    """Return what the button that sends the PIN says; with an access key."""
    match purpose.act:
        case Act.SIGN:
            return texts.sign
        case Act.AUTHENTICATE:
            return texts.identify if purpose.login is LoginPurpose.IDENTIFY else texts.login
        case Act.DECRYPT:
            return texts.decrypt


def attempt_texts(left: int | None, texts: PromptTexts) -> tuple[str, str, str]:
    """Return title, notice and confirmation of an attempt that is or may be one of the last."""
    match left:
        case None:
            return texts.unknown_title, texts.unknown_text, texts.unknown_confirm
        case 1:
            return texts.last_title, texts.last_text, texts.last_confirm
        case _:
            return texts.few_title.format(count=left), texts.few_text, texts.few_confirm


def attempts_said(prompt: EnterPin, texts: PromptTexts) -> tuple[str, bool]:
    """Return how many attempts are left, as far as that is known, and whether that is few."""
    left, is_token = prompt.attempts_left, prompt.card.generation == "pkcs11"
    if left is None:
        if prompt.few_left:
            return texts.token_few, True
        return texts.token_attempts if is_token else texts.attempts_unknown, False
    said = texts.one_attempt_left if left == 1 else texts.attempts_left.format(count=left)
    return said, left < ATTEMPTS


def holder_line(card: CardFacts, texts: PromptTexts) -> str:
    """Return whose card it is, or why nobody can say."""
    nobody = texts.hidden_holder if card.hidden else texts.no_holder
    return shown_line(card.holder or "") or nobody


def card_lines(card: CardFacts, texts: PromptTexts) -> tuple[str, str, str]:
    """Return whose card it is, the mark of a virtual one, and what tells it from another."""
    holder = holder_line(card, texts)
    mark = f" · {texts.virtual}" if card.virtual else ""
    reader, serial = shown_line(card.reader), shown_line(card.serial)
    return holder, mark, texts.choose_place.format(serial=serial, reader=reader)


def _readable(site: Origin) -> str:
    """Return the letters that a host imitates; of a long one the end, which matters most."""
    decoded = shown_line(site.imitated_host)
    return decoded if len(decoded) <= MAX_READABLE else _ELLIPSIS + decoded[-MAX_READABLE:]

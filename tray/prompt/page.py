"""What a page says in a window's place: the same sentences in the same order, without Tk."""

from typing import assert_never

from agent.consent import wire
from agent.consent.page import (
    PageButton,
    PageCheck,
    PageChoices,
    PageFact,
    PageFacts,
    PageLine,
    PageNotice,
    PagePart,
    PagePin,
    PageSteps,
    PageText,
    QuestionPage,
)
from agent.consent.questions import (
    AllowBlind,
    AllowSite,
    CardFacts,
    ChooseCard,
    EnterPin,
    LastAttempt,
    Locked,
    SiteAnswer,
    view_of,
)
from agent.origin import Origin
from agent.words.language import Language
from tray.prompt.glyphs import shown_line
from tray.prompt.lines import (
    act_label,
    attempt_texts,
    attempts_said,
    caller_of,
    card_lines,
    describe,
    holder_line,
    mark_of,
    pin_title,
    site_lines,
    texts_about,
)
from tray.prompt.texts import PromptTexts, load_texts, without_key


def question_page(
    prompt: wire.AnyPrompt, language: Language, administrator: str = ""
) -> QuestionPage:
    """Return what a page says to ask this question.

    Args:
        prompt: the question.
        language: of the page.
        administrator: the line that the administrator has us show; empty for none.

    Raises:
        OSError: the installation is broken: a file with our words is missing.

    """
    texts = texts_about(prompt.site, load_texts(language))
    title, parts, buttons = _content(prompt, texts)
    lines = site_lines(prompt.site, texts)
    if administrator:
        said = texts.administrator.format(text=shown_line(administrator))
        parts = (*parts, PageText(said))
    return QuestionPage(
        language=str(language),
        asker=lines.before_domain + lines.domain,
        title=title,
        alarm=isinstance(prompt, LastAttempt | Locked),
        parts=tuple(part for part in parts if part is not None),
        buttons=tuple(button for button in buttons if button is not None),
    )


_Content = tuple[str, tuple[PagePart | None, ...], tuple[PageButton | None, ...]]


def _content(prompt: wire.AnyPrompt, texts: PromptTexts) -> _Content:
    match prompt:
        case AllowSite() | AllowBlind():
            return _site_content(prompt, texts)
        case ChooseCard():
            return _card_content(prompt, texts)
        case EnterPin():
            return _pin_content(prompt, texts)
        case LastAttempt():
            return _attempt_content(prompt, texts)
        case Locked():
            facts = PageFacts((_card(prompt.card, texts),))
            parts = (PageNotice(texts.locked_text, danger=True), facts)
            steps = texts.how_to_unlock(prompt.card.generation)
            seen = _button(wire.SEEN, texts.ok, "primary")
            return texts.locked_title, (*parts, PageSteps(steps)), (seen,)
        case _:
            assert_never(prompt)


def _site_content(prompt: AllowSite | AllowBlind, texts: PromptTexts) -> _Content:
    facts = PageFacts((_site(prompt.site, texts),))
    buttons = (
        _button(SiteAnswer.CANCEL.encode(), texts.cancel),
        _button(SiteAnswer.THIS_TIME.encode(), texts.this_time, "primary"),
        _button(SiteAnswer.ALWAYS.encode(), texts.always),
        _button(SiteAnswer.NEVER.encode(), texts.never, "quiet"),
    )
    warning = _site_warning(prompt.site, texts)
    if isinstance(prompt, AllowBlind):
        return texts.blind_title, (facts, warning, PageNotice(texts.blind_text)), buttons
    blind = PageNotice(texts.blind_text) if prompt.blind else None
    # The window's "this page" would be the page that says it.
    said = texts.covers_pin if prompt.site.is_local else texts.covers_site_pin
    covers = PageNotice(said) if prompt.attempts_unknown else None
    return texts.allow_title, (facts, warning, PageText(texts.allow_text), blind, covers), buttons


def _card_content(prompt: ChooseCard, texts: PromptTexts) -> _Content:
    choices = []
    for card in prompt.cards:
        holder, mark, below = card_lines(card, texts)
        choices.append(PageLine(holder + mark, "strong", aside=below))
    parts = (
        PageFacts((_site(prompt.site, texts),)),
        PageChoices(texts.choose_text, tuple(choices)),
    )
    go_on = _button(wire.CARD, texts.choose_go_on, "primary")
    return texts.choose_title, parts, (_button(wire.CANCEL, texts.cancel), go_on)


def _pin_content(prompt: EnterPin, texts: PromptTexts) -> _Content:
    rows = (_site(prompt.site, texts), _documents(prompt, texts), _card(prompt.card, texts))
    many = prompt.purpose.count > 1 and not prompt.was_wrong
    parts = (
        PageNotice(texts.wrong, danger=True) if prompt.was_wrong else None,
        PageFacts(tuple(row for row in rows if row is not None)),
        _site_warning(prompt.site, texts),
        PageText(texts.each_document) if many else None,
        *_pin_parts(prompt, texts),
    )
    go_on = wire.KEYPAD if prompt.keypad else wire.PIN
    buttons = (
        _button(wire.CANCEL, texts.cancel),
        _button(go_on, act_label(prompt.purpose, texts), "primary"),
        _button(wire.LOOK, texts.view) if view_of(prompt) is not None else None,
        _button(wire.BLOCK, texts.block, "quiet") if prompt.may_block else None,
    )
    return pin_title(prompt, texts), parts, buttons


def _pin_parts(prompt: EnterPin, texts: PromptTexts) -> tuple[PagePart, ...]:
    if prompt.keypad:
        said, few = attempts_said(prompt, texts)
        return PageNotice(texts.keypad), PageNotice(said, danger=True) if few else PageText(said)
    return (_pin_field(prompt, texts),)


def _pin_field(prompt: EnterPin, texts: PromptTexts) -> PagePin:
    said, few = attempts_said(prompt, texts)
    return PagePin(
        name=texts.pin,
        hint=texts.pin_hint.format(least=prompt.min_length, most=prompt.max_length),
        capitals=texts.capitals,
        num_lock=texts.num_lock,
        layout=texts.layout,
        no_digit=texts.no_digit,
        attempts=said,
        few=few,
        least=prompt.min_length,
        most=prompt.max_length,
    )


def _attempt_content(prompt: LastAttempt, texts: PromptTexts) -> _Content:
    title, text, confirm = attempt_texts(prompt.attempts_left, texts)
    parts = (
        PageNotice(text, danger=True),
        PageFacts((_site(prompt.site, texts), _card(prompt.card, texts))),
        PageText(texts.doubt),
        PageCheck(without_key(confirm)),
    )
    go_on = _button(wire.YES, texts.last_go_on, "danger")
    return title, parts, (_button(wire.NO, texts.cancel), go_on)


def _button(answer: bytes, text: str, kind: str = "plain") -> PageButton:
    return PageButton(answer.decode("ascii"), without_key(text), kind)  # type: ignore[arg-type]


def _site(site: Origin, texts: PromptTexts) -> PageFact:
    lines = site_lines(site, texts)
    host = PageLine(lines.domain, "host", before=lines.before_domain)
    origin = (PageLine(lines.origin, "small"),) if lines.origin else ()
    return PageFact(texts.site, (host, *origin))


def _site_warning(site: Origin, texts: PromptTexts) -> PageNotice | None:
    warnings = site_lines(site, texts).warnings
    return PageNotice("\n".join(warnings)) if warnings else None


def _card(card: CardFacts, texts: PromptTexts) -> PageFact:
    holder = holder_line(card, texts)
    number = texts.card_number.format(serial=shown_line(card.serial))
    mark = texts.virtual if card.virtual else ""
    return PageFact(texts.card, (PageLine(holder, "strong", aside=mark), PageLine(number, "small")))


def _documents(prompt: EnterPin, texts: PromptTexts) -> PageFact | None:
    """Return the row with all that is signed: who hears it read out scrolls through no list."""
    purpose = prompt.purpose
    if not purpose.documents:
        return None
    caller = caller_of(prompt, texts)
    lines = [PageLine(caller, "small")] if caller else []
    documents = []
    for document in purpose.documents:
        name, fingerprint, _ = describe(document, purpose, texts)
        beside = " · ".join(filter(None, (fingerprint, mark_of(document, texts))))
        documents.append(PageLine(name, "strong", aside=beside))
    rest = purpose.count - len(documents)
    if rest > 0:
        documents.append(PageLine(texts.more_documents.format(count=rest)))
    text = purpose.documents[0].text if purpose.count == 1 else None
    if text is None:
        return PageFact(texts.documents, tuple(lines), tuple(documents))
    shown = "\n".join(shown_line(line) for line in text.split("\n"))
    name, fingerprint, _ = describe(purpose.documents[0], purpose, texts)
    lines += [PageLine(name, "strong"), PageLine(fingerprint, "small")]
    if mark := mark_of(purpose.documents[0], texts):
        lines.append(PageLine(mark, "small"))
    is_text = purpose.documents[0].pages is None
    lines.append(PageLine(texts.whole_text if is_text else texts.remark, "small"))
    return PageFact(texts.documents, tuple(lines), text=shown)

"""Every window in one language: ``python -m tests.tray.prompt.gallery TAG [FOLDER]``.

It prints what is cut, crowded or outside the screen, as a JSON list, and leaves a picture of each
window in the folder.
"""

import json
import subprocess
import sys
import threading
import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from tkinter import ttk

from msgspec.structs import replace

from agent.cms.login import LoginPurpose
from agent.consent.questions import (
    MAX_CARDS,
    Act,
    AllowSite,
    ChooseCard,
    DocumentFacts,
    LastAttempt,
    Purpose,
)
from agent.consent.wire import AnyPrompt
from agent.origin import LOCAL_PROGRAM, LOCAL_USER, SELF_TEST, Origin
from agent.words.language import BY_TAG
from tests.signing.prompt_support import (
    ALLOW,
    BLIND,
    CARD,
    CHOOSE,
    DOCUMENT,
    KEYPAD,
    LAST,
    LOCKED,
    PIN,
    SIGNING,
    SITE,
    TOKEN,
    VIEWED,
)
from tests.tray.prompt.cut import crowded, cut, outside, widgets
from tray.prompt.texts import load_texts
from tray.prompt.views import show
from tray.prompt.window import open_root

_LONG = "Chunghwa Telecom USB Smart Card Reader With A Very Long Name [CCID] 00 00"
_NAMES = ("升級為金質會員.txt", "", None, "股東會同意書" * 20 + ".pdf", "hợp đồng " * 20 + ".docx")
_MANY = Purpose(
    Act.SIGN,
    "SHA-512",
    tuple(DocumentFacts(_NAMES[number % 5], bytes((number,)) * 64) for number in range(256)),
    256,
)
_LOGIN = Purpose(Act.AUTHENTICATE, login=LoginPurpose.LOGIN)


_RARE = "\U0003158e\U0002ebf0\ue001\U000323b0明" * 3  # no font here draws them


def _saying(text: str) -> Purpose:
    return replace(SIGNING, documents=(replace(DOCUMENT, text=text),))


_OURS = "請輸入 PIN 碼，簽署這份文件\nSHA-256 指紋 0001 0203\n卡片\n王測試\n\n"
_SAID_BY_ADMINISTRATOR = "administrator-"  # how the names begin of windows with such a line
_LINE = "需要協助請洽資訊室分機１２３４，" * 4 + "www.agency.example"
WINDOWS: dict[str, AnyPrompt] = {
    "administrator-allow": ALLOW,
    "administrator-pin": PIN,
    "administrator-last": LAST,
    "allow": ALLOW,
    "allow-unknown": AllowSite(SITE, attempts_unknown=True),
    "allow-punycode": AllowSite(Origin.parse("http://xn--80ak6aa92e.com")),
    "allow-chinese": AllowSite(Origin.parse("https://www.xn--kpry57d.tw")),
    "allow-subdomain": AllowSite(Origin.parse("https://gov.tw.evil.example")),
    "allow-long": AllowSite(Origin.parse(f"https://{'www.gov.tw.' * 15}{'login' * 8}.example.com")),
    "allow-long-domain": AllowSite(Origin.parse(f"https://www.gov.tw.{'login-' * 7}tw.example")),
    "allow-program": AllowSite(LOCAL_PROGRAM),
    "allow-and-blind": AllowSite(SITE, blind=True),
    "blind": BLIND,
    "pin": PIN,
    "pin-keypad": replace(KEYPAD, may_block=True),
    "pin-keypad-few": replace(KEYPAD, was_wrong=True, few_left=True),
    "pin-token": replace(KEYPAD, keypad=False),
    "pin-token-few": replace(KEYPAD, keypad=False, few_left=True),
    "pin-token-last": replace(KEYPAD, keypad=False, attempts_left=1),
    "locked-token": replace(LOCKED, card=TOKEN),
    "pin-wrong": replace(PIN, was_wrong=True, attempts_left=2, may_block=True),
    "pin-many": replace(PIN, purpose=_MANY, attempts_left=None, may_block=True),
    "pin-many-all": replace(PIN, purpose=_MANY, attempts_left=None, may_block=True),
    "pin-text": replace(PIN, purpose=_saying("我同意將會籍升級為金質會員，年費 NT$ 3,000。")),
    "pin-text-ours": replace(PIN, purpose=_saying(_OURS * 2), was_wrong=True, attempts_left=2),
    "pin-text-long": replace(PIN, purpose=_saying("thanh toán\u00a0" * 18 + "👍W"), may_block=True),
    "pin-view": VIEWED,
    "pin-view-many": replace(PIN, purpose=replace(_MANY, view="ab" * 16), may_block=True),
    "pin-last": replace(PIN, site=SELF_TEST, attempts_left=1, was_wrong=True),
    "decrypt": replace(PIN, site=LOCAL_USER, purpose=Purpose(Act.DECRYPT)),
    "login": replace(PIN, purpose=_LOGIN),
    "identify": replace(
        PIN,
        site=Origin.parse(f"https://www.gov.tw.{'login-' * 7}tw.example"),
        purpose=Purpose(Act.AUTHENTICATE, login=LoginPurpose.IDENTIFY),
    ),
    "rare-holder": replace(PIN, card=replace(CARD, holder=_RARE)),
    "hidden-holder": replace(PIN, card=replace(CARD, holder=None, hidden=True)),
    "last": LAST,
    "unknown": LastAttempt(SITE, None, CARD, pin_given=True),
    "last-long": LastAttempt(
        Origin.parse(f"http://{'www.gov.tw.' * 15}{'login' * 8}.example.com"),
        1,
        replace(CARD, holder="Nguyễn Thị Hồng Ánh " * 6),
        pin_given=True,
    ),
    "unknown-program": LastAttempt(LOCAL_PROGRAM, None, CARD, pin_given=True),
    "few": LastAttempt(SITE, 2, CARD, pin_given=True),
    "locked": LOCKED,
    "choose": CHOOSE,
    "choose-long": ChooseCard(SITE, (replace(CARD, reader=_LONG, holder="王" * 40),) * MAX_CARDS),
}


def show_all(root: tk.Tk, then: Callable[[], None]) -> None:
    """Press the button that lists all documents until it works, and go on a moment later."""
    (button,) = (
        each
        for each in widgets(root)
        if isinstance(each, ttk.Button) and str(each.cget("style")) == "Small.TButton"
    )
    button.invoke()
    if button.instate(["disabled"]):
        root.after(300, then)
    else:
        root.after(100, show_all, root, then)


def main(tag: str, folder: str | None = None) -> None:
    """Show one window after the other."""
    found = []
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
    for name, prompt in WINDOWS.items():
        root = open_root()

        def look(name: str = name, root: object = root) -> None:
            root.update()  # type: ignore[attr-defined]  # a Tk
            problems = [*cut(root), *crowded(root), *outside(root)]  # type: ignore[arg-type]  # a Tk
            found.extend(f"{name}: {each}" for each in problems)
            if folder:
                file = Path(folder) / f"{tag}-{name}.png"
                number = str(root.winfo_id())  # type: ignore[attr-defined]  # likewise
                subprocess.run(["import", "-silent", "-window", number, file], check=True)
            root.destroy()  # type: ignore[attr-defined]  # likewise

        if name.endswith("-all"):
            root.after(300, show_all, root, look)
        else:
            root.after(300, look)
        line = _LINE if name.startswith(_SAID_BY_ADMINISTRATOR) else ""
        show(root, prompt, load_texts(BY_TAG[tag]), threading.Event(), line)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])

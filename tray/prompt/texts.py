"""The words of the windows, in both languages; ``&`` stands before a button's access key."""

from dataclasses import dataclass
from typing import Final

from agent.words.language import Language


@dataclass(frozen=True, slots=True)
class Words:
    """Everything that a window can say. ``{…}`` is filled in by whoever shows it."""

    product: str
    cancel: str
    ok: str
    # Facts, and what is said where there is none.
    site: str
    documents: str
    card: str
    no_name: str
    more_documents: str
    fingerprint: str
    card_number: str
    no_holder: str
    virtual: str
    this_user: str
    this_program: str
    self_test: str
    # Warnings about a site.
    punycode: str
    not_encrypted: str
    # Allow this site?
    allow_title: str
    allow_text: str
    this_time: str
    always: str
    never: str
    # PIN.
    sign_title: str
    sign_many_title: str
    decrypt_title: str
    pin: str
    pin_hint: str
    sign: str
    decrypt: str
    wrong: str
    tries_left: str
    tries_unknown: str
    one_try_left: str
    capitals: str
    block: str
    # Last try.
    last_title: str
    few_title: str
    last_text: str
    few_text: str
    doubt: str
    last_confirm: str
    few_confirm: str
    last_go_on: str
    # Locked.
    locked_title: str
    locked_text: str
    locked_steps: tuple[str, ...]


CHINESE: Final = Words(
    product="安控 Ankong",
    cancel="取消(&C)",
    ok="知道了(&K)",
    site="提出要求的網站",
    documents="文件",
    card="卡片",
    no_name="（網站沒有說明文件名稱）",
    more_documents="…還有 {count} 份文件",
    fingerprint="{hash} 指紋 {digest}",
    card_number="卡號 {serial}",
    no_holder="（卡片上沒有姓名）",
    virtual="虛擬卡片，測試用",
    this_user="這台電腦的使用者",
    this_program="這台電腦上的程式（不是瀏覽器）",
    self_test="安控的自我檢測",
    punycode="這個網址含有特殊文字（「{readable}」），請確認它不是冒充的。",
    not_encrypted="它的連線沒有加密，內容可能被他人看到或竄改。",
    allow_title="允許這個網站使用您的憑證卡嗎？",
    allow_text="它想讀取卡片上的憑證（含您的姓名），並可請您簽章。"
    "每次動用私密金鑰，仍然要有您的 PIN 碼。",
    this_time="只允許這一次(&T)",
    always="一律允許(&A)",
    never="永不允許(&N)",
    sign_title="請輸入 PIN 碼，簽署這份文件",
    sign_many_title="請輸入 PIN 碼，簽署這 {count} 份文件",
    decrypt_title="請輸入 PIN 碼，解開一份加密資料",
    pin="PIN 碼",
    pin_hint="{least} 到 {most} 個字元，輸入時不會顯示",
    sign="簽署(&S)",
    decrypt="解密(&D)",
    wrong="剛才的 PIN 碼不對，請再確認。",
    tries_left="還可以輸入 {left} 次",
    tries_unknown="連錯 3 次，卡片會鎖住",
    one_try_left="最後 1 次機會：再錯，卡片就會鎖住",
    capitals="大寫鎖定 (Caps Lock) 已開啟",
    block="封鎖這個網站(&B)",
    last_title="只剩最後 1 次機會",
    few_title="只剩 {left} 次機會",
    last_text="先前的 PIN 碼都不對。這一次再錯，卡片就會鎖住，解鎖之前不能簽章，也不能登入。",
    few_text="先前的 PIN 碼不對。機會全部用完，卡片就會鎖住，解鎖之前不能簽章，也不能登入。",
    doubt="沒有十足把握，請按「取消」。取消不會用掉機會。",
    last_confirm="我確定知道 PIN 碼，也明白再錯一次就會鎖卡(&U)",
    few_confirm="我明白這會用掉一次機會(&U)",
    last_go_on="用這次機會(&G)",
    locked_title="PIN 碼已經鎖住",
    locked_text="PIN 碼連續錯了太多次，卡片為了保護您而鎖住，現在不能簽章，也不能解密。"
    "您的憑證沒有遺失。",
    locked_steps=(
        (
            "到發卡機關的網站辦理「鎖卡解碼」（自然人憑證是內政部憑證管理中心），"
            "需要您申辦時設定的用戶代碼。"
        ),
        "或帶身分證和卡片，到任一戶政事務所臨櫃解鎖。",
        "不要用其他來路不明的軟體解鎖：可能會讓卡片永久損壞。",
    ),
)

ENGLISH: Final = Words(
    product="Ankong 安控",
    cancel="&Cancel",
    ok="O&K",
    site="Site that asks",
    documents="Document",
    card="Card",
    no_name="(the site does not say what it is called)",
    more_documents="… and {count} more",
    fingerprint="{hash} fingerprint {digest}",
    card_number="Card number {serial}",
    no_holder="(no name on the card)",
    virtual="virtual card, for testing",
    this_user="The person at this computer",
    this_program="A program on this computer that is no browser",
    self_test="Ankong's own self-test",
    punycode="This address has special characters and would be shown as '{readable}'. "
    "Make sure that it does not imitate another site.",
    not_encrypted="Its connection is not encrypted: others may read or change it.",
    allow_title="Allow this site to use your card?",
    allow_text="It wants to read the certificates on your card, which carry your name, and may "
    "ask you for signatures. Each use of your private key still needs your PIN.",
    this_time="&This time",
    always="&Always",
    never="&Never",
    sign_title="Enter your PIN to sign this document",
    sign_many_title="Enter your PIN to sign {count} documents",
    decrypt_title="Enter your PIN to decrypt something",
    pin="PIN",
    pin_hint="{least} to {most} characters, not shown while you type",
    sign="&Sign",
    decrypt="&Decrypt",
    wrong="That PIN was wrong. Make sure of the right one.",
    tries_left="{left} tries left",
    tries_unknown="Three wrong PINs in a row lock the card",
    one_try_left="Last try: a wrong PIN locks the card",
    capitals="Caps Lock is on",
    block="&Block this site",
    last_title="Only one try is left",
    few_title="Only {left} tries are left",
    last_text="The PINs before were wrong. If this one is wrong too, the card locks, and until it "
    "is unlocked you cannot sign or log in with it.",
    few_text="The PIN before was wrong. When all tries are used up the card locks, and until it is "
    "unlocked you cannot sign or log in with it.",
    doubt="If you are not quite sure, cancel. Cancelling costs no try.",
    last_confirm="I am s&ure of my PIN, and know that a wrong one locks the card",
    few_confirm="I &understand that this spends a try",
    last_go_on="&Go on with this try",
    locked_title="The PIN is locked",
    locked_text="Too many wrong PINs in a row: the card has locked itself to protect you, and can "
    "neither sign nor decrypt now. Your certificate is not lost.",
    locked_steps=(
        (
            "Unlock it on its issuer's website (for the citizen certificate: MOICA of the Ministry "
            "of the Interior). You need the user code that you chose when you applied."
        ),
        "Or take the card and your ID card to any household registration office.",
        "Use no other software to unlock it: that can ruin the card for good.",
    ),
)


def words(language: Language) -> Words:
    """Choose the words of a language."""
    return CHINESE if language is Language.CHINESE else ENGLISH


def button_label(text: str) -> tuple[str, int]:
    """Take an access key's mark out of a label; return it and where the key is, -1 for nowhere."""
    return text.replace("&", "", 1), text.find("&")

"""The words of the tray, in both languages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from agent.signing.model import CardPresence
from agent.words.language import Language


@dataclass(frozen=True, slots=True)
class Texts:
    """One language; ``{…}`` are filled in."""

    product: str
    starting: str
    working: str
    ready: str
    no_card: str
    no_reader: str
    warnings: Mapping[str, str]
    cards: Mapping[CardPresence, str]
    generations: Mapping[str, str]
    locked: str
    sites: str
    history: str
    selftest: str
    doctor: str
    autostart: str
    language: str
    languages: Mapping[str, str]
    newer: str
    about: str
    quit: str
    signed: str
    decrypted: str
    by: str
    documents: str
    unnamed: str
    owner: str
    self_test: str


_CHINESE: Final = Texts(
    product="安控",
    starting="正在啟動…",
    working="正在使用卡片…",
    ready="卡片已就緒",
    no_card="執行中，尚未插入卡片",
    no_reader="執行中，沒有讀卡機",
    warnings={
        "service": "讀卡機服務沒有回應",
        "locked": "卡片的 PIN 碼已鎖住",
        "last_try": "卡片的 PIN 碼只剩一次機會",
        "mute": "卡片沒有回應，請檢查插入方向",
        "unsupported": "無法辨識讀卡機裡的卡片",
        "plain_port": "舊網頁使用的連接埠被其他程式占用",
        "policy": "管理政策無法讀取，所有網站都被拒絕",
        "too_old": "這個版本太舊，不再簽章，請更新",
    },
    cards={
        CardPresence.EMPTY: "沒有卡片",
        CardPresence.CARD: "卡片",
        CardPresence.MUTE: "卡片沒有回應",
        CardPresence.UNSUPPORTED: "無法辨識的卡片",
    },
    generations={"gen1": "憑證卡（第一代）", "gen2": "憑證卡（第二代）"},
    locked="{card}，PIN 碼已鎖住",
    sites="允許的網站…",
    history="使用紀錄…",
    selftest="自我檢測…",
    doctor="檢查與修復…",
    autostart="登入時自動啟動",
    language="語言 Language",
    languages={"system": "依系統設定", "zh-Hant": "繁體中文", "en": "English"},
    newer="有新版本 {version}…",
    about="關於安控…",
    quit="結束安控",
    signed="已用您的卡片簽章",
    decrypted="已用您的卡片解密",
    by="網站：{site}",
    documents="{name}，共 {count} 份",
    unnamed="未命名的文件",
    owner="這台電腦上的程式",
    self_test="安控的自我檢測",
)
_ENGLISH: Final = Texts(
    product="Ankong",
    starting="Starting…",
    working="Using the card…",
    ready="Card ready",
    no_card="Running, no card inserted",
    no_reader="Running, no reader",
    warnings={
        "service": "The smart-card service does not answer",
        "locked": "The card's PIN is locked",
        "last_try": "One PIN try is left on the card",
        "mute": "The card does not answer: check which way it is inserted",
        "unsupported": "The card in the reader is not known",
        "plain_port": "Another program holds the port that older pages use",
        "policy": "The policy cannot be read: every site is refused",
        "too_old": "This version is too old to sign: please update",
    },
    cards={
        CardPresence.EMPTY: "no card",
        CardPresence.CARD: "card",
        CardPresence.MUTE: "card does not answer",
        CardPresence.UNSUPPORTED: "unknown card",
    },
    generations={"gen1": "certificate card (gen 1)", "gen2": "certificate card (gen 2)"},
    locked="{card}, PIN locked",
    sites="Allowed sites…",
    history="History…",
    selftest="Self-test…",
    doctor="Check and repair…",
    autostart="Start when I sign in",
    language="Language 語言",
    languages={"system": "As the system", "zh-Hant": "繁體中文", "en": "English"},
    newer="Version {version} is there…",
    about="About Ankong…",
    quit="Quit Ankong",
    signed="Your card has signed",
    decrypted="Your card has decrypted",
    by="Site: {site}",
    documents="{name}, {count} in all",
    unnamed="a document without a name",
    owner="a program on this computer",
    self_test="Ankong's own self-test",
)
TEXTS: Final[Mapping[Language, Texts]] = {
    Language.CHINESE: _CHINESE,
    Language.ENGLISH: _ENGLISH,
}

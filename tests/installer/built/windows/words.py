"""What the wizard says, as its readers read it; written down apart from its source."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """One language."""

    language: str
    next: str
    back: str
    cancel: str
    really: str
    yes: str
    no: str
    ok: str
    retry: str
    welcome: str
    again: str
    update: str
    repair: tuple[str, str]
    removal: str
    repaired: str
    settings_aside: str
    licence: str
    licence_text: str
    accept: str
    plan: tuple[str, ...]
    question: tuple[str, ...]
    no_question: str
    install: str
    closes: str
    finished: str
    finished_text: str
    no_cards: str
    port_taken: str
    start_now: str
    start_at_login: str
    finish: str
    remove: tuple[str, ...]
    keep: str
    uninstall: str
    uninstalled: str
    close: str
    downgrade: str
    too_old: str
    for_all_users: str
    open_already: str
    cannot_write: str
    no_space: str
    disk_full: str
    not_finished: str
    untouched: str


CHINESE = Words(
    language="zh_TW",
    next="下一步",
    back="上一步",
    cancel="取消",
    really="確定要結束",
    yes="是",
    no="否",
    ok="確定",
    retry="重試",
    welcome="歡迎安裝安控",
    again="安控已經安裝",
    update="這台電腦已有安控",
    repair=("修復", "補回缺少或損壞的部分"),
    removal="移除",
    repaired="安控已修復",
    settings_aside="設定檔無法讀取，已改名保留",
    licence="授權協議",
    licence_text="安控是開放原始碼軟體，採用 MIT 授權",
    accept="我接受授權條款",
    plan=(
        "將在這台電腦加入什麼",
        "程式：約",
        "登入時啟動",
        "本機憑證",
        r"AppData\Local\Programs\Ankong",
    ),
    question=("安全性警告", "Ankong local authority", "您要安裝這個憑證嗎？", "請按「是(Y)」"),
    no_question="不會把憑證加入瀏覽器",
    install="安裝",
    closes="安控正在執行",
    finished="安控已安裝完成",
    finished_text="網頁現在可以請您簽章了",
    no_cards="Windows 的讀卡機服務還沒有執行",
    port_taken="連接埠 61161 已被其他程式使用",
    start_now="現在啟動安控",
    start_at_login="登入 Windows 時自動啟動",
    finish="完成",
    remove=("會先結束安控", "Windows 可能會問是否刪除憑證"),
    keep="保留我的網站設定與使用紀錄",
    uninstall="解除安裝",
    uninstalled="解除安裝已完成",
    close="關閉",
    downgrade="這台電腦已有較新的安控 99.0.0",
    too_old="安控需要 Windows 10 或更新的版本",
    for_all_users="這台電腦已為所有使用者安裝安控 99.0.0",
    open_already="安裝精靈已經開著",
    cannot_write="無法寫入這個資料夾",
    no_space="磁碟空間不足",
    disk_full="無法寫入這個檔案",
    not_finished="安控沒有安裝完成",
    untouched="原有的版本仍然保留",
)
ENGLISH = Words(
    language="en_US",
    next="Next",
    back="Back",
    cancel="Cancel",
    really="Are you sure you want to quit",
    yes="Yes",
    no="No",
    ok="OK",
    retry="Retry",
    welcome="Welcome to Ankong",
    again="Ankong is installed already",
    update="is on this computer. Please choose what to do",
    repair=("Repair", "Puts back what is missing or damaged"),
    removal="Remove",
    repaired="Ankong is repaired",
    settings_aside="The settings could not be read: they are set aside",
    licence="License Agreement",
    licence_text="Permission is hereby granted, free of charge",
    accept="I accept the licence",
    plan=(
        *("What will be added to this computer", "The program, about", "The start at sign-in"),
        *("A local certificate", r"AppData\Local\Programs\Ankong"),
    ),
    question=(
        *("Security Warning", "Ankong local authority", "Do you want to install this certificate?"),
        "Please answer Yes",
    ),
    no_question="will not be made known to browsers",
    install="Install",
    closes="Ankong is running",
    finished="Ankong is installed",
    finished_text="Web pages can now ask for your signature",
    no_cards="smart-card service of Windows is not running yet",
    port_taken="Another program answers on port 61161",
    start_now="Start Ankong now",
    start_at_login="Start when I sign in to Windows",
    finish="Finish",
    remove=("Ankong is ended", "Windows may ask whether the certificate"),
    keep="Keep my sites and my history",
    uninstall="Uninstall",
    uninstalled="Uninstallation Complete",
    close="Close",
    downgrade="A newer version of Ankong is installed: 99.0.0",
    too_old="Ankong needs Windows 10 or newer",
    for_all_users="Ankong 99.0.0 is installed for all users of this computer",
    open_already="Ankong is being installed, repaired or removed already",
    cannot_write="cannot be written to this folder",
    no_space="The disk is too full",
    disk_full="This file cannot be written",
    not_finished="Ankong was not installed",
    untouched="What was there before is still there",
)

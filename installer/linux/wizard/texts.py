"""Everything that the wizard says, in both languages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from agent.words.language import Language


@dataclass(frozen=True)
class Texts:
    """All of it. ``{…}`` is filled in by whoever shows it; ``&`` stands before an access key."""

    product: str
    steps: tuple[str, ...]
    removal_steps: tuple[str, ...]
    # Buttons.
    next: str
    back: str
    cancel: str
    install: str
    finish: str
    retry: str
    close: str
    copy: str
    copied: str
    # Welcome.
    welcome_title: str
    welcome_text: tuple[str, ...]
    welcome_update: str
    welcome_again: str
    welcome_older: str
    replace_older: str
    # Licence.
    licence_title: str
    licence_text: str
    licence_others: str
    accept: str
    # What will be added.
    added_title: str
    added_text: str
    added: tuple[tuple[str, str], ...]
    running: str
    # Installing.
    installing_title: str
    ending: str
    copying: str
    completing: str
    # Finished.
    finished_title: str
    finished_text: str
    start_now: str
    start_at_login: str
    not_complete: str
    missing_service: str
    missing_tool: str
    missing_command: str
    missing_unknown: str
    # Cancelling.
    cancel_title: str
    cancel_text: str
    go_on: str
    stop: str
    # Trouble.
    trouble_title: str
    trouble_text: str
    trouble: Mapping[str, str]
    # Removal.
    removal_title: str
    removal_text: str
    removed_things: tuple[tuple[str, str], ...]
    keep: str
    keep_hint: str
    remove: str
    removing_title: str
    removing: str
    removed_title: str
    removed_text: str
    kept_text: str
    left_text: str
    not_installed: str
    cancel_removal_text: str
    # Without windows.
    quiet_done: str
    quiet_removed: str
    no_display: str


CHINESE: Final = Texts(
    product="安控 Ankong",
    steps=("歡迎", "授權條款", "將加入的內容", "安裝", "完成"),
    removal_steps=("確認", "移除", "完成"),
    next="下一步(&N)",
    back="上一步(&B)",
    cancel="取消(&C)",
    install="安裝(&I)",
    finish="完成(&F)",
    retry="再試一次(&R)",
    close="關閉(&C)",
    copy="複製指令(&Y)",
    copied="已複製",
    welcome_title="歡迎安裝安控",
    welcome_text=(
        "安控讓網頁用您的自然人憑證簽章，而決定權始終在您手上：網頁提出要求，由您同意，由卡片簽章。",
        "接下來會把安控 {version} 裝到您自己的帳號裡，不需要管理者密碼。",
    ),
    welcome_update="這台電腦已有安控 {installed}，將更新為 {version}。"
    "您的設定、網站與紀錄都會保留。",
    welcome_again="這台電腦已有安控 {installed}，將重新安裝同一版本。"
    "您的設定、網站與紀錄都會保留。",
    welcome_older="這台電腦已有較新的安控 {installed}。改裝較舊的 {version} 會失去這段期間的修正。",
    replace_older="我仍要改裝較舊的版本(&O)",
    licence_title="授權條款",
    licence_text="安控以 MIT 授權釋出：您可以自由使用、複製與修改，惟不提供任何擔保。"
    "以下為條款原文。",
    licence_others="所用的其他元件各有其授權，安裝後位於：{path}",
    accept="我接受授權條款(&A)",
    added_title="將加入這台電腦的內容",
    added_text="只會動到您自己的帳號，隨時可以從選單的「移除安控」恢復原狀。",
    added=(
        ("程式", "放在 {path}，約 {size} MB；應用程式選單會有「安控」與「移除安控」。"),
        ("登入時啟動", "登入後在工作列顯示圖示，等候網頁的要求。最後一頁可以關閉。"),
        (
            "本機憑證",
            "讓瀏覽器能以加密連線找到這台電腦上的安控。它只用於這台電腦，也只有這台電腦信任它。",
        ),
    ),
    running="安控正在執行；安裝時會先請它結束，完成後再啟動。",
    installing_title="正在安裝",
    ending="正在結束執行中的安控…",
    copying="正在複製程式…",
    completing="正在建立本機憑證…",
    finished_title="安控已安裝完成",
    finished_text="您可以在應用程式選單找到「安控」。",
    start_now="現在啟動安控(&S)",
    start_at_login="登入時自動啟動(&L)",
    not_complete="還有幾件事沒有完成；啟動後可在安控的「檢查與修復」頁面處理：",
    missing_service="這台電腦還沒有智慧卡服務或讀卡機驅動程式，安控暫時看不到讀卡機。",
    missing_tool="缺少工具 certutil，瀏覽器還不信任本機憑證。",
    missing_command="請在終端機執行這個指令（需要管理者密碼）：",
    missing_unknown="請安裝 pcsc-lite、CCID 驅動程式與 certutil（NSS 工具）。",
    cancel_title="要取消安裝嗎？",
    cancel_text="取消後，這台電腦不會有任何改變。",
    go_on="繼續(&G)",
    stop="取消安裝(&Q)",
    trouble_title="還沒有裝好",
    trouble_text="這台電腦和安裝前一樣，沒有留下不完整的檔案。",
    trouble={
        "no_space": "磁碟空間不足：{path} 需要 {needed} MB，只剩 {free} MB。"
        "請先清出空間，再試一次。",
        "disk_full": "磁碟在複製途中滿了：{path}。請先清出空間，再試一次。",
        "no_writing": "無法寫入 {path}：它是唯讀的，或不屬於您。請檢查權限，再試一次。",
        "still_running": "執行中的安控沒有結束。請從它的圖示選單按「結束安控」，再試一次。",
        "other": "{path}：{detail}。請再試一次；若仍失敗，請將這段文字告訴我們。",
    },
    removal_title="要移除安控嗎？",
    removal_text="移除前會先結束執行中的安控。",
    removed_things=(("會移除", "程式、選單項目、登入時啟動、本機憑證（包括瀏覽器裡的）與設定。"),),
    keep="保留使用紀錄與網站設定(&K)",
    keep_hint="將來重新安裝時仍可使用；不保留則一併刪除，無法復原。",
    remove="移除(&R)",
    removing_title="正在移除",
    removing="正在結束安控，並恢復瀏覽器與登入設定…",
    removed_title="安控已移除",
    removed_text="這台電腦上已沒有安控的程式與設定。",
    kept_text="使用紀錄與網站設定保留在 {path}。",
    left_text="有些東西沒能移除；處理後請再執行一次「移除安控」：",
    not_installed="這個帳號沒有安裝安控。",
    cancel_removal_text="取消後，安控會維持原狀。",
    quiet_done="安控 {version} 已安裝於 {path}",
    quiet_removed="安控已移除",
    no_display="這裡沒有可以開啟視窗的畫面；要直接安裝，請加上 --quiet。",
)

ENGLISH: Final = Texts(
    product="安控 Ankong",
    steps=("Welcome", "Licence", "What is added", "Installation", "Finished"),
    removal_steps=("Confirm", "Removal", "Finished"),
    next="&Next",
    back="&Back",
    cancel="&Cancel",
    install="&Install",
    finish="&Finish",
    retry="T&ry again",
    close="&Close",
    copy="Cop&y",
    copied="Copied",
    welcome_title="Welcome to Ankong",
    welcome_text=(
        (
            "Ankong lets web pages use your citizen certificate while you stay in charge: a page "
            "asks, you agree, your card signs."
        ),
        (
            "Ankong {version} will be installed for your own account, which takes no "
            "administrator's password."
        ),
    ),
    welcome_update="Ankong {installed} is here already and will be updated to {version}. Your "
    "settings, sites and history are kept.",
    welcome_again="Ankong {installed} is here already; the same version will be installed again. "
    "Your settings, sites and history are kept.",
    welcome_older="A newer Ankong, {installed}, is here already. Going back to {version} loses "
    "what was mended since.",
    replace_older="Install the &older version all the same",
    licence_title="Licence",
    licence_text="Ankong comes under the MIT licence: use it, copy it and change it freely; "
    "there is no warranty. These are its words.",
    licence_others="Other components have licences of their own; you will find them in {path}",
    accept="I &accept the licence",
    added_title="What will be added to this computer",
    added_text="Only your own account is touched, and Remove Ankong in the menu puts it back.",
    added=(
        (
            "Program",
            (
                "In {path}, about {size} MB; the menu of applications shows Ankong and Remove "
                "Ankong."
            ),
        ),
        (
            "Start at login",
            "An icon waits for web pages' requests. You can turn that off on the last page.",
        ),
        (
            "Local certificate",
            (
                "Browsers reach Ankong on this computer over an encrypted connection. It serves "
                "this computer only, and no other computer trusts it."
            ),
        ),
    ),
    running="Ankong is running: it will be asked to end first, and started again afterwards.",
    installing_title="Installing",
    ending="Asking the running Ankong to end…",
    copying="Copying the program…",
    completing="Making the local certificate…",
    finished_title="Ankong is installed",
    finished_text="You will find it in the menu of applications.",
    start_now="&Start Ankong now",
    start_at_login="Start when I &log in",
    not_complete="Some things are left to do; once Ankong runs, Check and repair in its menu "
    "mends them:",
    missing_service="This computer has no smart-card service or no driver for readers yet, so "
    "Ankong cannot see a reader.",
    missing_tool="The tool certutil is missing, so browsers do not trust the local certificate.",
    missing_command="Run this in a terminal (it asks for an administrator's password):",
    missing_unknown="Please install pcsc-lite, a CCID driver and certutil (the NSS tools).",
    cancel_title="Cancel the installation?",
    cancel_text="Nothing on this computer will have changed.",
    go_on="&Go on",
    stop="&Cancel installation",
    trouble_title="Not installed yet",
    trouble_text="This computer is as it was before; nothing half-made is left behind.",
    trouble={
        "no_space": "There is not enough space: {path} needs {needed} MB and has {free} MB. "
        "Make room, then try again.",
        "disk_full": "The disk became full on the way: {path}. Make room, then try again.",
        "no_writing": "{path} cannot be written: it is read-only or not yours. Check its "
        "permissions, then try again.",
        "still_running": "The running Ankong did not end. Choose Quit Ankong in its icon's "
        "menu, then try again.",
        "other": "{path}: {detail}. Try again; if it still fails, please tell us these words.",
    },
    removal_title="Remove Ankong?",
    removal_text="A running Ankong is asked to end first.",
    removed_things=(
        (
            "Removed",
            (
                "Program, menu entries, start at login, settings, and the local certificate, also "
                "from browsers."
            ),
        ),
    ),
    keep="&Keep the history and the sites",
    keep_hint="They serve a later installation. Otherwise they are deleted for good.",
    remove="&Remove",
    removing_title="Removing",
    removing="Ending Ankong and putting browsers and login back…",
    removed_title="Ankong is removed",
    removed_text="No program and no settings of Ankong are left on this computer.",
    kept_text="The history and the sites are kept in {path}.",
    left_text="Some things could not be removed; mend them, then run Remove Ankong again:",
    not_installed="Ankong is not installed in this account.",
    cancel_removal_text="Ankong will stay as it is.",
    quiet_done="Ankong {version} is installed in {path}",
    quiet_removed="Ankong is removed",
    no_display="No window can be opened here; add --quiet to install without one.",
)

TEXTS: Final[Mapping[Language, Texts]] = {
    Language.CHINESE: CHINESE,
    Language.ENGLISH: ENGLISH,
}

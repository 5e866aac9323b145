"""What each finding is called: Traditional Chinese, English. Braces are filled from the facts."""

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    # The state folder and what is in it.
    "state_ok": ("安控的資料夾可以使用。", "The state folder can be used."),
    "state_absent": (
        "安控的資料夾還沒有建立；第一次執行時會自動建立。",
        "There is no state folder yet; the first start makes it.",
    ),
    "state_unusable": (
        "安控的資料夾 {path} 不能使用（{detail}）。請檢查磁碟與權限。",
        "The state folder {path} cannot be used ({detail}). Check the disk and its permissions.",
    ),
    "state_open": (
        "其他使用者可以讀取安控的資料夾 {path}。",
        "Other users can look into the state folder {path}.",
    ),
    "database_ok": ("資料庫完好。", "The databases are sound."),
    "database_damaged": (
        "資料庫 {file} 已損壞（{detail}）。",
        "The database {file} is damaged ({detail}).",
    ),
    "history_ok": (
        "使用紀錄完整：{lines} 筆，前後相連。",
        "The history is whole, each line tied to the one before. Lines: {lines}.",
    ),
    "history_broken": (
        (
            "使用紀錄被更動過：從第 {seq} 筆起不再相連（共 {breaks} 處）。安控不會自行修補；"
            "請在「紀錄」頁或用 ankong history --verify 查看，並匯出留存。"
        ),
        (
            "The history was changed: its chain breaks at line {seq} ({breaks} places). It is "
            "never mended; look at it on the page History or with ankong history --verify, and "
            "keep a copy."
        ),
    ),
    "config_ok": ("設定檔可以讀取。", "The settings can be read."),
    "config_broken": (
        "設定檔有錯誤，程式無法啟動：{detail}",
        "The settings are broken, so that the agent does not start: {detail}",
    ),
    "policy_ok": ("管理者政策已生效。", "The administrator's policy is in force."),
    "policy_none": ("這台電腦沒有管理者政策。", "This computer has no administrator's policy."),
    "policy_unusable": (
        "管理者政策無法讀取，因此所有網站都會被拒絕：{detail}",
        "The administrator's policy cannot be read, so that every site is refused: {detail}",
    ),
    # Readers and cards.
    "service_ok": ("讀卡機服務執行中。", "The smart-card service is running."),
    "service_virtual": (
        "使用虛擬讀卡機，不需要讀卡機服務。",
        "Virtual readers are in use; they need no smart-card service.",
    ),
    "service_virtual_elsewhere": (
        "執行中的安控使用虛擬卡（測試用）；讀卡機與卡片請看安控的面板。",
        "The running agent uses virtual cards, for testing; its panel shows readers and cards.",
    ),
    "service_not_installed": (
        "沒有安裝讀卡機服務 pcscd。請安裝套件 pcscd。",
        "The smart-card service pcscd is not installed. Install the package pcscd.",
    ),
    "service_down": (
        "讀卡機服務沒有執行。請啟動它，或重新開機。",
        "The smart-card service is not running. Start it, or restart the computer.",
    ),
    "service_unknown": (
        "不知道讀卡機服務的狀態。",
        "The state of the smart-card service is not known.",
    ),
    "driver_ok": ("讀卡機驅動程式已安裝。", "The driver for card readers is installed."),
    "driver_missing": (
        "沒有安裝 USB 讀卡機的驅動程式。請安裝套件 libccid（或 ccid）。",
        "The driver for USB readers is missing. Install the package libccid (or ccid).",
    ),
    "reader_ok": ("讀卡機：{reader}", "Reader: {reader}"),
    "reader_keypad": (
        (
            "讀卡機 {reader} 有按鍵，但這種卡片的 PIN 碼要加密後才能送進卡片，"
            "讀卡機的按鍵做不到；PIN 碼請在電腦上輸入。"
        ),
        (
            "The reader {reader} has a keypad, but this card takes its PIN encrypted, which a "
            "keypad cannot do; the PIN is typed on the computer."
        ),
    ),
    "reader_none": (
        "找不到讀卡機。請接上讀卡機；若已接上，請換一個 USB 插孔。",
        "There is no reader. Plug one in; if it is, try another USB socket.",
    ),
    "reader_empty": (
        "讀卡機 {reader} 裡沒有卡片。",
        "There is no card in the reader {reader}.",
    ),
    "card_ok": (
        "讀卡機 {reader} 裡有自然人憑證卡（{generation}）。",
        "There is a citizen card ({generation}) in the reader {reader}.",
    ),
    "card_mute": (
        "讀卡機 {reader} 裡的卡片沒有回應。請確認晶片朝向，擦拭晶片後再插一次。",
        (
            "The card in {reader} does not answer. Check which way round it is, wipe the chip, and "
            "insert it again."
        ),
    ),
    "card_unsupported": (
        "讀卡機 {reader} 裡的卡片不是本程式支援的自然人憑證卡。",
        "The card in {reader} is no citizen card that this program supports.",
    ),
    "card_unreadable": (
        "讀卡機 {reader} 裡的卡片無法讀出憑證（{detail}）。",
        "The certificates on the card in {reader} cannot be read ({detail}).",
    ),
    "card_expired": (
        "卡片上的憑證已在 {date} 到期。請至內政部憑證管理中心申請展期或換發。",
        "The certificate on the card expired on {date}. Have it renewed by its issuer.",
    ),
    "card_not_yet_valid": (
        "卡片上的憑證要到 {date} 才生效。若不合理，請檢查電腦時鐘。",
        (
            "The certificate on the card is valid from {date} only. If that makes no sense, check "
            "the computer's clock."
        ),
    ),
    "card_locked": (
        "卡片的 PIN 碼已鎖住。請至戶政事務所或憑證管理中心網站解鎖。",
        "The card's PIN is locked. Have it unlocked by the card's issuer.",
    ),
    # The running agent and its ports.
    "agent_ok": (
        "安控執行中，連接埠 {port}。",
        "The agent is running on port {port}.",
    ),
    "agent_not_running": ("安控沒有執行。", "The agent is not running."),
    "agent_silent": (
        "安控應該執行中，但連接埠 {port} 沒有正確回應（{detail}）。請重新啟動安控。",
        (
            "The agent should be running, but does not answer properly on port {port} ({detail}). "
            "Restart it."
        ),
    ),
    "port_ok": ("連接埠 {port} 可以使用。", "Port {port} can be used."),
    "port_used_by_agent": ("連接埠 {port} 由安控使用。", "Port {port} is the agent's."),
    "port_taken": (
        "連接埠 {port} 被其他程式占用：{owner}。請結束該程式，舊元件請先移除。",
        (
            "Port {port} is taken by another program: {owner}. End it; if it is the old "
            "component, uninstall that."
        ),
    ),
    "port_taken_spare": (
        "連接埠 {port} 被其他程式占用：{owner}。安控會改用備用連接埠。",
        "Port {port} is taken by another program: {owner}. The agent uses a spare one.",
    ),
    # The local certificate, the clock, and who trusts it.
    "tls_ok": ("本機憑證有效至 {date}。", "The local certificates are valid until {date}."),
    "tls_absent": (
        "本機憑證還沒有建立；第一次執行時會自動建立。",
        "There are no local certificates yet; the first start makes them.",
    ),
    "tls_damaged": (
        "本機憑證已損壞（{detail}）。",
        "The local certificates are damaged ({detail}).",
    ),
    "tls_expired": (
        "本機憑證已在 {date} 到期，瀏覽器無法連線。",
        "The local certificates expired on {date}: browsers cannot connect.",
    ),
    "tls_ends_soon": (
        "本機憑證將在 {date} 全部到期，請更新。",
        "The last local certificate expires on {date}. Renew them.",
    ),
    "tls_key_open": (
        "其他使用者可以讀取本機憑證的私鑰。",
        "Other users can read the private keys of the local certificates.",
    ),
    "clock_ok": ("電腦時鐘合理。", "The clock makes sense."),
    "clock_behind": (
        "電腦時鐘是 {now}，早於本機憑證的起始時間 {date}。請校正時鐘；若時鐘正確，請更新憑證。",
        (
            "The clock says {now}, which is before the local certificates begin, {date}. Set the "
            "clock; if it is right, renew the certificates."
        ),
    ),
    "trust_ok": ("{store} 信任本機憑證。", "{store} trusts the local certificates."),
    "trust_missing": (
        "{store} 還不信任本機憑證，網頁會顯示「未運行」。",
        "{store} does not trust the local certificates yet: pages will say that nothing runs.",
    ),
    "trust_needs_tool": (
        "缺少工具 {tool}，無法檢查 {store}。請安裝套件 libnss3-tools（或 nss-tools）。",
        (
            "{store} cannot be checked without {tool}. Install the package libnss3-tools (or "
            "nss-tools)."
        ),
    ),
    "trust_unreadable": (
        "{store} 的憑證資料庫無法讀取或變更（{detail}）。",
        "The trust store of {store} cannot be read or changed ({detail}).",
    ),
    "trust_optional": (
        "{store} 不信任本機憑證；瀏覽器不需要它。",
        "{store} does not trust the local certificates; browsers do not need it.",
    ),
    "trust_no_browser": (
        "找不到瀏覽器的憑證資料庫；瀏覽器第一次執行後會建立。",
        "No browser's trust store was found; a browser makes it at its first start.",
    ),
    "manifest_damaged": (
        "安裝紀錄 {file} 已損壞，無法完整移除信任設定。",
        "The record {file} is damaged: what was installed cannot be removed completely.",
    ),
    # Browsers and versions.
    "browser_ok": ("沒有瀏覽器政策阻擋本機連線。", "No browser policy blocks this computer."),
    "browser_blocks": (
        "{browser} 的政策 {policy} 阻擋網頁連線到本機。請洽管理者。",
        "The policy {policy} of {browser} keeps pages from this computer. Ask its administrator.",
    ),
    "browser_blocks_some": (
        "{browser} 的政策 {policy} 阻擋部分網站連線到本機。",
        "The policy {policy} of {browser} keeps some sites from this computer.",
    ),
    "browser_policy_unreadable": (
        "{browser} 的政策檔無法讀取。",
        "A policy file of {browser} cannot be read.",
    ),
    # Newer versions.
    "update_no_address": (
        "沒有設定更新通知的網址，因此不會詢問有沒有新版本。",
        "No address for update notices is set, so nobody is asked for newer versions.",
    ),
    "update_no_key": (
        "沒有可以信任的發行金鑰，因此不會詢問有沒有新版本。",
        "No release key is trusted, so nobody is asked for newer versions.",
    ),
    "update_forbidden": (
        "依設定或管理政策，不會詢問有沒有新版本。",
        "By the settings or the policy, nobody is asked for newer versions.",
    ),
    "update_declined": (
        "依您的選擇，不會詢問有沒有新版本。",
        "As you chose, nobody is asked for newer versions.",
    ),
    "update_unknown": (
        "還沒有問到有沒有新版本；離線時這是正常的。",
        "Nothing was heard of newer versions yet; offline that is normal.",
    ),
    "update_newest": ("這是最新的版本。", "This is the newest version."),
    "update_newer": (
        "有新版本 {version}。請在方便的時候更新。{page}",
        "Version {version} is there. Update when it suits you. {page}",
    ),
    "update_too_old": (
        "這個版本太舊，安控不再用它簽章。請更新到 {version}。{zh} {page}",
        "This version is too old to sign. Update to {version}. {en} {page}",
    ),
    "check_failed": (
        "檢查「{name}」無法完成（{detail}）。",
        "The check {name} could not be completed ({detail}).",
    ),
    "version": ("{name} {version}", "{name} {version}"),
}

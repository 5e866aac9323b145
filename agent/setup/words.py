"""What each step is called: Traditional Chinese, English. Braces are filled from the facts."""

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    # The running agent.
    "agent_ended": ("已結束執行中的安控。", "The running agent was ended."),
    "agent_not_running": ("安控沒有在執行。", "The agent was not running."),
    "agent_failed": (
        "安控無法結束（{detail}）。請從圖示選單按「結束安控」，再試一次。",
        "The agent did not end ({detail}). Choose “Quit Ankong” in its menu, then try again.",
    ),
    # The state folder and the local certificate.
    "certificate_made": ("已建立本機憑證。", "The local certificate was made."),
    "certificate_kept": ("本機憑證已存在。", "The local certificate is there already."),
    "certificate_failed": (
        "無法在 {path} 建立本機憑證（{detail}）。請檢查磁碟空間與權限，再試一次。",
        (
            "The local certificate cannot be made in {path} ({detail}). Check the disk's free "
            "space and permissions, then try again."
        ),
    ),
    # Trust stores.
    "trust_installed": ("{store} 已信任本機憑證。", "{store} trusts the local certificate."),
    "trust_no_browser": (
        "還沒有瀏覽器的憑證資料庫；瀏覽器第一次執行後，請再執行「檢查與修復」。",
        "No browser has a trust store yet: after a browser's first start use “Check and repair”.",
    ),
    "trust_not_wanted": (
        "依選擇，未將本機憑證加入瀏覽器。",
        "As chosen, no browser was told to trust the local certificate.",
    ),
    "trust_missing": (
        "{store} 還不信任本機憑證（{detail}）。",
        "{store} does not trust the local certificate yet ({detail}).",
    ),
    "trust_needs_tool": (
        "缺少工具 certutil，無法設定 {store}。請安裝套件 libnss3-tools（或 nss-tools），再試一次。",
        (
            "{store} cannot be set up without certutil. Install the package libnss3-tools (or "
            "nss-tools), then try again."
        ),
    ),
    "trust_removed": (
        "已從所有瀏覽器移除本機憑證。",
        "The local certificate was taken out of every trust store.",
    ),
    "trust_none": ("沒有需要移除的憑證。", "No trust store had to be changed."),
    "trust_left": (
        "{store} 的本機憑證無法移除（{detail}）：{path}",
        "The local certificate is still in {store} ({detail}): {path}",
    ),
    "trust_failed": (
        "瀏覽器的信任設定無法變更（{detail}）。",
        "The trust stores cannot be changed ({detail}).",
    ),
    # Starting with the session.
    "autostart_on": ("登入時會自動啟動。", "The agent starts when you sign in."),
    "autostart_off": ("登入時不會自動啟動。", "The agent does not start when you sign in."),
    "autostart_unknown": (
        "這個系統沒有自動啟動的方法。",
        "This system has no way to start the agent when you sign in.",
    ),
    "autostart_failed": (
        "自動啟動的設定無法變更（{detail}）。",
        "Starting at sign-in cannot be changed ({detail}).",
    ),
    # The agent's own files.
    "record_written": ("設定完成。", "The setup is complete."),
    "record_failed": (
        "無法寫入安裝紀錄（{detail}）。",
        "The setup cannot be written down ({detail}).",
    ),
    "files_removed": ("已移除安控的所有檔案。", "All files of the agent were removed."),
    "files_removed_but_records": (
        "已移除安控的檔案；使用紀錄與網站設定保留在 {path}。",
        "The agent's files were removed; history and sites are kept in {path}.",
    ),
    "files_none": ("沒有需要移除的檔案。", "There were no files to remove."),
    "files_left": ("無法移除 {path}（{detail}）。", "{path} cannot be removed ({detail})."),
    "files_foreign": (
        "{path} 裡有不屬於安控的檔案，予以保留。",
        "{path} has files that are not the agent's; they were left alone.",
    ),
    "files_failed": ("檔案無法移除（{detail}）。", "The files cannot be removed ({detail})."),
}

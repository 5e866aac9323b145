#!/bin/sh
# Take Ankong off this Mac; it lies in the program itself, under Contents/Resources.
#
#   uninstall.command            asks whether history and sites go too
#   uninstall.command --keep     keeps them
#   uninstall.command --forget   does not
set -eu

app=$(cd "$(dirname "$0")/../.." && pwd)
identifier="org.ankong.agent"

found=$(/usr/bin/defaults read "$app/Contents/Info" CFBundleIdentifier 2>/dev/null || true)
if [ "$found" != "$identifier" ]; then
    echo "這不是安控：$app  This is not Ankong: $app" >&2
    exit 1
fi

choice=${1:-}
if [ -z "$choice" ]; then
    printf '%s\n' "也要刪除使用紀錄與網站設定嗎？預設保留。[y/N]" \
        "Remove the history and the allowed sites too? They are kept by default. [y/N]"
    read -r answer || answer=""
    case "$answer" in
    y | Y | yes) choice="--forget" ;;
    *) choice="--keep" ;;
    esac
fi

status=0
if [ "$choice" = "--forget" ]; then
    "$app/Contents/MacOS/ankong" setup undo --forget || status=$?
else
    "$app/Contents/MacOS/ankong" setup undo || status=$?
fi
if [ "$status" -ne 0 ]; then
    echo "有些步驟沒有完成（見上），程式先保留；處理後請再執行一次。" >&2
    echo "Some steps failed (see above); the program stays. Mend them and run this again." >&2
    exit "$status"
fi

if [ -w "$app" ] && [ -w "$(dirname "$app")" ]; then
    rm -rf "$app"
    /usr/sbin/pkgutil --volume "$HOME" --forget "$identifier" >/dev/null 2>&1 || true
else
    echo "刪除程式需要管理者密碼。Removing the program needs an administrator's password."
    sudo rm -rf "$app"
fi
if /usr/sbin/pkgutil --pkg-info "$identifier" >/dev/null 2>&1; then
    sudo /usr/sbin/pkgutil --forget "$identifier" >/dev/null
fi
echo "安控已移除。Ankong is gone."

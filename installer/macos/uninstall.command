#!/bin/sh
# Take Ankong off this Mac; it lies in the program itself, under Contents/Resources, where pages.py
# has put texts in the place of their names.
#
#   uninstall.command            asks whether history and sites go too
#   uninstall.command --keep     keeps them
#   uninstall.command --forget   does not
set -eu

app=$(cd "$(dirname "$0")/../.." && pwd)
identifier="org.ankong.agent"

found=$(/usr/bin/defaults read "$app/Contents/Info" CFBundleIdentifier 2>/dev/null || true)
if [ "$found" != "$identifier" ]; then
    echo "@not_ankong@ $app" >&2
    exit 1
fi

choice=${1:-}
if [ -z "$choice" ]; then
    echo "@forget@"
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
    echo "@not_removed@" >&2
    exit "$status"
fi

if [ -w "$app" ] && [ -w "$(dirname "$app")" ]; then
    rm -rf "$app"
    /usr/sbin/pkgutil --volume "$HOME" --forget "$identifier" >/dev/null 2>&1 || true
else
    echo "@needs_password@"
    sudo rm -rf "$app"
fi
if /usr/sbin/pkgutil --pkg-info "$identifier" >/dev/null 2>&1; then
    sudo /usr/sbin/pkgutil --forget "$identifier" >/dev/null
fi
echo "@removed@"

#!/bin/sh
# Before the package is removed: undo what root itself has done with the program. Others' agents
# and settings are theirs; nothing of them is stopped or changed.
set -e

case "$1" in
remove | 0) ;; # dpkg's word, and rpm's
*) exit 0 ;;
esac

# The porter's program goes too; where an administrator enabled the service, the link to it goes.
if [ -d /run/systemd/system ]; then
    systemctl --quiet disable --now ankong-porter.service || :
fi

home=$(getent passwd root | cut -d: -f6)
if [ -d "$home/.local/state/ankong" ]; then
    env -u XDG_STATE_HOME HOME="$home" /usr/lib/ankong/ankong setup undo || :
fi

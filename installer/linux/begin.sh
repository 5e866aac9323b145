# What the self-extracting file starts, in the folder that it has extracted.
# A folder from which nothing may be started, or a system that is too old: say so in plain words.
if ! ./ankong/ankong --version >/dev/null 2>&1; then
    cat >&2 <<'END'
安控無法在這裡執行。可能的原因：
  · 暫存資料夾不允許執行程式：請改用 TMPDIR="$HOME" sh ./ankong-{version}-{machine}.run
  · 系統太舊：需要 glibc {glibc} 以上（Debian 12、Ubuntu 22.10、Fedora 37 或更新）。
Ankong cannot run here. Perhaps:
  · no program may be started from the folder for temporary files: set TMPDIR to another one;
  · the system is too old: glibc {glibc} or newer is needed.
END
    ./ankong/ankong --version
    exit 1
fi
exec ./ankong/ankong --wizard "$@"

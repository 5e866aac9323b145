# What the self-extracting file starts, in the folder that it has extracted.
# A folder from which nothing may be started, or a system that is too old: say so in plain words.
if ! ./ankong/ankong --version >/dev/null 2>&1; then
    cat >&2 <<'END'
{trouble}END
    ./ankong/ankong --version
    exit 1
fi
exec ./ankong/ankong --wizard "$@"

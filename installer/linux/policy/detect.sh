#!/bin/sh
# For tools that run a script on every Linux computer or Mac: is Ankong as it should be?
#
# Exit 0: yes. Exit 1: it is missing, or a part of its inventory names a problem. One line is
# printed: version, for whom it is installed, problems. No card is opened, and no person, card or
# site is named. Run it as the user whose agent it is about; as root it tells of the program and the
# computer alone. ANKONG names the program where it is not on the PATH.

set -u

inventory=$("${ANKONG:-ankong}" inventory --json 2>/dev/null) || {
    echo missing
    exit 1
}

# One line of JSON in a fixed order, whose texts hold no quotation marks in these fields.
field() {
    printf '%s\n' "$inventory" | sed -n "s/.*\"$1\": \"\([^\"]*\)\".*/\1/p"
}

version=$(printf '%s\n' "$inventory" | sed -n 's/^{"schema": 1, "product": "ankong", "version": "\([^"]*\)".*/\1/p')
if [ -z "$version" ]; then
    echo unreadable
    exit 1
fi
problems=$(printf '%s\n' "$inventory" | grep -o '"problem": "[a-z_]*"' | cut -d'"' -f4 | sort -u | paste -sd, -)
echo "$version $(field scope) $problems"
[ -z "$problems" ]

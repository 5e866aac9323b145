#!/bin/sh
# Build, sign and notarise the package for macOS; to be run on a Mac, one for each kind of processor.
#
#   installer/macos/build.sh
#
# needs Python 3.11 or newer from python.org (its Tk draws the windows) and Xcode's command line
# tools; on an Intel Mac also Rust and OpenSSL, for cryptography has no wheel there. Without these variables everything is built, but signed by nobody, so that macOS warns:
#
#   ANKONG_SIGN_APP         a "Developer ID Application" identity in the keychain
#   ANKONG_SIGN_INSTALLER   a "Developer ID Installer" identity in the keychain
#   ANKONG_NOTARY_PROFILE   a profile that "xcrun notarytool store-credentials" has made
#
# The package is dist/installers/ankong-VERSION-arm64.pkg or -x86_64.pkg.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work="$root/build/macos"
out="$root/dist/installers"
identifier="org.ankong.agent"

fail() {
    echo "build.sh: $*" >&2
    exit 1
}

[ "$(uname -s)" = Darwin ] || fail "this needs a Mac; on other systems: dev.py installers --only macos"
for tool in codesign pkgbuild productbuild xcrun; do
    command -v "$tool" >/dev/null || fail "$tool is missing: xcode-select --install"
done
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Python 3.11 or newer is needed"
"$python" -c 'import tkinter' || fail "this Python has no Tk; take the one from python.org"
machine=$(uname -m)
compiled=
if [ "$machine" = x86_64 ]; then
    command -v cargo >/dev/null || fail "Rust is missing: cryptography has to be compiled here"
    compiled="--no-binary=cryptography"
fi
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$root/agent/__init__.py")
[ -n "$version" ] || fail "agent/__init__.py names no version"

freeze() {
    rm -rf "$work"
    mkdir -p "$work/root" "$out"
    "$python" -m venv "$work/venv"
    # shellcheck disable=SC2086  # nothing, or one word
    "$work/venv/bin/pip" install --quiet --require-hashes --only-binary=:all: $compiled \
        --requirement "$root/installer/requirements/installer.txt"
    (cd "$root" && "$work/venv/bin/python" -m PyInstaller installer/frozen/ankong.spec \
        --noconfirm --clean --distpath "$work/dist" --workpath "$work/freeze")
    mv "$work/dist/Ankong.app" "$work/root/Ankong.app"
    install -m 755 "$here/uninstall.command" "$work/root/Ankong.app/Contents/Resources/"
    "$work/venv/bin/python" "$here/pages.py" --fill \
        "$work/root/Ankong.app/Contents/Resources/uninstall.command"
}

# From the inside to the outside: a signature covers those of what it encloses.
sign_app() {
    app="$work/root/Ankong.app"
    identity=${ANKONG_SIGN_APP:--}
    stamp="--timestamp"
    [ "$identity" = "-" ] && stamp="--timestamp=none"
    find "$app/Contents" -type f \( -name '*.so' -o -name '*.dylib' \) -print0 |
        xargs -0 codesign --force --options runtime "$stamp" --sign "$identity"
    find "$app/Contents" -type d -name '*.framework' -print0 |
        xargs -0 -n 1 codesign --force --options runtime "$stamp" --sign "$identity"
    codesign --force --options runtime "$stamp" --entitlements "$here/entitlements.plist" \
        --sign "$identity" "$app"
    codesign --verify --deep --strict "$app"
}

package() {
    resources="$work/resources"
    "$work/venv/bin/python" "$here/pages.py" "$resources"
    sed -e "s/@VERSION@/$version/g" -e "s/@MACHINE@/$machine/g" \
        "$here/Distribution.xml" >"$work/Distribution.xml"
    cp -R "$here/scripts" "$work/scripts"
    "$work/venv/bin/python" "$here/pages.py" --fill "$work/Distribution.xml" "$work/scripts/preinstall"
    pkgbuild --root "$work/root" --component-plist "$here/components.plist" \
        --identifier "$identifier" --version "$version" --install-location /Applications \
        --scripts "$work/scripts" "$work/ankong.pkg"
    if [ -n "${ANKONG_SIGN_INSTALLER:-}" ]; then
        set -- --sign "$ANKONG_SIGN_INSTALLER" --timestamp
    else
        set --
    fi
    productbuild "$@" --distribution "$work/Distribution.xml" --resources "$resources" \
        --package-path "$work" "$result"
}

notarise() {
    if [ -z "${ANKONG_NOTARY_PROFILE:-}" ]; then
        echo "not notarised: macOS will warn whoever opens it"
        return
    fi
    xcrun notarytool submit "$result" --keychain-profile "$ANKONG_NOTARY_PROFILE" --wait
    xcrun stapler staple "$result"
    xcrun stapler validate "$result"
    spctl --assess --type install --verbose "$result"
}

result="$out/ankong-$version-$machine.pkg"
freeze
sign_app
package
notarise
shasum -a 256 "$result"

"""Make keys for, sign and verify the manifest of releases; run with the checkout's own Python.

::

    python installer/release/manifest.py keys --out release.key
    python installer/release/manifest.py sign --key release.key --newest 0.2.0 --floor 0.1.0 \
        --page https://… --out ankong.manifest
    python installer/release/manifest.py verify ankong.manifest --public HEX
    python installer/release/manifest.py sums SHA256SUMS [--key release.key]

The private key belongs on the machine of whoever releases, and on no other; the line that
``keys`` prints belongs into agent/host/update/release_keys.py. A manifest is served as it is, by
any web server; it expires, so it has to be signed anew before that, also when nothing changes.
"""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from agent import __version__
from agent.files import create_file
from agent.host.update.manifest import BadManifestError, ReleaseManifest, accept, sign
from agent.host.update.release_keys import RELEASE_KEYS
from agent.words import Language

sys.path.insert(0, str(Path(__file__).parents[1]))
from release.release_key import KEY, PASSPHRASE, release_key  # found by the line above
from release.support import facts

LIFE = 90  # days
_SUM = re.compile(rb"[0-9a-f]{64}  [^\n/]+\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.work(options)
    except BadManifestError as error:
        print(f"manifest: {error.detail}", file=sys.stderr)
        return 1
    except (OSError, ValueError, TypeError) as error:
        print(f"manifest: {error}", file=sys.stderr)
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    keys = verbs.add_parser("keys", help=f"make a pair; a passphrase is taken from {PASSPHRASE}")
    keys.set_defaults(work=make_keys)
    keys.add_argument("--out", type=Path, required=True, help="the private key, PEM")
    write = verbs.add_parser("sign", help="write a manifest")
    write.set_defaults(work=write_manifest)
    write.add_argument("--key", type=Path, required=True, help="the private key, PEM")
    write.add_argument("--newest", default=__version__, help="the newest version")
    write.add_argument(
        "--floor", default=facts()["floor"], help="older versions refuse to sign (support.toml)"
    )
    write.add_argument("--page", default="", help="https address where people get it")
    write.add_argument(
        "--reason",
        action="append",
        type=_reason,
        default=[],
        metavar="TAG=TEXT",
        help="why older versions refuse, once for each language: en=…",
    )
    write.add_argument("--days", type=int, default=LIFE, help="until it expires")
    write.add_argument(
        "--number", type=int, help="grows each time (default: the seconds since 1970)"
    )
    write.add_argument("--out", type=Path, required=True)
    sums = verbs.add_parser("sums", help="sign a release's SHA256SUMS, beside it")
    sums.set_defaults(work=sign_sums)
    sums.add_argument("file", type=Path)
    sums.add_argument("--key", type=Path, help=f"the private key, PEM; default: what {KEY} holds")
    check = verbs.add_parser("verify", help="check a manifest as the agent does")
    check.set_defaults(work=verify_manifest)
    check.add_argument("file", type=Path)
    check.add_argument("--public", action="append", default=[], metavar="HEX")
    return parser


def _reason(argument: str) -> tuple[str, str]:
    tag, equals, text = argument.partition("=")
    if tag not in tuple(Language) or not equals:
        raise argparse.ArgumentTypeError(f"{argument}: not TAG=TEXT of {', '.join(Language)}")
    return tag, text


def make_keys(options: argparse.Namespace) -> int:
    """Write a private key, readable for its owner only; print the public key."""
    key = Ed25519PrivateKey.generate()
    phrase = os.environ.get(PASSPHRASE, "").encode()
    protection = BestAvailableEncryption(phrase) if phrase else NoEncryption()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)
    create_file(options.out, pem)
    print(public_key(key))
    return 0


def write_manifest(options: argparse.Namespace) -> int:
    """Sign the manifest that the options describe, and write it; return the exit status.

    Raises:
        TypeError: the key is not an Ed25519 key.
        OSError: a file cannot be read or written.

    """
    key = release_key(options.key)
    now = datetime.now(UTC).replace(microsecond=0)
    said = ReleaseManifest(
        number=options.number or int(now.timestamp()),
        issued=now,
        expires=now + timedelta(days=options.days),
        newest=options.newest,
        floor=options.floor,
        page=options.page,
        reason=dict(options.reason),
    )
    content = sign(said, key)
    accept(content, (public_key(key),), now)
    options.out.write_bytes(content)
    print(f"{options.out}: number {said.number}, expires {said.expires:%Y-%m-%d}")
    return 0


def sign_sums(options: argparse.Namespace) -> int:
    """Write the signature over a file of sums, and the public key, beside it; return the status.

    ``SHA256SUMS.sig`` has 64 bytes (Ed25519, RFC 8032) over the whole file, and
    ``SHA256SUMS.pem`` the public key, for those who have OpenSSL 3 alone. A manifest's signature
    is over a text that begins with a word of its own, so that neither is taken for the other.

    Raises:
        TypeError: the key is not an Ed25519 key.
        ValueError: the file does not hold sums, or there is no key.
        OSError: a file cannot be read or written.

    """
    content = options.file.read_bytes()
    if not content or not all(map(_SUM.fullmatch, content.splitlines(keepends=True))):
        raise ValueError(f"{options.file}: not a list as sha256sum prints it")
    key = release_key(options.key)
    public = key.public_key()
    beside = options.file.with_name(f"{options.file.name}.pem")
    beside.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    options.file.with_name(f"{options.file.name}.sig").write_bytes(key.sign(content))
    print(f"{options.file.name}: signed by {public_key(key)}")
    return 0


def verify_manifest(options: argparse.Namespace) -> int:
    """Print the content of a manifest."""
    said = accept(options.file.read_bytes(), (*RELEASE_KEYS, *options.public), datetime.now(UTC))
    print(f"number {said.number}, newest {said.newest}, floor {said.floor}")
    print(f"issued {said.issued:%Y-%m-%d}, expires {said.expires:%Y-%m-%d}")
    for text in (said.page, *said.reason.values()):
        if text:
            print(text)
    return 0


def public_key(key: Ed25519PrivateKey) -> str:
    """Return the public key, 64 hexadecimal digits."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


if __name__ == "__main__":
    sys.exit(main())

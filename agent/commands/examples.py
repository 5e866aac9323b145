"""Command lines that ``--help`` and the manual show; a test runs each of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Example:
    """A command line, and the text that says what it is good for.

    Attributes:
        line: what is typed behind ``ankong``.
        key: of the text in the catalogue.

    """

    line: str
    key: str


_LINES: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("doctor", "sign contract.pdf"),
    "serve": ("serve --port 0 --hipki-port 0", "serve --virtual-card card.json"),
    "tray": ("tray --panel",),
    "status": ("status", "status --json"),
    "certificates": ("certificates", "certificates --json"),
    "modules": ("modules", "modules --json"),
    "sign": (
        "sign contract.pdf",
        "sign contract.pdf annex.pdf --out signed",
        "sign letter.pdf --out letter.p7m",
        "sign film.mp4 --format cms-detached --out film.p7s",
        "sign letter.pdf --out letter.p7m --pin-stdin < pin.txt",
        "sign contract.pdf --mark last",
    ),
    "verify": (
        "verify contract-signed.pdf",
        "verify letter.p7m --anchors root.cer --intermediates ca.cer --crl root.crl --crl ca.crl",
        "verify film.p7s --content film.mp4",
        "verify contract-signed.pdf --extract 1 --out as-signed.pdf",
    ),
    "extend": (
        "extend contract-signed.pdf",
        "extend contract-signed.pdf --level B-LTA",
    ),
    "card": ("card scenarios --make gen2 --out card.json",),
    "card new": (
        "card new --name TEST --pin 123456 --out card.json",
        "card new --generation piv --key p256 --name TEST --pin 123456 --out piv.json",
    ),
    "card insert": ("card insert card.json --vpcd localhost:35963",),
    "card scenarios": ("card scenarios", "card scenarios --make gen2 --out card.json"),
    "trust": ("trust check", "trust install"),
    "trust check": ("trust check --json",),
    "trust install": ("trust install",),
    "trust uninstall": ("trust uninstall",),
    "doctor": ("doctor", "doctor --repair install_trust", "doctor --bundle report.zip"),
    "inspect": ("inspect net-log.json",),
    "inventory": ("inventory", "inventory --json", "--version --json"),
    "panel": ("panel", "panel --print"),
    "handbook": ("handbook",),
    "porter": ("porter", "porter --port 61161 --tls-port 28443"),
    "quit": ("quit",),
    "setup": ("setup complete --autostart", "setup undo"),
    "setup complete": ("setup complete --no-autostart",),
    "setup undo": ("setup undo --forget",),
    "setup machine": (
        "setup machine",
        "setup machine --authority ladder.pem",
        "setup machine --undo",
    ),
    "setup authority": ("setup authority --out ankong-authority",),
    "sites": ("sites", "sites allow https://site.example"),
    "policy": ("policy show",),
    "policy show": ("policy show", "policy show --json"),
    "policy check": ("policy check policy.toml",),
    "policy explain": ("policy explain", "policy explain allowed"),
    "policy browsers": (
        "policy browsers --sites sites.txt --out browser-policies",
        "policy browsers --sites sites.txt --out merged --merge policies.json",
    ),
    "sdk": ("sdk ankong-sdk",),
    "completion": ("completion bash > ankong.bash", "completion powershell > ankong.ps1"),
    "history": ("history --limit 5", "history --csv > history.csv", "history --verify"),
}


def examples_of(path: str) -> tuple[Example, ...]:
    """Return the examples of a command, such as ``card new``; of the program where it is empty."""
    area = ".".join(["cli", *path.split()])
    lines = enumerate(_LINES.get(path, ()), 1)
    return tuple(Example(line, f"{area}.examples.{number}") for number, line in lines)

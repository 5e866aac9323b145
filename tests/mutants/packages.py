"""The packages whose tests are judged, and the tests nearest to each, the quickest first."""

from collections.abc import Mapping
from typing import Final

_CARD_SIDE: Final = (
    "tests/unit/test_iso7816.py",
    "tests/unit/transport",
    "tests/unit/secure_messaging",
    "tests/unit/cards",
    "tests/trace",
)

PACKAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "agent/iso7816": (
        "tests/unit/test_iso7816.py",
        "tests/unit/cards",
        "tests/card/test_gen[12]_rules.py",
    ),
    "agent/secure_messaging": (
        "tests/unit/secure_messaging",
        "tests/trace/test_secure_messaging.py",
        "tests/card/test_gen1_rules.py",
    ),
    "agent/transport": (
        "tests/unit/transport",
        "tests/pcsc/test_part10.py",
        "tests/pcsc/test_waiting.py",
        "tests/pcsc/test_platforms.py",
    ),
    "agent/cards": (*_CARD_SIDE[1:], "tests/signing/test_drivers.py"),
    "agent/cms": (
        "tests/signing/test_cms_*.py",
        "tests/signing/test_pki_certificate.py",  # texts of every kind
    ),
    "agent/pki": ("tests/signing/test_pki_*.py",),
    "agent/signing": (
        "tests/signing/test_key_use.py",
        "tests/signing/test_readers.py",
        "tests/signing/test_two_certificates.py",
        "tests/signing/test_prompts_service.py",
        "tests/signing/test_straight_transaction.py",
        "tests/signing/test_service.py",
        "tests/signing/test_recording.py",
    ),
}
"""Files and folders below the checkout; a pattern stands for every file that fits it."""

"""The flow of the customer's document, in both dialects: presence, number, signature, export."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.web.jrsys.conftest import RigFactory
from tests.web.jrsys.rig import PIN, JrsysRig, newer, older, p11


def verified_content(message: str, folder: Path, *more: str) -> bytes:
    """Have OpenSSL verify a signed message in hex; return what was signed."""
    path = folder / "message.der"
    path.write_bytes(bytes.fromhex(message))
    command = ["openssl", "cms", "-verify", "-noverify", "-inform", "DER", "-in", str(path), *more]
    return subprocess.run([*command, "-binary"], check=True, capture_output=True).stdout


async def test_the_newer_kit(start_rig: RigFactory, make_card: Any, tmp_path: Path) -> None:
    rig: JrsysRig = await start_rig(make_card("gen2"))
    assert (await rig.call(newer("GetComVersion")))["Message"] == "3.0.2.0"
    assert (await rig.call(newer("IsGCACardPresent")))["Message"] is True
    serial = await rig.call(p11("GetSmartCardSnP11"))
    assert serial["Message"] == rig.card.data.serial
    signed = await rig.call(
        p11("RsaSignedDataP11", IsSilent=1, DigestAlg=7, Data2BSigned="challenge-1", PIN=PIN)
    )
    assert signed["RV"] == 0
    assert verified_content(signed["Message"], tmp_path) == b"challenge-1"
    assert signed["Message"].endswith(signed["Signature"])
    exported = await rig.call(p11("ExportCertToHexP11", IsSilent=1, KeyUsage=0x80))
    assert exported["Message"] == signed["SignerCert"]
    assert rig.windows.asked == []
    assert rig.tries == 3


@pytest.mark.parametrize("generation", ["gen1", "gen2"])
async def test_the_older_kit(
    start_rig: RigFactory, make_card: Any, tmp_path: Path, generation: str
) -> None:
    card = make_card(generation)
    rig: JrsysRig = await start_rig(card)
    assert (await rig.call(older("isComRegister")))["Message"] == "3.0.2.0"
    assert (await rig.call(older("isGCACardPresent")))["Message"] is True
    signed = await rig.call(older("SignP11", {"data2BSigned": "challenge-2"}, digestAlg4Sign=0))
    assert signed["Pro"]["rv"] == 0
    assert rig.windows.asked == ["pin 3"]
    assert verified_content(signed["Message"], tmp_path) == b"challenge-2"
    exported = await rig.call(older("exportCertToHexP11", {"iCertType": 0}))
    assert exported["Message"] == signed["Pro"]["signerCert"]

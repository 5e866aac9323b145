"""The pack's registry files, and the doctor's eyes for them: in a registry that is not made up."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from devkit.shell import ROOT
from windows.build import windows_python
from windows.build.wine import CACHE, windows_path

from agent.host.browser_policy.pack import browser_pack
from agent.host.browser_policy.site_list import read_sites
from tests.installer.built.windows.machine import Machine, machine

pytestmark = pytest.mark.long
SITES = b"https://portal.example\nhttps://*.agency.example:8443\n"
OURS = ["https://portal.example:443", "https://[*.]agency.example:8443"]
OWN = "https://own.example"
KEY = r"HKLM\SOFTWARE\Policies\Google\Chrome\LoopbackNetworkAllowedForUrls"
DOMAINS = r"HKLM\SOFTWARE\Policies\Mozilla\Firefox\LocalNetworkAccess\SkipDomains"
LISTS = {
    "LocalNetworkAccessAllowedForUrls",
    "LoopbackNetworkAllowedForUrls",
    "PopupsAllowedForUrls",
}
SCRIPT = r"""
import json, sys
sys.path.insert(0, sys.argv[1])
from agent.doctor.browsers import judge
from agent.host.browser_policy.policy_places import machine_policies
from agent.host.tls.machine import Machine
found = list(machine_policies(Machine(environment={})))
print(json.dumps({
    "policies": {each.browser: each.policies for each in found},
    "codes": [each.code for each in judge(found)],
}))
"""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Machine]:
    """Switch on a Windows in which nothing of ours is installed, but a Python."""
    if not (windows_python.HERE / "python.exe").exists():
        pytest.skip("make installers ONLY=windows")
    with machine(CACHE / "tests" / tmp_path.name, "zh_TW") as made:
        yield made


def test_what_is_imported_is_read_and_taken_away_again(here: Machine, tmp_path: Path) -> None:
    for name, content in browser_pack(read_sites(SITES)).items():
        if name.endswith(".reg"):
            (tmp_path / name).write_bytes(content)
    script = tmp_path / "look.py"
    script.write_text(SCRIPT, "utf-8")

    def do(*words: str) -> None:
        status, printed = here.run("reg", *words)
        assert status == 0, printed

    def look() -> tuple[dict[str, dict[str, list[str]]], list[str]]:
        python = windows_python.HERE / "python.exe"
        status, printed = here.run(python, windows_path(script), windows_path(ROOT))
        assert status == 0, printed
        seen = json.loads(printed.strip().splitlines()[-1])
        return seen["policies"], seen["codes"]

    do("add", KEY, "/v", "1", "/d", OWN)
    for name in ("chrome", "edge"):
        do("import", windows_path(tmp_path / f"{name}.reg"))
    policies, codes = look()
    assert policies["Edge"] == dict.fromkeys(LISTS, OURS)
    assert policies["Chrome"] == {**policies["Edge"], "LoopbackNetworkAllowedForUrls": [OWN, *OURS]}
    assert codes == ["browser_ok"]
    for name in ("chrome", "edge"):
        do("import", windows_path(tmp_path / f"{name}-undo.reg"))
    do("add", DOMAINS, "/v", "1", "/d", "localhost")
    policies, codes = look()
    assert policies["Edge"] == {}
    assert policies["Chrome"] == {"LoopbackNetworkAllowedForUrls": [OWN]}
    assert codes == ["browser_opens", "browser_ok"]

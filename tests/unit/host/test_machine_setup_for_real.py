"""The whole command with this Debian's own tools, where nobody else on it can see what it does."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0, reason="an administrator's command"
    ),
    pytest.mark.skipif(
        None in map(shutil.which, ("unshare", "update-ca-certificates", "openssl")),
        reason="needs unshare, openssl and ca-certificates",
    ),
]
# Everything that it changes is a copy, which goes with the processes: their mounts are their own.
SCRIPT = """
set -e
mkdir "$1/etc" "$1/local"
cp -a /etc/. "$1/etc"
mount -t tmpfs -o mode=755 none /var/lib
mount --bind "$1/etc" /etc
mkdir -p "$1/local/ca-certificates"
mount --bind "$1/local" /usr/local/share
bundle=/etc/ssl/certs/ca-certificates.crt
update-ca-certificates --fresh > /dev/null 2>&1
cp $bundle "$1/before"
"$2" -m agent setup machine --json > "$1/made.json"
"$2" -m agent setup machine --json > "$1/again.json"
openssl verify -CAfile $bundle /var/lib/ankong/tls/leaf-0.pem > "$1/verified"
"$2" -m agent policy show --state-dir "$1/state" --json > "$1/policy.json"
if setpriv --reuid 65534 --clear-groups --inh-caps +dac_read_search \\
    --ambient-caps +dac_read_search "$2" -m agent setup machine --json > "$1/refused.json"
then exit 7; fi
"$2" -m agent setup machine --undo --json > "$1/undone.json"
cmp $bundle "$1/before"
find /etc /var/lib /usr/local/share/ca-certificates > "$1/left"
"""


def test_setup_machine_and_its_undoing(tmp_path: Path) -> None:
    command = ["unshare", "-m", "sh", "-c", SCRIPT, "sh", str(tmp_path), sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip("no mounts of its own here")
    assert done.returncode == 0, done.stderr

    def steps(name: str) -> list[str]:
        told: Any = json.loads((tmp_path / f"{name}.json").read_text())
        return [each["code"] for each in told["steps"]]

    assert steps("made")[0] == "machine_made"
    assert steps("again")[0] == "machine_kept"
    assert "Linux" in (tmp_path / "made.json").read_text()
    assert (tmp_path / "verified").read_text().strip().endswith("OK")
    page_pin = json.loads((tmp_path / "policy.json").read_text())["settings"]["page_pin"]
    assert (page_pin["value"], page_pin["source"]) == (False, "shared")
    assert steps("refused") == ["machine_no_administrator"]
    assert steps("undone") == ["machine_undone"]
    left = (tmp_path / "left").read_text().splitlines()
    assert len(left) > 100
    assert not [path for path in left if "ankong" in path.lower()]

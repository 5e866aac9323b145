"""The repository for apt and dnf: what they take from it, and what they refuse."""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import unittest.mock
from pathlib import Path

import pytest
from devkit.channel import packages
from devkit.channel.built import BuiltRelease, DeliveredFile
from devkit.shell import SetupError
from release.release_key import KEY, PASSPHRASE
from release.repository import main

from tests.installer.repository_judges import (
    NEEDED,
    ROOT,
    WHEN,
    Apt,
    Dnf,
    Zypper,
    moved,
    new_key,
    said,
    small_deb,
    small_rpm,
    table_of,
)

missing = [name for name in NEEDED if shutil.which(name) is None]
pytestmark = pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} needed: make setup")
LISTS = "dists/stable/main/binary-amd64"


class Work:
    """What was built, a key, and the program that makes repositories of it."""

    def __init__(self, folder: Path, shelf: Path) -> None:
        self.folder = folder
        self.key = new_key(folder / "release.key")
        self.out = folder / "served"
        self._shelf = shelf

    def build(self, version: str, text: str = "small") -> Path:
        """Build a version, or take it from the shelf; return its table."""
        folder = self._shelf / f"built-{version}-{text}"
        if not folder.exists():
            folder.mkdir()
            files = (small_deb(folder, version, text), small_rpm(folder, version, text))
            table_of(folder, *files)
        return folder / "artefacts.json"

    def run(self, *words: object, when: int = WHEN, **more: str) -> tuple[int, str]:
        """Run the program; return its status and what it says."""
        told = io.StringIO()
        variables = {"SOURCE_DATE_EPOCH": str(when), KEY: "", PASSPHRASE: "", **more}
        with (
            unittest.mock.patch.dict(os.environ, variables),
            contextlib.redirect_stdout(told),
            contextlib.redirect_stderr(told),
        ):
            try:
                status = main(list(map(str, words)))
            except SystemExit as end:
                status = int(end.code or 0)
        return status, told.getvalue()

    def make(self, *words: object, out: Path | None = None, when: int = WHEN) -> tuple[int, str]:
        """Make a repository with the key."""
        out = out or self.out
        place = ("--url", f"{out.as_uri()}/", "--out", out)
        return self.run("make", "--key", self.key, *place, *words, when=when)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where packages lie that no test changes."""
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture
def work(tmp_path: Path, shelf: Path) -> Work:
    return Work(tmp_path, shelf)


@pytest.fixture(scope="module")
def first(shelf: Path) -> Work:
    """Have a repository with one version, which no test changes, and its key."""
    folder = shelf / "first"
    folder.mkdir()
    made = Work(folder, shelf)
    # Valid until long after this machine's own date, which apt goes by.
    status, told = made.make("--table", made.build("1.0.0"), "--days", 36500)
    assert status == 0, told
    return made


@pytest.fixture
def served(work: Work, first: Work) -> Path:
    """Have a copy of that repository to change, and its key to go on with."""
    shutil.copytree(first.out, work.out)
    work.key = first.key
    return work.out


@pytest.fixture
def apt(served: Path, first: Work, tmp_path: Path) -> Apt:
    made = Apt(tmp_path / "apt")
    made.knows(moved((served / "ankong.sources").read_text(), first.out, served))
    return made


@pytest.fixture
def dnf(served: Path, first: Work, tmp_path: Path) -> Dnf:
    if shutil.which("dnf") is None or os.geteuid() != 0:
        pytest.skip("dnf needed, and root, as it installs into a folder")
    made = Dnf(tmp_path / "dnf")
    made.knows(moved((served / "ankong.repo").read_text(), first.out, served))
    return made


def flip_last_octet(path: Path) -> None:
    """Change a file, and neither its size nor its age."""
    facts, content = path.stat(), path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 0xFF]))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def content_of(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_every_signature_is_good_for_gnupg(served: Path, tmp_path: Path) -> None:
    lists = served / "dists/stable"
    pairs = (
        (lists / "InRelease",),
        (lists / "Release.gpg", lists / "Release"),
        (served / "rpm/x86_64/repodata/repomd.xml.asc", served / "rpm/x86_64/repodata/repomd.xml"),
        (served / "SHA256SUMS.gpg", served / "SHA256SUMS"),
    )
    for pair in pairs:
        done = said("gpgv", "--keyring", served / "ankong.gpg", *pair, folder=tmp_path)
        assert done.returncode == 0, done.stdout
    shown = said("gpg", "--show-keys", "--with-colons", served / "ankong.asc", folder=tmp_path)
    [fingerprint] = re.findall(r"^fpr:+([0-9A-F]{40}):", shown.stdout, re.MULTILINE)
    assert fingerprint in (served / "index.html").read_text()


def test_make_channels_has_every_signature_checked(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = work.build("1.0.0")
    files = {path.name: DeliveredFile(path, 1, "0" * 64) for path in table.parent.glob("*.*")}
    release = BuiltRelease("1.0.0", files, "https://example.org")
    out = work.folder / "repository"
    out.mkdir()
    monkeypatch.setattr(packages.venv, "PYTHON", Path(sys.executable))
    monkeypatch.setenv(KEY, work.key.read_text())
    assert packages.CHANNEL.render(release, out) == ""
    assert packages.CHANNEL.validate(release, out).proven
    whole = content_of(out)
    for name in ("dists/stable/InRelease", "dists/stable/Release", "SHA256SUMS"):
        (out / name).write_bytes(whole[name].replace(b"main", b"other", 1))
        with pytest.raises(SetupError, match=Path(name).name):
            packages.CHANNEL.validate(release, out)
        (out / name).write_bytes(whole[name])
    (out / "SHA256SUMS.gpg").unlink()
    with pytest.raises(SetupError, match="SHA256SUMS"):
        packages.CHANNEL.validate(release, out)
    shutil.rmtree(out)
    out.mkdir()
    monkeypatch.delenv(KEY)
    packages.CHANNEL.render(release, out)
    verdict = packages.CHANNEL.validate(release, out)
    assert not verdict.proven
    assert KEY in " ".join(verdict.unproven)
    assert "none was built" in packages.CHANNEL.render(BuiltRelease("1.0.0", {}, ""), out)


def test_apt_ftparchive_lists_the_same(served: Path, tmp_path: Path) -> None:
    command = ("apt-ftparchive", "-oAPT::FTPArchive::MD5=0", "-oAPT::FTPArchive::SHA1=0")
    command += ("-oAPT::FTPArchive::SHA512=0", "packages", "pool")
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    theirs = subprocess.run(
        command, cwd=served, env=env, capture_output=True, text=True, check=True
    )

    def fields(text: str) -> set[str]:
        return {line for line in text.splitlines() if line}

    assert fields((served / LISTS / "Packages").read_text()) == fields(theirs.stdout)


def test_apt_takes_it_with_the_key_in_the_sources_alone(apt: Apt) -> None:
    done = apt("update")
    assert done.returncode == 0, done.stdout
    assert "W:" not in done.stdout
    shown = apt("install", "--print-uris", "-y", "ankong")
    assert "pool/main/a/ankong/ankong_1.0.0_amd64.deb" in shown.stdout


def test_dnf_asks_for_the_key_installs_and_verifies(dnf: Dnf) -> None:
    done = dnf("install", "ankong")
    assert done.returncode == 0, done.stdout
    assert "Importing GPG key" in done.stdout
    root = dnf.folder / "root"
    assert (root / "usr/share/ankong/version").read_text() == "small\n"
    checked = said("rpm", "--root", root, "--verify", "ankong", folder=dnf.folder)
    assert (checked.returncode, checked.stdout) == (0, "")


def test_what_rpmsign_put_in_it_takes_out(work: Work, served: Path, tmp_path: Path) -> None:
    """Who distrusts the repository compares its package with the release's."""
    signed = served / "rpm/x86_64/ankong-1.0.0-1.x86_64.rpm"
    built = work.build("1.0.0").with_name(signed.name)
    assert signed.read_bytes() != built.read_bytes()
    bare = tmp_path / signed.name
    shutil.copyfile(signed, bare)
    done = said("rpmsign", "--delsign", bare, folder=tmp_path)
    assert done.returncode == 0, done.stdout
    kept = ("rpm", "-qp", "--qf", "%{SHA256HEADER} %{PAYLOADDIGEST}")
    assert said(*kept, bare, folder=tmp_path).stdout == said(*kept, built, folder=tmp_path).stdout


def test_the_same_key_and_date_give_the_same_bytes(first: Work, tmp_path: Path) -> None:
    again = tmp_path / "elsewhere" / "served"
    url = f"{first.out.as_uri()}/"
    words = ("--key", first.key, "--table", first.build("1.0.0"), "--url", url, "--out", again)
    status, told = first.run("make", *words, "--days", 36500)
    assert status == 0, told
    assert content_of(again) == content_of(first.out)


def test_each_processor_has_lists_of_its_own(work: Work) -> None:
    arm = small_deb(work.folder, "1.0.0", "arm", Architecture="arm64")
    amd = small_deb(work.folder / "amd", "1.0.0")
    debs = (arm.rename(work.folder / "ankong_1.0.0_arm64.deb"), amd.rename(work.folder / amd.name))
    status, told = work.make("--table", table_of(work.folder, *debs))
    assert status == 0, told
    for architecture in ("amd64", "arm64"):
        listed = (work.out / f"dists/stable/main/binary-{architecture}/Packages").read_text()
        assert re.findall(r"^Filename: .*_(\w+)\.deb$", listed, re.MULTILINE) == [architecture]
    assert "Architectures: amd64 arm64\n" in (work.out / "ankong.sources").read_text()


def test_a_changed_package_is_refused_by_apt(apt: Apt, served: Path) -> None:
    assert apt("update").returncode == 0
    [deb] = served.glob("pool/**/*.deb")
    flip_last_octet(deb)
    done = apt("install", "--download-only", "-y", "ankong")
    assert done.returncode != 0
    assert "Hash Sum mismatch" in done.stdout


def test_a_package_changed_before_the_lists_were_made_is_refused_by_dnf(
    dnf: Dnf, served: Path
) -> None:
    """Whoever can make lists anew has no key for the package itself."""
    folder = served / "rpm/x86_64"
    [rpm] = folder.glob("*.rpm")
    other = small_rpm(dnf.folder, "1.0.0", "other")
    rpm.write_bytes(other.read_bytes())
    subprocess.run(["createrepo_c", "--quiet", folder], check=True)
    definition = dnf.folder / "repos/ankong.repo"
    dnf.knows(definition.read_text().replace("repo_gpgcheck=1", "repo_gpgcheck=0"))
    done = dnf("install", "ankong")
    assert done.returncode != 0
    assert "not signed" in done.stdout
    assert not (dnf.folder / "root/usr/share/ankong").exists()


def test_changed_lists_are_refused_by_dnf(dnf: Dnf, served: Path) -> None:
    index = served / "rpm/x86_64/repodata/repomd.xml"
    index.write_text(index.read_text().replace("<revision>", "<revision>1"))
    done = dnf("install", "ankong")
    assert done.returncode != 0
    assert "GPG" in done.stdout


def test_a_package_that_dnf_finds_changed_is_not_installed(dnf: Dnf, served: Path) -> None:
    [rpm] = served.glob("rpm/x86_64/*.rpm")
    flip_last_octet(rpm)
    done = dnf("install", "ankong")
    assert done.returncode != 0
    assert "checksum" in done.stdout.lower()


@pytest.mark.parametrize("spoilt", ["", "package", "lists"])
def test_zypper_takes_what_is_whole_and_nothing_else(
    first: Work, served: Path, tmp_path: Path, spoilt: str
) -> None:
    if shutil.which("zypper") is None or os.geteuid() != 0:
        pytest.skip("zypper needed, and root, as it installs into a folder")
    definition = tmp_path / "ankong.repo"
    definition.write_text(moved((served / "ankong.repo").read_text(), first.out, served))
    zypper = Zypper(tmp_path / "zypper")
    assert zypper("addrepo", definition).returncode == 0
    [rpm] = served.glob("rpm/x86_64/*.rpm")
    if spoilt:
        flip_last_octet(rpm)
    if spoilt == "lists":
        subprocess.run(["createrepo_c", "--quiet", rpm.parent], check=True)
    done = zypper("install", "ankong")
    told = {
        "": "Automatically importing the following key",
        "package": "Digest verification failed",
        "lists": "Signature verification failed",
    }
    assert told[spoilt] in done.stdout, done.stdout
    assert (zypper.folder / "usr/share/ankong/version").exists() == (not spoilt)


@pytest.mark.parametrize("name", ["Packages", "Packages.gz", "Packages.xz"])
def test_truncated_lists_are_refused(apt: Apt, served: Path, name: str) -> None:
    for path in (served / LISTS).rglob("*"):
        if path.is_file() and (path.name.startswith("Packages") or path.parent.name == "SHA256"):
            if path.name != name and path.name.startswith("Packages"):
                path.unlink()
            else:
                path.write_bytes(path.read_bytes()[:-20])
    done = apt("update")
    assert done.returncode != 0
    assert "Unable to locate package" in apt("install", "-y", "ankong").stdout


def test_lists_that_have_expired_are_refused_until_they_are_signed_anew(
    work: Work, apt: Apt, served: Path
) -> None:
    table = work.build("1.0.0")
    assert work.make("--table", table, "--days", 1, when=WHEN - 30 * 86400)[0] == 0
    done = apt("update")
    assert done.returncode != 0
    assert "expired" in done.stdout
    anew = work.folder / "anew"
    words = ("--previous", served, "--out", anew, "--url", f"{served.as_uri()}/", "--days", 36500)
    status, told = work.run("make", "--key", work.key, *words)
    assert status == 0, told
    shutil.rmtree(served)
    anew.rename(served)
    done = apt("update")
    assert done.returncode == 0, done.stdout


def test_another_key_is_refused(work: Work, apt: Apt, dnf: Dnf, served: Path) -> None:
    keys = (served / "ankong.asc").read_bytes()
    work.key = new_key(work.folder / "stranger.key")
    table = work.build("1.0.0")
    assert work.make("--table", table, "--days", 36500)[0] == 0
    done = apt("update")
    assert done.returncode != 0
    assert "NO_PUBKEY" in done.stdout or "not signed" in done.stdout
    (served / "ankong.asc").write_bytes(keys)
    done = dnf("install", "ankong")
    assert done.returncode != 0
    assert not (dnf.folder / "root/usr/share/ankong").exists()


def test_while_one_key_follows_another_all_are_served(
    work: Work, apt: Apt, served: Path, tmp_path: Path
) -> None:
    old, new = work.key, new_key(work.folder / "next.key")
    table = work.build("1.0.0")
    assert work.make("--key", new, "--table", table, "--days", 36500, when=WHEN + 1)[0] == 0
    done = apt("update")  # who knows the old one alone
    assert done.returncode == 0, done.stdout
    later = Apt(tmp_path / "later")
    later.knows((served / "ankong.sources").read_text())  # who comes now
    assert later("update").returncode == 0
    work.key = new
    assert work.make("--table", table, "--days", 36500, when=WHEN + 2)[0] == 0
    assert later("update").returncode == 0
    assert apt("update").returncode != 0
    assert old != new


def test_while_one_key_follows_another_the_repository_grows_on(work: Work, served: Path) -> None:
    old, new, both = work.key, new_key(work.folder / "next.key"), work.folder / "both"
    words = ("--key", new, "--previous", served)
    status, told = work.make(*words, out=both, when=WHEN + 1)
    assert status == 0, told
    for key, expected in ((new, 0), (old, 0), (new_key(work.folder / "stranger.key"), 1)):
        work.key = key
        status, told = work.make("--previous", both, out=work.folder / "next", when=WHEN + 2)
        assert status == expected, told
    sums = both / "SHA256SUMS"
    sums.write_bytes(sums.read_bytes().replace(b"ankong.gpg", b"ankong.asc"))
    work.key = new
    status, told = work.make("--previous", both, out=work.folder / "last", when=WHEN + 3)
    assert (status, "BAD signature" in told) == (1, True), told


def test_what_a_key_had_signed_is_signed_anew_when_that_key_goes(
    work: Work, dnf: Dnf, served: Path
) -> None:
    new, both, last = new_key(work.folder / "next.key"), work.folder / "both", work.folder / "last"
    status, told = work.make("--key", new, "--previous", served, out=both, when=WHEN + 1)
    assert status == 0, told
    rpm = "rpm/x86_64/ankong-1.0.0-1.x86_64.rpm"
    assert (both / rpm).read_bytes() == (served / rpm).read_bytes()
    work.key = new
    status, told = work.make("--previous", both, out=last, when=WHEN + 2)
    assert status == 0, told
    dnf.knows((last / "ankong.repo").read_text())
    done = dnf("install", "ankong")
    assert done.returncode == 0, done.stdout


def test_while_one_key_follows_another_dnf_goes_on(work: Work, dnf: Dnf, served: Path) -> None:
    new, old_alone = new_key(work.folder / "next.key"), (served / "ankong.asc").read_bytes()
    table = work.build("1.0.0")
    assert work.make("--key", new, "--table", table, "--days", 36500, when=WHEN + 1)[0] == 0
    both = (served / "ankong.asc").read_bytes()
    (served / "ankong.asc").write_bytes(old_alone)
    done = dnf("install", "ankong")
    assert done.returncode == 0, done.stdout
    assert "Importing GPG key" in done.stdout
    # Who has both keys goes on when the old one signs nothing any more.
    (served / "ankong.asc").write_bytes(both)
    assert dnf("remove", "ankong").returncode == 0
    work.key = new
    assert work.make("--table", table, "--days", 36500, when=WHEN + 2)[0] == 0
    done = dnf("install", "ankong")
    assert done.returncode == 0, done.stdout


def test_a_newer_version_is_added_and_an_older_one_kept_out(
    work: Work, apt: Apt, served: Path
) -> None:
    newer = work.folder / "newer"
    table, older = work.build("1.10.0"), work.build("1.9.0")
    words = ("--previous", served, "--table", table, "--days", 36500)
    status, told = work.make(*words, out=newer, when=WHEN + 1)
    assert status == 0, told
    names = {path.name for path in newer.rglob("*.deb")}
    assert names == {"ankong_1.0.0_amd64.deb", "ankong_1.10.0_amd64.deb"}
    signed = "rpm/x86_64/ankong-1.0.0-1.x86_64.rpm"
    assert (newer / signed).read_bytes() == (served / signed).read_bytes()
    # Who read the Release of just before still finds its lists.
    kept = {path.name for path in (served / LISTS / "by-hash/SHA256").iterdir()}
    assert kept <= {path.name for path in (newer / LISTS / "by-hash/SHA256").iterdir()}
    before = content_of(newer)
    status, told = work.make("--previous", newer, "--table", older, out=newer, when=WHEN + 2)
    assert (status, "is older than" in told) == (1, True), told
    assert content_of(newer) == before
    apt.knows((newer / "ankong.sources").read_text())
    assert apt("update").returncode == 0
    assert "ankong_1.10.0" in apt("install", "--print-uris", "-y", "ankong").stdout


def test_lists_of_an_older_date_are_not_taken_back(work: Work, apt: Apt, served: Path) -> None:
    """Who serves yesterday's lists, well signed, keeps people from what they have already seen."""
    yesterday = work.folder / "yesterday"
    shutil.copytree(served, yesterday)
    today = work.folder / "today"
    words = ("--previous", served, "--table", work.build("1.1.0"), "--days", 36500)
    assert work.make(*words, out=today, when=WHEN + 60)[0] == 0
    for state in (today, yesterday):
        shutil.rmtree(served)
        shutil.copytree(state, served)
        apt("update")
    assert "ankong_1.1.0" in apt("install", "--print-uris", "-y", "ankong").stdout


def test_a_version_has_one_content(work: Work, served: Path) -> None:
    same = work.build("1.0.0")
    out = work.folder / "again"
    assert work.make("--previous", served, "--table", same, out=out, when=WHEN + 1)[0] == 0
    other = work.build("1.0.0", "other")
    status, told = work.make("--previous", served, "--table", other, out=out, when=WHEN + 2)
    assert (status, "another content" in told) == (1, True), told


@pytest.mark.parametrize("spoilt", ["package", "sums", "signature", "link"])
def test_an_earlier_repository_that_was_touched_is_not_built_upon(
    work: Work, served: Path, spoilt: str
) -> None:
    [deb] = served.glob("pool/**/*.deb")
    sums = served / "SHA256SUMS"
    if spoilt == "package":
        deb.write_bytes(deb.read_bytes() + b"\n")
    elif spoilt == "sums":
        sums.write_text(sums.read_text().replace("pool/", "../pool/"))
    elif spoilt == "signature":
        (served / "SHA256SUMS.gpg").write_bytes(b"")
    else:
        elsewhere = work.folder / "elsewhere.deb"
        deb.rename(elsewhere)
        deb.symlink_to(elsewhere)
    out = work.folder / "out"
    status, told = work.make("--previous", served, out=out, when=WHEN + 1)
    assert status == 1, told
    assert not out.exists()


def test_what_lies_beside_an_earlier_repository_gets_into_none(work: Work, served: Path) -> None:
    secret = work.folder / "secret"
    secret.write_bytes(b"of whoever releases")
    (served / LISTS / "Packages-other").symlink_to(secret)
    (served / "dists/stable/Packages").write_bytes(b"nobody signed this")
    out = work.folder / "out"
    status, told = work.make("--previous", served, out=out, when=WHEN + 1)
    assert status == 0, told
    content = content_of(out)
    assert not {secret.read_bytes(), b"nobody signed this"} & {*content.values()}
    named = [(served / LISTS / name).read_bytes() for name in ("Packages", "Packages.gz")]
    by_hash = [text for name, text in content.items() if name.startswith(f"{LISTS}/by-hash/")]
    assert {*named} <= {*by_hash}


@pytest.mark.parametrize(
    ("instead", "said_of_it"),
    [
        ({"name": "../ankong_1.0.0_amd64.deb"}, "no file's name"),
        ({"name": "a/ankong_1.0.0_amd64.deb"}, "no file's name"),
        ({"name": "ankong_9.0.0_amd64.deb"}, "is not there"),
        ({"sha256": "0" * 64}, "is not the file"),
        ({"size": 1}, "is not the file"),
        ({"size": "many"}, "not a table"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(
    work: Work, instead: dict[str, object], said_of_it: str
) -> None:
    deb = small_deb(work.folder, "1.0.0")
    status, told = work.make("--table", table_of(work.folder, deb, **instead))
    assert (status, said_of_it in told) == (1, True), told
    assert not work.out.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"Package": "other"},
        {"Version": "1.0.1"},
        {"Version": "1:1.0.0"},
        {"Architecture": "all"},
        {"Architecture": "i386"},
        {"Filename": "pool/other.deb"},
        {"sha256": "0" * 64},
    ],
)
def test_a_package_that_says_something_else_is_refused(work: Work, fields: dict[str, str]) -> None:
    deb = small_deb(work.folder, "1.0.0", "small", **fields)
    status, told = work.make("--table", table_of(work.folder, deb))
    assert status == 1, told
    assert not work.out.exists()


def test_a_folder_that_is_no_repository_is_left_alone(work: Work) -> None:
    work.out.mkdir()
    (work.out / "letter.txt").write_text("mine")
    status, told = work.make("--table", work.build("1.0.0"))
    assert (status, "no repository" in told) == (1, True), told
    assert content_of(work.out) == {"letter.txt": b"mine"}


def test_what_is_no_package_is_refused(work: Work) -> None:
    for name in ("ankong_1.0.0_amd64.deb", "ankong-1.0.0-1.x86_64.rpm"):
        path = work.folder / name
        path.write_bytes(os.urandom(2000))
        status, told = work.make("--table", table_of(work.folder, path))
        assert status == 1, told
        assert name in told


def test_without_a_key_there_is_none_and_unsigned_says_so(work: Work, tmp_path: Path) -> None:
    words = ("--table", work.build("1.0.0"), "--url", f"{work.out.as_uri()}/", "--out", work.out)
    status, told = work.run("make", *words)
    assert (status, "no key" in told) == (1, True), told
    assert not work.out.exists()
    status, told = work.run("make", "--unsigned", *words)
    assert (status, "NOT SIGNED" in told) == (0, True), told
    assert not [path for path in work.out.rglob("*") if path.suffix in {".gpg", ".asc"}]
    assert "Trusted: yes" in (work.out / "ankong.sources").read_text()
    apt = Apt(tmp_path / "apt")
    apt.knows((work.out / "ankong.sources").read_text())
    assert apt("update").returncode == 0


def test_the_key_may_come_by_the_environment_and_is_written_nowhere(work: Work) -> None:
    pem = work.key.read_text()
    words = ("--table", work.build("1.0.0"), "--url", f"{work.out.as_uri()}/", "--out", work.out)
    status, told = work.run("make", *words, ANKONG_RELEASE_KEY=pem)
    assert status == 0, told
    secret = pem.splitlines()[1].encode()
    assert not [name for name, content in content_of(work.out).items() if secret in content]
    assert secret.decode() not in told
    secured = subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-in", work.key, "-passout", "pass:open"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    before = content_of(work.out)
    phrase = {KEY: secured, PASSPHRASE: "open"}
    assert work.run("make", *words, **phrase)[0] == 0
    assert content_of(work.out) == before
    assert work.run("make", *words, **{**phrase, PASSPHRASE: "wrong"})[0] == 1
    status, told = work.run("make", *words, ANKONG_RELEASE_KEY="rubbish")
    assert (status, told.startswith("repository: ")) == (1, True), told


@pytest.mark.parametrize(
    "url", ["ftp://a/", "http://a/", "https://a", "https://a/ b/", "https://a/\nx: /", "x"]
)
def test_an_address_that_could_say_more_than_an_address_is_refused(work: Work, url: str) -> None:
    words = ("--table", work.folder / "artefacts.json", "--url", url, "--out", work.out)
    assert work.run("make", "--key", work.key, *words)[0] == 2


def test_the_page_says_the_same_in_both_languages() -> None:
    shapes = []
    for name in ("REPOSITORY.md", "REPOSITORY.zh-TW.md"):
        text = (ROOT / "installer/release" / name).read_text("utf-8")
        codes = re.findall(r"^```\n.*?^```", text, re.MULTILINE | re.DOTALL)
        heads = [line.partition(" ")[0] for line in text.splitlines() if line.startswith("#")]
        shapes.append((codes, heads, len(re.findall(r"^- ", text, re.MULTILINE))))
    assert shapes[0] == shapes[1]

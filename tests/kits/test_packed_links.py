"""No document in a package for sites has a link to what the package does not have."""

import re
import runpy
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from email import message_from_bytes
from pathlib import Path
from posixpath import dirname, normpath

import pytest

from tests.kits.built_kits import ROOT, built_kits

PACKED = runpy.run_path(str(ROOT / "installer" / "devkit" / "packed_links.py"))
mended: Callable[..., str] = PACKED["mended"]
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)]*)\)")
BOTH = {"README.md", "README.zh-TW.md"}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_kits(tmp_path_factory)


def contents(package: Path) -> dict[str, bytes]:
    """Return the files of a package below its own folder; of a wheel its long description alone."""
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as wheel:
            (name,) = (each for each in wheel.namelist() if each.endswith(".dist-info/METADATA"))
            text = message_from_bytes(wheel.read(name)).get_payload(decode=True)
        assert isinstance(text, bytes)
        return {"README.md": text}
    with tarfile.open(package) as archive:
        files = ((each.name, archive.extractfile(each)) for each in archive.getmembers())
        return {name.partition("/")[2]: file.read() for name, file in files if file is not None}


def links(document: str) -> Iterator[str]:
    for target in _LINK.findall(_FENCE.sub("", document)):
        if not re.match(r"[a-z]+:|#", target):
            yield target.partition("#")[0]


@pytest.mark.slow
def test_every_link_of_a_packed_document_leads_to_a_file_of_the_package(packages: Path) -> None:
    lost, followed = [], 0
    for package in sorted(packages.iterdir()):
        if package.name == "SHA256SUMS":
            continue
        found = contents(package)
        for name in (each for each in found if each.endswith(".md")):
            for target in links(found[name].decode()):
                followed += 1
                if normpath(f"{dirname(name)}/{target}".lstrip("/")) not in found:
                    lost.append(f"{package.name}: {name}: {target}")
        if package.suffix != ".whl":
            assert found.keys() >= BOTH
            assert "[正體中文](README.zh-TW.md)" in found["README.md"].decode()
    assert lost == []
    assert followed > 50


@pytest.mark.slow
def test_the_packages_bring_what_their_readmes_send_people_to(packages: Path) -> None:
    """Links are mended for what there is; that much there has to be."""
    for package in (*packages.glob("ankong-verify-*gz"), *packages.glob("ankong-[0-9]*.tgz")):
        wanted = {"errors.json"}
        if package.name.startswith("ankong-verify"):
            wanted = {"ADOPTING.md", "errors/en.md", "vectors/README.md"}
        for readme in BOTH:
            text = contents(package)[readme].decode()
            chinese = readme != "README.md" and "errors.json" not in wanted
            names = {_chinese(each) for each in wanted} if chinese else wanted
            assert set(links(text)) >= names, package.name


def _chinese(name: str) -> str:
    return {"errors/en.md": "errors/zh-Hant.md", "ADOPTING.md": "ADOPTING.zh-TW.md"}.get(name, name)


PLACES = {"kit/go/README.md": "README.md", "kit/errors/en.md": "errors/en.md", "a.md": "b/c.md"}


@pytest.mark.parametrize(
    ("text", "packed"),
    [
        ("see [the codes](../errors/en.md).", "see [the codes](errors/en.md)."),
        ("see [the codes](../errors/en.md#x).", "see [the codes](errors/en.md#x)."),
        ("see [`a`](../../a.md).", "see [`a`](b/c.md)."),
        ("see [more](../MORE.md), [that](#that).", "see more, [that](#that)."),
        ("[one](https://a.example/x) [two](../../..)", "[one](https://a.example/x) two"),
        ("```\na[0](x)\n```\n[b](x)", "```\na[0](x)\n```\nb"),
        ("# T\n\n[中文](x.md) · [b](y.md)\n\ntext", "# T\n\ntext"),
        ("# T\n\n[a](../errors/en.md) · [b](y.md)\n\nt", "# T\n\n[a](errors/en.md) · b\n\nt"),
    ],
)
def test_a_link_is_kept_where_it_leads_somewhere_and_else_its_text(text: str, packed: str) -> None:
    assert mended(text, "kit/go/README.md", PLACES) == packed


def test_the_catalogue_is_found_where_only_programs_have_it() -> None:
    places = {"kit/README.md": "docs/README.md", "kit/errors.json": "errors.json"}
    assert mended("[c](errors/vi.md)", "kit/README.md", places) == "[c](../errors.json)"
    assert mended("[c](errors/vi.md)", "kit/README.md", {}) == "c"

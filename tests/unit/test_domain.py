"""Where a registrable domain begins, and how a host is split there for the eye."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain import registrable_domain, split_display_host
from agent.origin import LOCAL_PROGRAM, Origin

SUFFIXES = (
    *("tw", "gov.tw", "com", "co.uk", "github.io", "ck", "www.ck", "kobe.jp", "city.kobe.jp"),
    *("xn--kpry57d", "xn--55qx5d.cn", "s3.amazonaws.com", "example", "com.", "1.2.3.4", "[::1]"),
)
LABELS = st.from_regex(r"[a-z0-9_](?:[a-z0-9_-]{0,20}[a-z0-9_])?", fullmatch=True)
HOSTS = st.builds(
    lambda labels, suffix: ".".join([*labels, suffix]),
    st.lists(LABELS, max_size=5),
    st.sampled_from(SUFFIXES) | LABELS,
)


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        # Vectors that https://publicsuffix.org/list/ publishes (test_psl.txt, CC0).
        ("com", None),
        ("example.com", "example.com"),
        ("b.example.com", "example.com"),
        ("a.b.example.com", "example.com"),
        (".example.com", None),
        ("biz", None),
        ("a.b.domain.biz", "domain.biz"),
        ("uk.com", None),
        ("a.b.example.uk.com", "example.uk.com"),
        ("test.ac", "test.ac"),
        ("ide.kyoto.jp", None),
        ("a.b.ide.kyoto.jp", "b.ide.kyoto.jp"),
        ("c.kobe.jp", None),
        ("a.b.c.kobe.jp", "b.c.kobe.jp"),
        ("www.city.kobe.jp", "city.kobe.jp"),
        ("test.ck", None),
        ("a.b.test.ck", "b.test.ck"),
        ("www.www.ck", "www.ck"),
        ("k12.ak.us", None),
        ("www.test.k12.ak.us", "test.k12.ak.us"),
        ("www.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"),
        ("xn--55qx5d.cn", None),
        ("www.xn--85x722f.xn--fiqs8s", "xn--85x722f.xn--fiqs8s"),
        # What citizens meet.
        ("www.gov.tw", "www.gov.tw"),
        ("moica.nat.gov.tw", "nat.gov.tw"),
        ("gov.tw", None),
        ("gov.tw.evil.example", "evil.example"),
        ("www.gov.tw.login.example.com", "example.com"),
        ("www.xn--kpry57d.tw", "xn--kpry57d.tw"),
        ("a.somebody.github.io", "somebody.github.io"),
        ("github.io", None),
        ("printer.intranet.unlisted", "intranet.unlisted"),
        # With the dot that ends a name in the DNS.
        ("www.example.com.", "example.com."),
        ("com.", None),
        # What is no name, and what nobody registers.
        ("localhost", None),
        ("127.0.0.1", None),
        ("[2001:db8::1.2.3.4]", None),
        ("a..example", None),
        ("example.com..", None),
        (".", None),
        ("", None),
    ],
)
def test_a_registrable_domain_is_found(host: str, domain: str | None) -> None:
    assert registrable_domain(host) == domain


@given(HOSTS)
def test_it_is_a_suffix_of_whole_labels_and_registrable_itself(host: str) -> None:
    domain = registrable_domain(host)
    if domain is not None:
        assert host == domain or host.endswith(f".{domain}")
        assert domain.removesuffix(".").count(".") >= 1
        assert registrable_domain(domain) == domain
        assert registrable_domain(f"www.gov.tw.{host}") == domain


@given(HOSTS | st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_what_is_shown_is_the_whole_host_split_between_labels(host: str) -> None:
    site = Origin("https", host)
    before, domain = split_display_host(site)
    assert before + domain == site.display_host
    assert not before or before.endswith(".")


@pytest.mark.parametrize(
    ("host", "split"),
    [
        ("gov.tw.evil.example", ("gov.tw.", "evil.example")),
        ("portal.example", ("", "portal.example")),
        ("gov.tw", ("", "gov.tw")),
        ("127.0.0.1", ("", "127.0.0.1")),
        ("localhost", ("", "localhost")),
        ("www.xn--kpry57d.tw", ("www.", "台灣.tw")),
        ("xn--kpry57d.portal.tw", ("台灣.", "portal.tw")),
        ("www.xn--80ak6aa92e.com", ("www.", "xn--80ak6aa92e.com")),
    ],
)
def test_a_host_is_split_as_it_is_shown(host: str, split: tuple[str, str]) -> None:
    assert split_display_host(Origin("https", host)) == split


def test_what_is_no_site_is_not_split() -> None:
    assert split_display_host(LOCAL_PROGRAM) == ("", LOCAL_PROGRAM.host)


def test_the_list_is_not_read_for_what_cannot_be_on_it() -> None:
    script = (
        "import sys\n"
        "from agent.domain import registrable_domain\n"
        "for host in ('localhost', '127.0.0.1', '[::1]', 'intranet.', ''):\n"
        "    registrable_domain(host)\n"
        "assert 'publicsuffixlist' not in sys.modules\n"
        "registrable_domain('www.example.com')\n"
        "assert 'publicsuffixlist' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-P", "-c", script], check=True, timeout=60)

"""Which origins a pattern means, and which look-alikes it does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import BadRequestError
from agent.host.settings.policy import Policy, Ruling
from agent.host.settings.policy_rules import SiteRules
from agent.origin import Origin, OriginPattern

BELOW = OriginPattern.parse("https://*.gov.tw")
EXACT = OriginPattern.parse("https://portal.example")
PORT = OriginPattern.parse("https://*.portal.example:8443")

LOOK_ALIKES = [
    # names that only end or begin alike
    "https://evilgov.tw",
    "https://evil-gov.tw",
    "https://gov.tw",
    "https://xgov.tw",
    "https://a.gov.tw.evil.example",
    "https://a.gov.twx",
    "https://a.gov.t",
    "https://a.gov-tw",
    "https://agov.tw",
    "https://gov.tw.example",
    "https://a.gov.tw.tw",
    "https://portal.example.evil.example",
    "https://evilportal.example",
    "https://portal.example-evil.example",
    "https://portal-example",
    "https://portalxexample",
    "https://www.portal.example",
    "https://portal.exampl",
    "https://portal.examplee",
    "https://xn--portal-.example",
    # other schemes
    "http://a.gov.tw",
    "http://portal.example",
    "ws://portal.example",
    "wss://a.gov.tw",
    "ftp://a.gov.tw",
    "file://a.gov.tw",
    "chrome-extension://portal.example",
    "local://portal.example",
    "HTTPS://a.gov.tw",
    "https//a.gov.tw",
    "https:a.gov.tw",
    "https:/a.gov.tw",
    "https:///a.gov.tw",
    "https://https://a.gov.tw",
    # ports
    "https://a.gov.tw:444",
    "https://a.gov.tw:8443",
    "https://a.gov.tw:443",
    "https://portal.example:443",
    "https://portal.example:0443",
    "https://portal.example:4430",
    "https://portal.example:0",
    "https://portal.example:65536",
    "https://portal.example:",
    "https://portal.example:80",
    "https://portal.example:٤٤٣",
    # users, paths, queries, fragments
    "https://a.gov.tw@evil.example",
    "https://a.gov.tw:pw@evil.example",
    "https://user@a.gov.tw",
    "https://evil.example/a.gov.tw",
    "https://evil.example/.gov.tw",
    "https://evil.example?a.gov.tw",
    "https://evil.example#.gov.tw",
    "https://evil.example\\.gov.tw",
    "https://a.gov.tw/",
    "https://portal.example/",
    "https://portal.example?",
    "https://portal.example#",
    # dots
    "https://a.gov.tw.",
    "https://portal.example.",
    "https://.gov.tw",
    "https://..gov.tw",
    "https://a..gov.tw",
    "https://a.gov..tw",
    # case, spaces, control characters
    "https://A.GOV.TW",
    "https://Portal.example",
    " https://a.gov.tw",
    "https://a.gov.tw ",
    "https://a.gov.tw\n",
    "https://a.gov.tw\x00",
    "https://a.gov.tw\x00.evil.example",
    "https://a.gov\t.tw",
    "https://a%2egov.tw",
    "https://portal%2eexample",
    # other alphabets: full-width, look-alike letters, other dots, punycode
    "https://a。gov。tw",
    "https://a.gov．tw",  # a full-width dot
    "https://a.gоv.tw",  # a Cyrillic о
    "https://a.ɡov.tw",
    "https://xn--a-gov-tw",
    "https://a.xn--gv-jmc.tw",
    "https://xn--gov-.tw",
    "https://pоrtal.example",  # likewise
    "https://xn--prtal-0ye.example",
    # wildcards, addresses, nothing
    "https://*.gov.tw",
    "https://*",
    "https://127.0.0.1",
    "https://[::1]",
    "null",
    "",
    "*",
    "https://",
]


def test_there_are_enough_look_alikes() -> None:
    assert len(set(LOOK_ALIKES)) >= 60


@pytest.mark.parametrize("origin", LOOK_ALIKES)
def test_a_look_alike_is_never_allowed(origin: str) -> None:
    try:
        asked = Origin.parse_any(origin)
    except BadRequestError:
        return  # it cannot even ask
    allowed = ("https://*.gov.tw", "https://portal.example")
    assert Policy(SiteRules(allowed=allowed)).decision(asked) is not Ruling.ALLOWED
    strict = Policy(SiteRules(allowed=allowed, other_sites="forbid"))
    assert strict.decision(asked) is Ruling.FORBIDDEN


@pytest.mark.parametrize(
    "origin", ["https://a.gov.tw", "https://a.b.gov.tw", "https://xn--55qx5d.gov.tw"]
)
def test_every_name_below_the_dot_is_meant(origin: str) -> None:
    assert BELOW.matches(Origin.parse(origin))


def test_a_port_belongs_to_the_pattern() -> None:
    assert PORT.matches(Origin.parse("https://a.portal.example:8443"))
    assert not PORT.matches(Origin.parse("https://a.portal.example"))
    assert not PORT.matches(Origin.parse("https://a.portal.example:8444"))


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "https://*",
        "https://*.",
        "https://*gov.tw",
        "https://a.*.tw",
        "https://a.*",
        "https://**.gov.tw",
        "https://*.*.gov.tw",
        "*.gov.tw",
        "gov.tw",
        "//*.gov.tw",
        "https://*.gov.tw/",
        "https://*.gov.tw:443",
        "https://*.gov.tw:*",
        "https://*.gov.tw:99999",
        "https://*.0.0.1",
        "http://*.1",
        "https://*.[::1]",
        "https://*.GOV.tw",
        "https://*.政府.tw",
        "https://*.gov.tw.",
        "*://a.gov.tw",
        "local://*",
        "local://",
        "",
    ],
)
def test_a_pattern_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        OriginPattern.parse(text)


labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
names = st.lists(labels, min_size=1, max_size=4).map(".".join)
ports = st.none() | st.integers(1, 65535).filter(lambda port: port not in (80, 443))


def written(scheme: str, host: str, port: int | None) -> str:
    return f"{scheme}://{host}" + ("" if port is None else f":{port}")


@given(st.sampled_from(["http", "https"]), names, ports, st.text(max_size=12))
def test_no_prefix_reaches_over_the_dot(
    scheme: str, domain: str, port: int | None, prefix: str
) -> None:
    """Whatever stands before the domain, it is meant only when a dot separates the two."""
    try:
        pattern = OriginPattern.parse(written(scheme, "*." + domain, port))
        origin = Origin.parse(written(scheme, prefix + domain, port))
    except (ValueError, BadRequestError):
        return
    assert pattern.matches(origin) == (prefix.endswith(".") and len(prefix) > 1)


@given(names, names, ports, ports, st.sampled_from(["http", "https"]))
def test_the_pattern_agrees_with_a_comparison_of_labels(
    domain: str, host: str, one: int | None, other: int | None, scheme: str
) -> None:
    try:
        pattern = OriginPattern.parse(written("https", "*." + domain, one))
    except ValueError:
        assert domain.rpartition(".")[2].isdecimal()
        return
    origin = Origin.parse(written(scheme, host, other))
    above, below = domain.split("."), host.split(".")
    meant = len(below) > len(above) and below[-len(above) :] == above
    assert pattern.matches(origin) == (meant and one == other and scheme == "https")


@given(names, names, ports)
def test_a_name_below_is_always_meant(below: str, domain: str, port: int | None) -> None:
    if domain.rpartition(".")[2].isdecimal():
        return
    pattern = OriginPattern.parse(written("https", "*." + domain, port))
    assert pattern.matches(Origin.parse(written("https", f"{below}.{domain}", port)))


origins = st.builds(
    written, st.sampled_from(["http", "https", "HTTP"]), names | st.just("[::1]"), ports
)


@given(origins | st.text() | st.from_regex(r"https?://[^/]{0,20}", fullmatch=True))
def test_every_site_can_be_spoken_about(origin: str) -> None:
    """What may ask at all can stand in a policy, and is written as it came."""
    try:
        asked = Origin.parse(origin)
    except BadRequestError:
        return
    assert str(asked) == origin
    assert OriginPattern.parse(origin).origin == asked
    assert Policy().decision(asked) is Ruling.SILENT


@given(names, ports, st.sampled_from(["http", "https"]))
def test_an_origin_means_itself_and_no_other(host: str, port: int | None, scheme: str) -> None:
    origin = Origin.parse(written(scheme, host, port))
    assert OriginPattern(origin).matches(origin)
    assert not EXACT.matches(origin) or written(scheme, host, port) == "https://portal.example"

"""The door: who may ask what, what other sites may read, and what our own pages must prove."""

import base64
import html
import http.client
import json
import socket
import time

import pytest
from aiohttp import web

from agent.consent.permissions import Permission
from agent.origin import LOCAL_PROGRAM, Origin
from agent.virtualcard.card import VirtualCard
from agent.web.front.limits import Limits
from agent.web.hipki import hipki_mount
from tests.web.hipki.rig import PIN, SITE, STRANGER, WRONG_PIN, Rig

PAGES = (
    "/popupForm",
    "/ChtPopupForm",
    "/CardManagement/CMCPopForm",
    "/PrintCard/ChtPopupFormPrintCard",
    "/eIDPM/ChtPopupFormEIDPM",
    "/selfTest.htm",
    "/addDomain?domain=service.example",
)
UNSUPPORTED = (
    "/umakeSig",
    "/writecert",
    "/makeCsr",
    "/getChallenge",
    "/CardManagement/sendCardCommand",
    "/PrintCard/sendCommand_PrintImageb64toPrinter",
    "/eIDPM/ListEID",
    "/eIDPM/ChangePinEID",
)
SIGN = json.dumps({"func": "MakeSignature", "tbs": "x", "pin": WRONG_PIN}).encode()
ACAO = "Access-Control-Allow-Origin"


def test_the_banner_names_a_version_that_scripts_find() -> None:
    with Rig() as rig:
        answer = rig.get("/")
        assert answer.body.startswith(b"version:1.3.5.103349\n")
        assert rig.get("/v1/ping").json["product"] == "ankong"  # what is not ours goes on


@pytest.mark.parametrize("path", PAGES)
def test_our_pages_keep_others_out_and_their_opener_in(path: str) -> None:
    with Rig(consent="ask") as rig:
        answer = rig.get(path)
        framed = rig.get(path, Sec_Fetch_Dest="iframe")
    assert answer.status == 200
    assert answer.headers["X-Frame-Options"] == "DENY"
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "Cross-Origin-Opener-Policy" not in answer.headers
    assert ACAO not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert not [word for word in (b"src=", b"href=", b"@import", b"url(") if word in answer.body]
    assert len(answer.body) < 40_000
    assert framed.status == 403


def test_each_popup_has_another_token() -> None:
    with Rig() as rig:
        assert len({rig.token() for _ in range(5)}) == 5


@pytest.mark.parametrize("path", UNSUPPORTED)
def test_card_management_is_not_done(card: VirtualCard, path: str) -> None:
    body = json.dumps({"func": "openCard", "pin": WRONG_PIN}).encode()
    with Rig(card) as rig:
        reply = rig.request("POST", path, body).json
    assert reply["ret_code"] == 0x7600000E
    assert reply["func"] in ("openCard", "umakeSig", "writeCert", "csr", "getChallenge")
    assert card.data.attempts_left == 3


def test_images_for_waiting_move() -> None:
    with Rig() as rig:
        answer = rig.get("/waiting.gif")
    assert answer.headers["Content-Type"] == "image/gif"
    assert answer.body[:6] == b"GIF89a"
    assert answer.body.count(b"\x21\xf9\x04") == 8


def test_the_sibling_s_paths_are_answered(card: VirtualCard) -> None:
    with Rig(card) as rig:
        body = b"tbsPackage=" + SIGN.replace(WRONG_PIN.encode(), PIN.encode())
        assert rig.request("POST", "/cht_api/sign", body).json["ret_code"] == 0
        found = rig.get("/cht_api/pkcs11info?withcert=true").json
        assert len(found["slots"][0]["token"]["certs"]) == 4


# Who asks.


def test_only_allowed_sites_can_read_answers(card: VirtualCard) -> None:
    with Rig(card, consent="ask") as rig:
        rig.allow(SITE)
        for method, path, body in (
            ("GET", "/pkcs11info", None),
            ("POST", "/pkcs11info?withcert=true", b""),
            ("POST", "/sign", b"{}"),
            ("POST", "/decrypt", b"{}"),
        ):
            allowed = rig.request(method, path, body, SITE)
            assert allowed.headers[ACAO] == SITE
            assert allowed.headers["Vary"] == "Origin"
            for stranger in (STRANGER, "null", "https://service.example.evil.test", None):
                assert ACAO not in rig.request(method, path, body, stranger).headers


@pytest.mark.parametrize("origin", [STRANGER, "null", "ftp://x", SITE + ":8443", None])
def test_who_was_not_allowed_cannot_sign(card: VirtualCard, origin: str | None) -> None:
    with Rig(card, consent="ask") as rig:
        rig.allow(SITE)
        answer = rig.request("POST", "/sign", SIGN, origin)
        assert (answer.status, answer.json["ret_code"]) == (200, 0x76000031)
        assert answer.json["func"] == "sign"
    assert card.data.attempts_left == 3


BLOCKED = "https://blocked.example"
BIG = b'tbsPackage={"func":"MakeSignature","tbs":"' + b"A" * 8_000_000 + b'","pin":"123456"}'


@pytest.mark.parametrize("path", ["/sign", "/decrypt", "/umakeSig", "/eIDPM/ListEID"])
@pytest.mark.parametrize("origin", [STRANGER, BLOCKED, "null", None])
def test_megabytes_are_read_of_allowed_sites_only(
    card: VirtualCard, path: str, origin: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []
    read_body = hipki_mount.read_body

    async def noting(request: web.BaseRequest, *limits: float) -> bytes:
        body = await read_body(request, *limits)  # type: ignore[arg-type]  # as it was called
        lengths.append(len(body))
        return body

    monkeypatch.setattr(hipki_mount, "read_body", noting)
    with Rig(card, consent="ask") as rig:
        rig.permissions.remember(Origin.parse_any(BLOCKED), Permission.BLOCKED)
        browser = {"Sec_Fetch_Site": "cross-site"} if origin is None else {}
        answer = rig.request("POST", path, BIG, origin, **browser)
        assert answer.json["ret_code"] == 0x76000031
        assert lengths == []
        assert rig.request("POST", "/pkcs11info", BIG, origin, **browser).status == 200
        assert lengths == []
        rig.allow(SITE)
        assert rig.request("POST", "/sign", BIG, SITE).json["ret_code"] == 0
        assert lengths == [len(BIG)]


def test_a_stranger_with_megabytes_is_read_once_the_citizen_said_yes(card: VirtualCard) -> None:
    with Rig(card, consent="allow") as rig:
        assert rig.request("POST", "/sign", BIG, STRANGER).json["ret_code"] == 0


def test_a_referer_counts_for_nothing(card: VirtualCard) -> None:
    with Rig(card, consent="ask") as rig:
        rig.allow(SITE)
        assert rig.request("POST", "/sign", SIGN, Referer=f"{SITE}/").json["ret_code"] == 0x76000031


def test_a_local_program_is_a_site_of_its_own(card: VirtualCard) -> None:
    with Rig(card, consent="ask") as rig:
        assert rig.sign()["ret_code"] == 0x76000031
        rig.permissions.remember(LOCAL_PROGRAM, Permission.ALLOWED)
        assert rig.sign()["ret_code"] == 0
        browser = rig.request("POST", "/sign", SIGN, Sec_Fetch_Site="cross-site")
        assert browser.json["ret_code"] == 0x76000031
        assert rig.sign(origin=str(LOCAL_PROGRAM))["ret_code"] == 0x76000031
    assert card.data.attempts_left == 3


def test_denied_means_denied(card: VirtualCard) -> None:
    with Rig(card, consent="deny") as rig:
        for origin in (SITE, None):
            assert rig.sign(origin=origin)["ret_code"] == 0x76000031
        with rig.popup(SITE, func="MakeSignature", tbs="x", pin=PIN) as popup:
            assert popup.reply()["ret_code"] == 0x76000031


def test_without_a_window_a_second_wrong_pin_is_not_sent(card: VirtualCard) -> None:
    with Rig(card, consent="ask") as rig:
        rig.allow(SITE)
        assert rig.sign(origin=SITE, pin=WRONG_PIN)["last_error"] == -2147483646
        assert rig.sign(origin=SITE, pin=WRONG_PIN)["ret_code"] == 0x76000999
    assert card.data.attempts_left == 2


def test_preflights_are_answered_for_allowed_sites_only() -> None:
    asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "x"}
    with Rig(consent="ask") as rig:
        rig.allow(SITE)
        private = {"Access_Control_Request_Private_Network": "true"}
        answer = rig.request("OPTIONS", "/sign", None, SITE, **asked, **private)
        assert (answer.status, answer.headers[ACAO]) == (204, SITE)
        assert answer.headers["Access-Control-Allow-Private-Network"] == "true"
        for origin in (STRANGER, "null", None):
            refused = rig.request("OPTIONS", "/sign", None, origin, **asked)
            assert refused.status == 403
            assert ACAO not in refused.headers
        asked["Access_Control_Request_Method"] = "GET"
        assert rig.request("OPTIONS", "/p11Image.bmp", None, STRANGER, **asked).status == 204


def test_everybody_may_read_the_image() -> None:
    with Rig(None, consent="ask") as rig:
        for origin, expected in ((STRANGER, STRANGER), ("null", "*"), (None, "*")):
            answer = rig.get("/p11Image.bmp?1", origin)
            assert (answer.status, answer.headers[ACAO]) == (200, expected)
            assert answer.headers["Content-Type"] == "image/bmp"
            assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize("host", ["evil.example", "0.0.0.0:{}", "localhost", "localhost:{}@x", ""])
def test_another_host_is_refused(card: VirtualCard, host: str) -> None:
    with Rig(card) as rig:
        connection = http.client.HTTPConnection("127.0.0.1", rig.port, timeout=10)
        connection.request("GET", "/popupForm", headers={"Host": host.format(rig.port)})
        assert connection.getresponse().status == 421
        connection.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_these_hosts_are_ours(host: str) -> None:
    with Rig() as rig:
        connection = http.client.HTTPConnection(host.strip("[]"), rig.port, timeout=10)
        connection.request("GET", "/popupForm", headers={"Host": f"{host}:{rig.port}"})
        response = connection.getresponse()
        assert response.status == 200
        assert response.getheader("Location") is None
        connection.close()


def test_other_methods_are_refused() -> None:
    with Rig() as rig:
        for method, path in (("GET", "/sign"), ("POST", "/popupForm"), ("DELETE", "/sign")):
            assert rig.request(method, path).status == 405


def test_a_hundred_megabytes_are_not_read(card: VirtualCard) -> None:
    with Rig(card) as rig, socket.create_connection(("127.0.0.1", rig.port), 10) as connection:
        head = f"POST /sign HTTP/1.1\r\nHost: localhost:{rig.port}\r\nContent-Length: 100000000\r\n"
        connection.sendall(f"{head}\r\n".encode())
        answer = connection.makefile("rb").read()
        assert b" 413 " in answer.splitlines()[0]
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["ret_code"] == 0x7600000A


def test_a_body_without_a_length_is_bounded_too(card: VirtualCard) -> None:
    def pieces() -> object:
        for _ in range(40):
            yield b"x" * 1_000_000

    with Rig(card) as rig:
        connection = http.client.HTTPConnection("127.0.0.1", rig.port, timeout=10)
        headers = {"Host": f"localhost:{rig.port}"}
        try:
            connection.request("POST", "/sign", pieces(), headers, encode_chunked=True)  # type: ignore[arg-type]  # an iterable of bytes
            assert connection.getresponse().status == 413
        except (BrokenPipeError, ConnectionResetError):
            pass  # it hung up in the middle: just as good
        finally:
            connection.close()
        assert rig.get("/").status == 200


def test_a_slow_body_ends() -> None:
    limits = Limits(body_seconds=0.2)
    with (
        Rig(limits=limits) as rig,
        socket.create_connection(("127.0.0.1", rig.port), 10) as connection,
    ):
        head = f"POST /sign HTTP/1.1\r\nHost: localhost:{rig.port}\r\nContent-Length: 9\r\n\r\nx"
        connection.sendall(head.encode())
        answer = connection.makefile("rb").read()
        assert b" 408 " in answer.splitlines()[0]
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["ret_code"] == 0x7600000D


def test_a_site_that_asks_too_often_is_slowed_down(card: VirtualCard) -> None:
    with Rig(card, limits=Limits(rate=0.001, burst=3)) as rig:
        codes = [rig.get("/pkcs11info", SITE).status for _ in range(5)]
        assert codes == [200, 200, 200, 429, 429]
        slowed = rig.get("/pkcs11info", SITE)
        assert slowed.headers[ACAO] == SITE
        assert (slowed.json["ret_code"], slowed.json["slots"]) == (0x7600000D, [])
        assert rig.sign(origin=SITE)["ret_code"] == 0x7600000D
        assert rig.get("/pkcs11info", STRANGER).status == 200


# Our own pages' requests.


def test_a_popup_s_token_is_good_once(card: VirtualCard) -> None:
    asked = {"site": SITE, "message": SIGN.decode()}
    with Rig(card) as rig:
        token = rig.token()
        assert rig.own_post("/popup/request", {"token": token, **asked}).status == 200
        assert rig.own_post("/popup/request", {"token": token, **asked}).status == 403
    assert card.data.attempts_left == 2


def test_a_page_that_nobody_can_trust_gets_a_reply_with_its_name(card: VirtualCard) -> None:
    with Rig(card) as rig:
        for site in ("null", "file://"):
            for asked, func in (("MakeSignature", "sign"), ("CheckEnvir", "pkcs11info")):
                with rig.popup(site, func=asked, tbs="x", pin=PIN) as popup:
                    reply = popup.reply()
                assert (reply["func"], reply["ret_code"]) == (func, 0x76000031)


@pytest.mark.parametrize("change", ["cut", "flip", "nothing", "longer", "other", "unicode"])
def test_a_token_that_is_not_ours_is_refused(card: VirtualCard, change: str) -> None:
    with Rig(card) as rig, Rig() as other:
        token = rig.token()
        raw = bytearray(base64.urlsafe_b64decode(token))
        raw[20] ^= 1
        changed = {
            "cut": token[:-4],
            "flip": base64.urlsafe_b64encode(bytes(raw)).decode(),
            "nothing": "",
            "longer": token + "AAAA",
            "other": other.token(),
            "unicode": "中文",
        }[change]
        asked = {"token": changed, "site": SITE, "message": SIGN.decode()}
        assert rig.own_post("/popup/request", asked).status == 403
    assert card.data.attempts_left == 3


def test_other_sites_cannot_speak_for_our_pages(card: VirtualCard) -> None:
    with Rig(card) as rig:
        body = json.dumps({"token": rig.token(), "site": SITE, "message": SIGN.decode()}).encode()
        kind = {"Content_Type": "application/json"}
        for origin in (SITE, "null", None, f"http://localhost:{rig.port + 1}"):
            assert rig.request("POST", "/popup/request", body, origin, **kind).status == 403
        site = rig.request(
            "POST", "/popup/request", body, rig.own, Sec_Fetch_Site="cross-site", **kind
        )
        assert site.status == 403
        text = rig.request("POST", "/popup/request", body, rig.own, Content_Type="text/plain")
        assert text.status == 415
    assert card.data.attempts_left == 3


def test_a_token_is_good_for_its_own_page_only(card: VirtualCard) -> None:
    with Rig(card, consent="ask") as rig:
        popup, domain = rig.token(), rig.token("/addDomain?domain=x.example")
        asked = {"site": SITE, "message": SIGN.decode()}
        assert rig.own_post("/popup/request", {"token": domain, **asked}).status == 403
        time.sleep(0.6)
        said = {"site": SITE, "answer": "always"}
        assert rig.own_post("/popup/domain", {"token": popup, **said}).status == 403
        assert rig.own_post("/popup/readers", {"token": popup}).status == 403
        assert rig.permissions.find(Origin.parse_any(SITE)) is None
        assert rig.own_post("/popup/domain", {"token": domain, **said}).json["ret_code"] == 0
        assert rig.permissions.find(Origin.parse_any(SITE)) is Permission.ALLOWED


def test_trust_is_not_a_matter_of_a_double_click() -> None:
    with Rig(consent="ask") as rig:
        token = rig.token("/addDomain?domain=service.example")
        asked = {"token": token, "site": SITE, "answer": "always"}
        assert rig.own_post("/popup/domain", asked).status == 409
        assert rig.permissions.find(Origin.parse_any(SITE)) is None


def test_the_port_that_was_refused_is_the_one_that_is_added() -> None:
    with Rig(consent="ask") as rig:
        odd = "https://service.example:8443"
        assert rig.sign()["ret_code"] == 0x76000031
        for first in (odd, "http://service.example", SITE):
            assert rig.sign(origin=first)["ret_code"] == 0x76000031
            page = html.unescape(rig.get("/addDomain?domain=service.example").body.decode())
            candidates = json.loads(
                page.partition('name="candidates" content="')[2].partition('">')[0]
            )
            assert candidates[0]["origin"] == first
            assert SITE in [each["origin"] for each in candidates]
        for other in ("other.example", "program"):
            page = html.unescape(rig.get(f"/addDomain?domain={other}").body.decode())
            assert not [each for each in (odd, str(LOCAL_PROGRAM)) if each in page]


def test_programs_are_trusted_on_the_page_without_a_domain() -> None:
    with Rig(consent="ask") as rig:
        token = rig.token("/addDomain")
        time.sleep(0.6)
        asked = {"token": token, "site": str(LOCAL_PROGRAM), "answer": "always"}
        assert rig.own_post("/popup/domain", asked).json["ret_code"] == 0
        assert rig.permissions.find(LOCAL_PROGRAM) is Permission.ALLOWED


@pytest.mark.parametrize(
    "body",
    [
        {"answer": "always"},
        {"token": 1, "answer": "always"},
        {"token": "x", "answer": "perhaps"},
        {"token": "x", "answer": "once", "more": 1},
        [],
    ],
    ids=range(5),
)
def test_what_our_pages_never_send_is_refused(body: object) -> None:
    with Rig() as rig:
        answer = rig.own_post("/popup/answer", body)  # type: ignore[arg-type]  # on purpose
        assert answer.status == 400

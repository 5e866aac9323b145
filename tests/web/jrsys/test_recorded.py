"""What is asked at this door shows in the recorder, and nothing of a person with it."""

import asyncio
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.web.front.limits import Limits
from agent.web.jrsys.names import NEWER, OLDER
from agent.web.recorder.recorder import CallRecorder
from tests.web.conftest import SITE, STRANGER
from tests.web.jrsys.conftest import RigFactory
from tests.web.jrsys.rig import PIN, WRONG_PIN, JrsysRig, newer, older, p11
from tests.web.recorder.test_recorded_doors import look_without_trust

MARK = "A123456789"
FIELDS = (
    *("Data2BSigned", "Data2BSignHex", "Digest2BSignHex", "HexDerCertValue", "HexString"),
    *("Base64String", "UnicodeString", "HexP7EnvelopedData", "HexCert", "HexSN", "HexCertSN"),
    *("CN", "OU", "IssuerName", "HexSerialNum", "LicenseName", "LicenseCode", "PfxPassword"),
    *("KeyUsage", "P11DriverName", "DigestAlg", "SKeyAlg", "IsSilent", "UseLastSetting"),
)
BLOCKS = ("ComPKCS11Para", "ComMSCapiPara", "ComUtilsPara", "Data", "Pro")


def text_of(recorder: CallRecorder) -> str:
    return "".join(recorder.export()) + json.dumps(recorder.calls(), ensure_ascii=False)


async def test_each_call_shows_with_its_outcome(start_rig: RigFactory, make_card: Any) -> None:
    recorder = CallRecorder(always=True)
    rig: JrsysRig = await start_rig(make_card("gen2"), recorder=recorder)
    await rig.call(newer("IsGCACardPresent"))
    await rig.call(p11("RsaSignedDataP11", DigestAlg=7, Data2BSigned=MARK, PIN=WRONG_PIN))
    await rig.call(older("hexToB64") | {"sendString": "zz"})
    await rig.call(newer("PayNow", "ComPKCS11Para", Amount=MARK))
    await rig.call(json.dumps(newer("GetComVersion"))[:-1])
    await rig.call("no JSON")
    calls = recorder.calls()
    assert [(each["method"], each["outcome"]) for each in calls] == [
        ("IsGCACardPresent", "ok"),
        ("RsaSignedDataP11", 160),
        ("hexToB64", 32),
        ("PayNow", 84),
        ("GetComVersion", 7),
        (None, 7),
    ]
    assert {(each["door"], each["transport"], each["origin"]) for each in calls} == {
        ("jrsys", "socket", SITE)
    }
    assert {each["port"] for each in calls} == {rig.agent.secure_port}
    shape = calls[1]["shape"]
    assert (shape["DigestAlg"], shape["Data2BSigned"], shape["PIN"]) == (7, "<text 10>", "<pin>")
    assert calls[3]["shape"]["Amount"] == "<text 10>"
    assert MARK not in text_of(recorder)


async def test_a_page_that_does_not_trust_us_is_counted(start_rig: RigFactory) -> None:
    recorder = CallRecorder(always=True)
    rig: JrsysRig = await start_rig(None, recorder=recorder)
    await asyncio.to_thread(look_without_trust, rig.agent.secure_port)
    await rig.agent.until(recorder.never_calls)
    (missed,) = recorder.never_calls()
    assert (missed["port"], missed["outcome"]) == (rig.agent.secure_port, "tls_untrusted")


async def test_nothing_of_a_person_is_kept_whatever_is_called(
    start_rig: RigFactory, make_card: Any
) -> None:
    recorder = CallRecorder(always=True)
    generous = Limits(rate=1000.0, burst=1000, stranger_rate=1000.0, stranger_burst=1000)
    rig: JrsysRig = await start_rig(make_card("gen2"), recorder=recorder, limits=generous)
    secrets = (MARK, PIN, rig.card.data.serial)

    @settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        method=st.sampled_from(sorted(NEWER | OLDER)),
        block=st.sampled_from(BLOCKS),
        fields=st.dictionaries(
            st.sampled_from(FIELDS),
            st.one_of(
                st.just(MARK),
                st.just(int(MARK[1:])),
                st.builds("{0}{1}".format, st.text(max_size=4), st.just(MARK)),
                st.lists(st.just(MARK), max_size=2),
                st.dictionaries(st.just(MARK), st.just(MARK), max_size=2),
            ),
        ),
    )
    def examine(method: str, block: str, fields: dict[str, Any]) -> None:
        sent = {"MethodSelect": method, block: fields, "Authenticode": MARK, "LicenseXml": MARK}
        requests.append(json.dumps(sent))

    requests: list[str] = []
    await asyncio.to_thread(examine)
    for request in requests:
        async with rig.socket(STRANGER if len(request) % 2 else SITE) as socket:
            await socket.send_str(request)
            await socket.receive(20)
    text = text_of(recorder)
    assert [each for each in secrets if each in text] == []
    assert len(recorder.calls()) > len(BLOCKS)

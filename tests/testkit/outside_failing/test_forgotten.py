import http.client
import json
import ssl

SIGN = {"data": "aGVsbG8=", "hash": "SHA-256", "format": "cms"}


def test_a_window_was_forgotten(ankong_agent, ankong_reader):
    """Pass, but for the window that no rule answers."""
    unverified = ssl._create_unverified_context()  # noqa: S323  # the test is about its end
    for method, params in (("connect", {}), ("sign", SIGN)):
        connection = http.client.HTTPSConnection("localhost", ankong_agent.port, context=unverified)
        headers = {"Origin": "https://portal.example", "Content-Type": "application/json"}
        connection.request("POST", f"/v1/{method}", json.dumps({"params": params}), headers)
        connection.getresponse().read()
        connection.close()


def test_the_next_one_begins_anew(ankong_agent):
    assert ankong_agent.questions == []
    assert ankong_agent.readers[0].serial is None

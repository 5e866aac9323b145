"""What is fetched for documents: from the address that was set, once, and never more than fits."""

from datetime import UTC, datetime, timedelta

import pytest

from agent.documents.authority_http import AuthorityError, get_list, post_query
from agent.documents.evidence_lists import KEPT, MISSING, EvidenceLists
from tests.documents.time_authorities import TYPE, lists, served, time_root


def honest(_: bytes) -> tuple[int, str, bytes]:
    return 200, TYPE, b"answer"


@pytest.mark.parametrize(
    "url",
    [
        *("http://time.example/", "ftp://localhost/", "file:///etc/passwd", "", "https://"),
        *("http://localhost.evil.example/", "https://me:secret@time.example/", "https://a/#b"),
    ],
)
async def test_an_address_that_could_be_listened_to_is_not_asked(url: str) -> None:
    with pytest.raises(AuthorityError):
        await post_query(url, b"question", 100)
    with pytest.raises(AuthorityError):
        await get_list(url, 100)


async def test_an_answer_is_as_long_as_it_may_be() -> None:
    with served(honest) as server:
        assert await post_query(server.url, b"question", 6) == b"answer"
        with pytest.raises(AuthorityError, match="longer than 5 bytes"):
            await post_query(server.url, b"question", 5)
        server.files["/list"] = bytes(7)
        assert await get_list(f"{server.url}list", 7) == bytes(7)
        with pytest.raises(AuthorityError, match="longer than 6 bytes"):
            await get_list(f"{server.url}list", 6)
        with pytest.raises(AuthorityError, match="answered 404"):
            await get_list(f"{server.url}none", 6)


async def test_lists_are_fetched_once_and_again_when_they_are_old() -> None:
    moment = datetime.now(UTC)
    with served(honest) as server:
        server.files["/good.crl"] = lists(time_root())[0]
        server.files["/bad.crl"] = b"<html>"
        urls = [f"{server.url}{name}.crl" for name in ("good", "bad", "none")]
        known = EvidenceLists(urls, clock=lambda: moment)
        first = await known.current()
        assert [each.der for each in first.crls] == [server.files["/good.crl"]]
        server.files["/good.crl"] = lists(time_root(), revoked=[7])[0]
        server.files["/none.crl"] = lists(time_root(), revoked=[8])[0]
        assert (await known.current()).crls == first.crls
        moment += MISSING
        assert (await known.current()).crls[1].der == server.files["/none.crl"]
        del server.files["/none.crl"]
        moment += KEPT + timedelta(seconds=1)
        assert (await known.current()).crls[0].der == server.files["/good.crl"]
        del server.files["/good.crl"]
        known.forget()
        assert (await known.current()).crls == ()

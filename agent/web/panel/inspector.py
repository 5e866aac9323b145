"""The panel's view of what pages asked for: switch it on and off, look, export, clear."""

from collections.abc import Callable
from typing import Any

from aiohttp import hdrs, web

from agent.web.front.mount import Routes
from agent.web.panel import messages
from agent.web.panel.door import asked_for, json_answer, posted
from agent.web.recorder.as_test import as_test
from agent.web.recorder.recorder import CallRecorder, browser_of


class Inspector:
    """The calls of one view of the panel; no page of others gets in there."""

    def __init__(self, recorder: CallRecorder, switched: Callable[[], None]) -> None:
        """Look at a recorder.

        Args:
            recorder: the one that all doors tell.
            switched: told after it was switched on or off.

        """
        self._recorder = recorder
        self._switched = switched

    def state(self) -> dict[str, Any]:
        """Return whether it records, and until when: all pages of the panel show it."""
        until = self._recorder.until
        return {
            "on": self._recorder.is_on,
            "until": None if until is None else until.isoformat(timespec="seconds"),
        }

    def calls(self) -> Routes:
        """Return what the view may ask for."""
        return {
            "record": {
                "GET": asked_for(self._get),
                "POST": posted(messages.SwitchRecorder, self._post),
            },
            "record/export": {"GET": asked_for(self._get_export)},
            "record/test": {"GET": asked_for(self._get_test)},
        }

    async def _get(self, request: web.BaseRequest) -> web.StreamResponse:
        del request
        return self._answer()

    async def _post(
        self, request: web.BaseRequest, wanted: messages.SwitchRecorder
    ) -> web.StreamResponse:
        del request
        match wanted.action:
            case "start":
                self._recorder.start()
            case "stop":
                self._recorder.stop()
            case "clear":
                self._recorder.clear()
        self._switched()
        return self._answer()

    def _answer(self) -> web.Response:
        recorder = self._recorder
        found = {
            "calls": recorder.calls(),
            "missed": recorder.never_calls(),
            "dropped": recorder.ring.dropped,
        }
        return json_answer(messages.write({**self.state(), **found}))

    async def _get_export(self, request: web.BaseRequest) -> web.StreamResponse:
        browser = browser_of(request.headers.get(hdrs.USER_AGENT, ""))
        lines = self._recorder.export(request.query.get("origin"), browser)
        return web.Response(text="".join(lines), content_type="application/x-ndjson")

    async def _get_test(self, request: web.BaseRequest) -> web.StreamResponse:
        source = as_test(self._recorder.ring, request.query.get("origin", ""))
        return web.Response(text=source, content_type="text/plain")

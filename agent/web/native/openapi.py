"""The description of the native API, made from the message types; run as a module.

Two documents are committed and served: ``openapi.json`` (OpenAPI 3.1) for HTTP, and
``messages.schema.json`` (JSON Schema 2020-12) for the WebSocket. A test compares them with the
types.
"""

import inspect
import json
import re
from pathlib import Path
from typing import Any, Final

import msgspec

from agent import __version__
from agent.size_limits import MAX_DATA, MAX_MESSAGE
from agent.web.front.audience import Audience
from agent.web.front.refusal import Refusal
from agent.web.native import messages
from agent.web.native.pin_text import schema_custom

FOLDER: Final = Path(__file__).parent
OPENAPI_FILE: Final = FOLDER / "openapi.json"
SCHEMA_FILE: Final = FOLDER / "messages.schema.json"

_RESULTS: Final[dict[type[messages.Request], type]] = {
    messages.StatusRequest: messages.StatusResult,
    messages.ConnectRequest: messages.ConnectResult,
    messages.ReadersRequest: messages.ReadersResult,
    messages.CertificatesRequest: messages.CertificatesResult,
    messages.SignRequest: messages.SignResult,
    messages.SignBatchRequest: messages.SignBatchResult,
    messages.AuthenticateRequest: messages.AuthenticateResult,
    messages.DecryptRequest: messages.DecryptResult,
    messages.CancelRequest: messages.CancelResult,
}
_ERRORS: Final = {
    "400": "the request breaks the schema",
    "403": "the site is not allowed, or a header is not what a page sends",
    "408": "the body did not arrive in time",
    "409": "the state of reader, card or PIN does not permit it",
    "413": f"longer than {MAX_MESSAGE} bytes, or a document than {MAX_DATA}",
    "415": "not application/json",
    "421": "the Host header names another server",
    "429": "too many requests from this site",
    "500": "something went wrong in the agent",
    "503": "the smart-card service is not running",
    "504": "the card or the user took too long",
}
_SCHEMA_REF: Final = "#/components/schemas/"


def _components(prefix: str) -> dict[str, Any]:
    """Return the schema of every message by its name; references start with ``prefix``."""
    types = [*_RESULTS, *_RESULTS.values(), Refusal]
    types += [messages.ReaderEvent, messages.ServiceEvent, messages.Ping]
    _, components = msgspec.json.schema_components(
        types, schema_hook=schema_custom, ref_template=f"{prefix}{{name}}"
    )
    for schema in components.values():
        if "description" in schema:
            schema["description"] = _plain(schema["description"])
    return components


def _plain(docstring: str) -> str:
    """Turn a docstring into Markdown: one paragraph, code in single back-ticks."""
    return re.sub(r"``|:class:", "`", inspect.cleandoc(docstring)).replace("``", "`")


def _json(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _ref(kind: type) -> dict[str, str]:
    return {"$ref": f"{_SCHEMA_REF}{kind.__name__}"}


def _success(result: dict[str, str]) -> dict[str, Any]:
    identifier = {"description": "as in the request; absent without one"}
    return {
        "type": "object",
        "properties": {"id": identifier, "result": result},
        "required": ["result"],
    }


def _refusals() -> dict[str, Any]:
    return {status: _json(_ref(Refusal), text) for status, text in _ERRORS.items()}


def _operation(kind: type[messages.Request]) -> dict[str, Any]:
    method = str(kind.__struct_config__.tag)
    who = "Only for a site that is allowed."
    if kind.audience is not Audience.ALLOWED_SITE:
        who = "Any site may call it."
    return {
        "operationId": method,
        "summary": _plain(kind.__doc__ or ""),
        "description": f"{who} Needs an Origin header, as every browser sends it.",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _body(kind)}},
        },
        "responses": {"200": _json(_success(_ref(_RESULTS[kind])), "done"), **_refusals()},
    }


def _body(kind: type[messages.Request]) -> dict[str, Any]:
    """Return the request's schema without the need for ``method``: the path says it."""
    required = [field.encode_name for field in msgspec.structs.fields(kind) if field.required]
    properties: dict[str, Any] = {
        field.encode_name: {"$ref": f"{_SCHEMA_REF}{kind.__name__}/properties/{field.encode_name}"}
        for field in msgspec.structs.fields(kind)
    }
    properties["method"] = {"const": kind.__struct_config__.tag}
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    schema["additionalProperties"] = False
    return schema


def openapi() -> dict[str, Any]:
    """Describe the HTTP side, OpenAPI 3.1."""
    paths: dict[str, Any] = {
        f"/v1/{kind.__struct_config__.tag}": {"post": _operation(kind)}
        for kind in messages.HTTP_REQUESTS
    }
    paths["/v1/status"]["get"] = {
        "operationId": "get_status",
        "summary": "Tell whether the agent is there, and whether this site may go on.",
        "responses": {"200": _json(_ref(messages.StatusResult), "running"), **_refusals()},
    }
    paths["/v1/socket"] = {
        "get": {
            "operationId": "socket",
            "summary": "Open a WebSocket with the subprotocol ankong.v1.",
            "description": "Its messages are described by /v1/messages.schema.json.",
            "responses": {"101": {"description": "open"}, **_refusals()},
        }
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ankong native API",
            "summary": "Sign with a smart card from a web page.",
            "version": __version__,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": f"https://localhost:{port}"} for port in (28443, 28444, 28445)],
        "paths": paths,
        "components": {"schemas": _components(_SCHEMA_REF)},
    }


def message_schema() -> dict[str, Any]:
    """Describe the WebSocket's messages, JSON Schema 2020-12."""
    components = _components("#/$defs/")

    def ref(kind: type) -> dict[str, str]:
        return {"$ref": f"#/$defs/{kind.__name__}"}

    answers = [_success(ref(result)) for result in _RESULTS.values()]
    events = [ref(messages.ReaderEvent), ref(messages.ServiceEvent)]
    requests = [{"allOf": [ref(kind)], "required": ["id"]} for kind in _RESULTS]
    components["FromPage"] = {"oneOf": requests, "description": "What a page sends."}
    components["FromAgent"] = {
        "anyOf": [*answers, ref(Refusal), *events],
        "description": "What the agent sends.",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Ankong native API {__version__}, WebSocket subprotocol ankong.v1",
        "anyOf": [{"$ref": "#/$defs/FromPage"}, {"$ref": "#/$defs/FromAgent"}],
        "$defs": components,
    }


def render(document: dict[str, Any]) -> str:
    """Write a document the one way that is committed."""
    return json.dumps(document, ensure_ascii=True, indent=2) + "\n"


def main() -> None:
    """Write both files anew."""
    # another way: a developer writes files of the source tree
    OPENAPI_FILE.write_text(render(openapi()), encoding="ascii")
    SCHEMA_FILE.write_text(render(message_schema()), encoding="ascii")  # another way: likewise


if __name__ == "__main__":
    main()

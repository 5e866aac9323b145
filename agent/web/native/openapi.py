"""The description of the native API, made from the message types; run as a module.

Two documents are committed and served: ``openapi.json`` (OpenAPI 3.1) for HTTP, and
``messages.schema.json`` (JSON Schema 2020-12) for the WebSocket. A test compares them with the
types.
"""

import inspect
import json
import re
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec

from agent import __version__
from agent.size_limits import MAX_DATA, MAX_MESSAGE, MAX_PAGE_PDF
from agent.web.front.audience import Audience
from agent.web.front.refusal import Refusal
from agent.web.native import document_calls, messages, pdf_messages
from agent.web.native.pin_text import schema_custom

FOLDER: Final = Path(__file__).parent
OPENAPI_FILE: Final = FOLDER / "openapi.json"
SCHEMA_FILE: Final = FOLDER / "messages.schema.json"

_RESULTS: Final[dict[type[messages.Request], tuple[type, ...]]] = {
    messages.StatusRequest: (messages.StatusResult,),
    messages.ConnectRequest: (messages.ConnectResult,),
    messages.ReadersRequest: (messages.ReadersResult,),
    messages.CertificatesRequest: (messages.CertificatesResult,),
    messages.SignRequest: (messages.SignResult, pdf_messages.SignPdfResult),
    messages.SignBatchRequest: (messages.SignBatchResult, pdf_messages.SignDocumentsResult),
    messages.AuthenticateRequest: (messages.AuthenticateResult,),
    messages.DecryptRequest: (messages.DecryptResult,),
    messages.CancelRequest: (messages.CancelResult,),
}
_ERRORS: Final = {
    "400": "the request breaks the schema",
    "403": "the site is not allowed, or a header is not what a page sends",
    "408": "the body did not arrive in time",
    "409": "the state of reader, card or PIN does not permit it",
    "413": f"longer than {MAX_MESSAGE} bytes, or a document than {MAX_DATA}",
    "415": "not application/json, or of a document not application/pdf",
    "421": "the Host header names another server",
    "429": "too many requests from this site",
    "500": "something went wrong in the agent",
    "503": "the smart-card service is not running",
    "504": "the card or the user took too long",
}
_DOCUMENT_RESULTS: Final = (pdf_messages.DocumentResult, pdf_messages.RemovedDocumentResult)
_SCHEMA_REF: Final = "#/components/schemas/"


def _components(prefix: str) -> dict[str, Any]:
    """Return the schema of every message by its name; references start with ``prefix``."""
    types = [*_RESULTS, *chain.from_iterable(_RESULTS.values()), Refusal]
    types += [messages.ReaderEvent, messages.ServiceEvent, messages.Ping]
    types += [pdf_messages.ProgressEvent, *_DOCUMENT_RESULTS]
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


def _any_of(kinds: Sequence[type], ref: Callable[[type], dict[str, str]]) -> dict[str, Any]:
    refs = [ref(each) for each in kinds]
    return refs[0] if len(refs) == 1 else {"anyOf": refs}


def _success(result: dict[str, Any]) -> dict[str, Any]:
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
        "responses": {"200": _json(_success(_any_of(_RESULTS[kind], _ref)), "done"), **_refusals()},
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


def _document_paths() -> dict[str, Any]:
    """Describe what is no call with a message: PDFs that are handed over, fetched, put away."""
    pdf = {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}
    who = "Only for a site that is allowed. Needs an Origin header, as every browser sends it."
    name = {
        "name": "document",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    }

    def operation(
        identifier: str, summary: str, done: dict[str, Any], *parameters: dict[str, Any]
    ) -> dict[str, Any]:
        return {
            "operationId": identifier,
            "summary": summary,
            "description": who,
            "parameters": list(parameters),
            "responses": {"200": done, **_refusals()},
        }

    def told(kind: type) -> dict[str, Any]:
        return _json(_success(_ref(kind)), "done")

    take, put_away = map(told, _DOCUMENT_RESULTS)
    hand = operation(
        "hand_document_over",
        f"Hand a PDF of at most {MAX_PAGE_PDF} bytes over; a site has one.",
        take,
    )
    fetched = {"description": "the signed PDF", "content": pdf}
    return {
        document_calls.PATH: {"post": {**hand, "requestBody": {"required": True, "content": pdf}}},
        f"{document_calls.PATH}/{{document}}": {
            "get": operation("fetch_document", "Fetch the signed PDF.", fetched, name),
            "delete": operation("put_document_away", "Put a PDF away.", put_away, name),
        },
    }


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
    paths |= _document_paths()
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

    answers = [_success(_any_of(results, ref)) for results in _RESULTS.values()]
    kinds = (messages.ReaderEvent, messages.ServiceEvent, pdf_messages.ProgressEvent)
    events = [ref(kind) for kind in kinds]
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

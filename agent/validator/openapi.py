"""The description of the service (OpenAPI 3.1), made from the message types; run as a module.

``openapi.json`` beside this file is committed, and compared with the types by a test; a running
service makes its own.
"""

import inspect
import json
import re
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.validator import messages
from agent.validator.codes import STATUS, ServiceCode, catalogue
from agent.validator.version import VERSION

OPENAPI_FILE: Final = Path(__file__).with_name("openapi.json")
_REF: Final = "#/components/schemas/"
_ANSWERS: Final[dict[str, tuple[type, type]]] = {
    "login/verify": (messages.VerifyLogin, messages.AcceptedLogin),
    "document/verify": (messages.VerifyDocument, messages.AcceptedDocument),
    "certificate/verify": (messages.VerifyCertificate, messages.AcceptedCertificate),
    "identity/check": (messages.CheckIdentity, messages.AcceptedIdentity),
}


def openapi() -> dict[str, Any]:
    """Describe all requests and answers."""
    types = [kind for pair in _ANSWERS.values() for kind in pair]
    types += [
        messages.RefusedAnswer,
        messages.RefusedIdentity,
        messages.RejectionAnswer,
        messages.ReadyAnswer,
    ]
    _, components = msgspec.json.schema_components(types, ref_template=f"{_REF}{{name}}")
    for schema in components.values():
        if "description" in schema:
            schema["description"] = _plain(schema["description"])
    paths: dict[str, Any] = {
        f"/v1/{path}": {"post": _operation(path, *pair)} for path, pair in _ANSWERS.items()
    }
    paths |= {path: {"get": operation} for path, operation in _open_paths().items()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ankong validation service",
            "summary": "Verify what a citizen's card has signed, a login above all.",
            "version": VERSION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "http://127.0.0.1:28460"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(path: str, request: type, accepted: type) -> dict[str, Any]:
    is_identity = accepted is messages.AcceptedIdentity
    refused = messages.RefusedIdentity if is_identity else messages.RefusedAnswer
    verdict = {"oneOf": [_ref(accepted), _ref(refused)]}
    return {
        "operationId": path.replace("/", "_"),
        "summary": _plain(request.__doc__ or ""),
        "security": [{"key": []}, {}],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _ref(request)}},
        },
        "responses": {"200": _json(verdict, "judged: accepted or refused"), **_rejections()},
    }


def _rejections() -> dict[str, Any]:
    meanings: dict[int, list[str]] = {}
    for code in ServiceCode:
        told = f"{code}: {catalogue()[code.value]['meaning']}"
        meanings.setdefault(STATUS[code], []).append(told)
    body = _ref(messages.RejectionAnswer)
    return {str(status): _json(body, " ".join(told)) for status, told in meanings.items()}


def _open_paths() -> dict[str, Any]:
    ready = _ref(messages.ReadyAnswer)
    told = {
        "/livez": ("live", "Whether the process answers.", {"type": "object"}),
        "/readyz": ("ready", "Whether trust and every list are there and fresh.", ready),
        "/v1/openapi.json": ("openapi", "This document.", {"type": "object"}),
        "/v1/errors.json": ("errors", "Every code, and what it means.", {"type": "object"}),
    }
    found: dict[str, Any] = {
        path: {
            "operationId": name,
            "summary": summary,
            "responses": {"200": _json(schema, "yes")},
        }
        for path, (name, summary, schema) in told.items()
    }
    found["/readyz"]["responses"]["503"] = _json(ready, "no; it says what is missing")
    text = {"description": "the text format", "content": {"text/plain": {}}}
    found["/metrics"] = {
        "operationId": "metrics",
        "summary": "Figures for Prometheus, of all workers.",
        "responses": {"200": text},
    }
    return found


def _plain(docstring: str) -> str:
    return re.sub(r"``|:class:", "`", inspect.cleandoc(docstring)).replace("``", "`")


def _ref(kind: type) -> dict[str, str]:
    return {"$ref": f"{_REF}{kind.__name__}"}


def _json(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def render(document: dict[str, Any]) -> str:
    """Write the document the one way that is committed."""
    return json.dumps(document, ensure_ascii=True, indent=2) + "\n"


def main() -> None:
    """Write the file anew."""
    # another way: a developer writes a file of the source tree
    OPENAPI_FILE.write_text(render(openapi()), encoding="ascii")


if __name__ == "__main__":
    main()

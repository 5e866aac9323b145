"""The committed description is the code's, and says what the code does."""

import json
from typing import Any

import pytest

from agent.size_limits import MAX_CIPHERTEXT, MAX_DATA
from agent.web.native import messages, openapi
from agent.web.native.openapi import OPENAPI_FILE, SCHEMA_FILE
from agent.web.native.pin_text import MAX_PIN


def test_the_committed_files_are_generated_from_the_types() -> None:
    hint = "run python -m agent.web.native.openapi"
    assert OPENAPI_FILE.read_text() == openapi.render(openapi.openapi()), hint
    assert SCHEMA_FILE.read_text() == openapi.render(openapi.message_schema()), hint


def resolve(document: dict[str, Any], reference: str) -> Any:
    assert reference.startswith("#/")
    found: Any = document
    for part in reference[2:].split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [each for value in node.values() for each in references(value)]
    if isinstance(node, list):
        return [each for value in node for each in references(value)]
    return []


@pytest.mark.parametrize("path", [OPENAPI_FILE, SCHEMA_FILE], ids=lambda path: path.name)
def test_every_reference_leads_somewhere(path: Any) -> None:
    document = json.loads(path.read_text())
    found = references(document)
    assert found
    for reference in found:
        assert isinstance(resolve(document, reference), dict)


@pytest.mark.parametrize("path", [OPENAPI_FILE, SCHEMA_FILE], ids=lambda path: path.name)
def test_everything_from_a_page_is_closed_and_bounded(path: Any) -> None:
    document = json.loads(path.read_text())
    schemas = document.get("$defs") or document["components"]["schemas"]
    requests = [name for name in schemas if name.endswith(("Request", "Params")) or name == "Item"]
    assert len(requests) == 9 + 9 + 1 + 2
    for name in requests:
        assert schemas[name]["additionalProperties"] is False
        for field, schema in schemas[name]["properties"].items():
            for text in (schema, *schema.get("anyOf", [])):
                if text.get("type") == "string":
                    assert "maxLength" in text or "pattern" in text, (name, field)


def test_every_route_is_described(agent_routes: dict[str, set[str]]) -> None:
    described = {
        path: {method.upper() for method in operations}
        for path, operations in openapi.openapi()["paths"].items()
    }
    assert described == agent_routes


@pytest.fixture
def agent_routes() -> dict[str, set[str]]:
    """The paths of the API, without the documents about it."""
    from agent.host.settings.config import Settings
    from agent.web.front.limits import Limits
    from agent.web.native.error_catalogue import JSON_PATH, PAGE_PATH, page_path
    from agent.web.native.methods import NativeApi
    from agent.web.native.routes import DOCUMENTS, NativeMount
    from agent.words.language import Language

    service: Any = None
    api = NativeApi(service, Settings(), Limits(), virtual=False)
    mount = NativeMount(api)
    one = "/v1/documents/{document}"
    routes = {**mount.routes, one: mount.methods_of(one.format(document="0" * 32))}
    documents = {path for path, _, _ in DOCUMENTS} | {JSON_PATH, PAGE_PATH}
    documents |= {page_path(language) for language in Language}
    return {path: set(methods) for path, methods in routes.items() if path not in documents}


def test_the_bounds_in_the_schema_are_those_of_the_decoder() -> None:
    schemas = openapi.openapi()["components"]["schemas"]
    data = schemas["SignParams"]["properties"]["data"]
    assert data["maxLength"] == (MAX_DATA + 2) // 3 * 4
    sealed = schemas["DecryptParams"]["properties"]["data"]
    assert (sealed["minLength"], sealed["maxLength"]) == (4, (MAX_CIPHERTEXT + 2) // 3 * 4)
    assert schemas["SignParams"]["properties"]["pin"]["maxLength"] == MAX_PIN
    assert schemas["SignBatchParams"]["properties"]["items"]["maxItems"] == messages.MAX_ITEMS


def test_every_error_code_is_listed() -> None:
    from agent.errors import ErrorCode

    listed = openapi.openapi()["components"]["schemas"]["ErrorCode"]["enum"]
    assert sorted(listed) == sorted(ErrorCode)

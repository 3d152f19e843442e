"""/api/v1/docs: the API for people, as a page made of its own description, with a line of curl for each operation."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from shlex import quote
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.api.description import Described, operations
from app.dependencies import FoundVisitor
from app.problems import API, MEDIA_TYPE
from app.templating import render

router = APIRouter()
JSON = "application/json"
OF_FORMATS = {"date-time": "2026-12-01T18:00:00Z", "date": "2026-12-01"}


@dataclass(frozen=True)
class Parameter:
    """A part of an address, or a header."""

    name: str
    place: str
    required: bool
    description: str
    example: str


@dataclass(frozen=True)
class Operation:
    """What one method of one address does; `sample` is a body that it takes."""

    name: str
    tag: str
    method: str
    path: str
    description: str
    scopes: Sequence[str]
    parameters: Sequence[Parameter]
    sample: str
    answers: Mapping[str, str]
    curl: str


@router.get(f"{API}/docs")
def show_docs(request: Request, _visitor: FoundVisitor) -> Response:
    """Every operation, by what it is about; as open as the description itself."""
    described = request.app.state.api.openapi()
    server = f"{request.url.scheme}://{request.url.netloc}{API}"
    return render(request, "api/docs.html", sections=sections_of(described, server), described=described)


def sections_of(described: Described, server: str) -> dict[str, list[Operation]]:
    """The operations by tag, in the order of the tags' names."""
    found = sorted(_all(described, server), key=lambda one: one.tag)
    return {tag: list(group) for tag, group in groupby(found, key=lambda one: one.tag)}


def sample(schema: Described, schemas: Described) -> Any:
    """A value that fits the schema: its example or default where it has one, of an object what is required."""
    if "$ref" in schema:
        return sample(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "examples" in schema or "enum" in schema:
        return (schema.get("examples") or schema["enum"])[0]
    if "default" in schema or "const" in schema:
        return schema.get("default", schema.get("const"))
    if "anyOf" in schema:
        return sample(schema["anyOf"][0], schemas)
    if schema.get("type") == "object":
        parts = schema.get("properties", {})
        names = schema.get("required") or list(parts)[:1]
        return {name: sample(parts[name], schemas) for name in names}
    if schema.get("type") == "array":
        return [sample(schema.get("prefixItems", [schema["items"]])[0], schemas)]
    if schema.get("type") == "string":
        return OF_FORMATS.get(schema.get("format", ""), "…")
    return int(schema.get("minimum", 1))


def _all(described: Described, server: str) -> Iterator[Operation]:
    schemas = described["components"]["schemas"]
    for path, method, operation in operations(described):
        parameters = [_parameter(one) for one in operation.get("parameters", [])]
        content = operation.get("requestBody", {}).get("content", {})
        body = (
            json.dumps(sample(content[JSON]["schema"], schemas), indent=2, ensure_ascii=False)
            if JSON in content
            else ""
        )
        yield Operation(
            name=operation["operationId"],
            tag=operation["tags"][0],
            method=method.upper(),
            path=path,
            description=operation["description"],
            scopes=[scope for one in operation["security"] for scopes in one.values() for scope in scopes],
            parameters=parameters,
            sample=body,
            answers=_answers(described, operation),
            curl=_curl(server, method.upper(), path, parameters, list(content), body),
        )


def _parameter(one: Described) -> Parameter:
    example = one["schema"]["examples"][0]
    shown = example if isinstance(example, str) else json.dumps(example)
    return Parameter(one["name"], one["in"], one["required"], one["description"], shown)


def _answers(described: Described, operation: Described) -> dict[str, str]:
    """What each status means."""
    problems = described["components"]["responses"]
    found = {}
    for status, answer in sorted(operation["responses"].items()):
        known = problems[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
        kinds = ", ".join(kind for kind in known.get("content", {}) if kind not in (JSON, MEDIA_TYPE))
        found[status] = f"{known['description']} ({kinds})" if kinds else known["description"]
    return found


def _curl(server: str, method: str, path: str, parameters: Sequence[Parameter], kinds: Sequence[str], body: str) -> str:
    """A line for a terminal, with an example in each place that has to be filled."""
    query = urlencode({one.name: one.example for one in parameters if one.place == "query" and one.required})
    address = server + path.format(**{one.name: one.example for one in parameters if one.place == "path"})
    begin = {"GET": "curl", "HEAD": "curl --head"}.get(method, f"curl -X {method}")
    headers = {"Authorization": "Bearer $TOKEN"}
    headers |= {one.name: _sent(one) for one in parameters if one.place == "header"}
    if kinds:
        headers["Content-Type"] = kinds[0]
    data = f"-d {quote(json.dumps(json.loads(body), ensure_ascii=False))}" if body else "--data-binary @FILE"
    lines = [begin, *(f'-H "{name}: {value}"' for name, value in headers.items()), *([data] if kinds else [])]
    return " \\\n  ".join([*lines, f'"{address}?{query}"' if query else f'"{address}"'])


def _sent(header: Parameter) -> str:
    return "$(uuidgen)" if header.name == "Idempotency-Key" else header.example

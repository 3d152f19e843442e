"""What the framework does not know of our description: an operation's errors, scopes, and what it does in a line."""

from collections.abc import Iterator
from typing import Any

from app.problems import MEDIA_TYPE, Problem

Described = dict[str, Any]
ERRORS = {
    "400": "It makes no sense as it is; `detail` says what to do.",
    "401": "There is no token, or one that is of no use.",
    "403": "The token lacks the scope, or what is asked for is not open to it yet.",
    "404": "There is no such thing.",
    "409": "It contradicts the present state.",
    "413": "It is larger than such a request may be.",
    "422": "A part does not fit; `errors` says which and why.",
    "503": "The database is away or busy; `Retry-After` says when to come back.",
}
WRITES = ("post", "put", "patch", "delete")


def complete(described: Described) -> None:
    """Add the form of problems, and to every operation its errors, its summary and the scopes that open it."""
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    components = described.setdefault("components", {})
    components.setdefault("schemas", {}).update(schema.pop("$defs") | {"Problem": schema})
    components["responses"] = {f"Problem{status}": _response(meaning) for status, meaning in ERRORS.items()}
    for path, method, operation in operations(described):
        operation["summary"] = operation["description"].split("\n")[0].rstrip(".")
        for status in _errors(path, method, operation):
            operation["responses"].setdefault(status, {"$ref": f"#/components/responses/Problem{status}"})
        operation["security"] = [
            {scheme: [scope]}
            for one in operation.get("security", [])
            for scheme, scopes in one.items()
            for scope in scopes
        ]


def operations(described: Described) -> Iterator[tuple[str, str, Described]]:
    """Path, method and description of each operation."""
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _errors(path: str, method: str, operation: Described) -> Iterator[str]:
    yield from ("401", "403", "503")
    if "{" in path:
        yield "404"
    if "requestBody" in operation:
        yield "413"
    if operation.get("parameters") or "requestBody" in operation:
        yield "422"
    if method in WRITES:
        yield from ("400", "409")


def _response(meaning: str) -> Described:
    form = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {"description": meaning, "content": {MEDIA_TYPE: form}}

"""What the API says of itself: complete, true of its own examples, and readable on a page of ours."""

import json
import re

import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator, FormatChecker

from app.api.description import Described, operations
from app.api.docs import Operation, sample, sections_of
from tests.app.api.test_problems import api_of
from tests.app.conftest import Browser


@pytest.fixture
def described(app: FastAPI) -> Described:
    return api_of(app).openapi()


def check(described: Described, schema: Described, example: object) -> None:
    whole = schema | {"components": described["components"]}
    Draft202012Validator(whole, format_checker=FormatChecker()).validate(example)


def operation_of(described: Described, name: str) -> Operation:
    sections = sections_of(described, "https://rank.example/api/v1")
    return next(one for section in sections.values() for one in section if one.name == name)


def test_every_parameter_is_described_with_an_example_that_fits(described: Described) -> None:
    for path, method, operation in operations(described):
        for part in operation.get("parameters", []):
            place = f"{method} {path}: {part['name']}"
            assert part["description"], place
            for example in part["schema"]["examples"]:
                check(described, part["schema"], example)


def test_every_operation_says_what_it_does_who_may_and_what_can_go_wrong(described: Described) -> None:
    problems = described["components"]["responses"]
    for path, method, operation in operations(described):
        place = f"{method} {path}"
        assert operation["summary"], place
        assert not operation["summary"].endswith("."), place
        assert all(scopes for one in operation["security"] for scopes in one.values()), place
        named = {status for status, answer in operation["responses"].items() if "$ref" in answer}
        assert {"401", "403", "503"} <= named, place
        assert {f"Problem{status}" for status in named} <= set(problems), place
        if "{" in path:
            assert "404" in named, place
        if "requestBody" in operation:
            assert {"400", "409", "413", "422"} <= named, place


def test_every_example_of_a_body_fits_its_schema(described: Described) -> None:
    for _, _, operation in operations(described):
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            schema = content["application/json"]["schema"]
            example = sample(schema, described["components"]["schemas"])
            check(described, schema, example)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"const": 7}, 7),
        ({"type": "integer", "minimum": 3.0}, 3),
        ({"type": "string", "format": "date-time"}, "2026-12-01T18:00:00Z"),
        ({"anyOf": [{"$ref": "#/components/schemas/Word"}, {"type": "null"}]}, "a word"),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, ["a"]),
        ({"type": "array", "prefixItems": [{"default": 5}], "items": False}, [5]),
        ({"type": "object", "properties": {"a": {"default": 1}, "b": {"default": 2}}, "required": ["b"]}, {"b": 2}),
        ({"type": "object", "properties": {"a": {"default": 1}, "b": {"default": 2}}}, {"a": 1}),
    ],
)
def test_a_sample_is_the_least_that_fits(schema: Described, value: object) -> None:
    assert sample(schema, {"Word": {"type": "string", "examples": ["a word"]}}) == value


def test_a_line_for_a_terminal_fills_every_place(described: Described) -> None:
    assert operation_of(described, "judge").curl == (
        'curl -X PUT \\\n  -H "Authorization: Bearer $TOKEN" \\\n  -H "Idempotency-Key: $(uuidgen)" \\\n'
        '  -H "Content-Type: application/json" \\\n  -d \'{"verdict": "accept"}\' \\\n'
        '  "https://rank.example/api/v1/studies/poems/passages/17/verdict"'
    )
    sent = operation_of(described, "receive").curl
    assert '-H "Upload-Offset: 0"' in sent
    assert "--data-binary @FILE" in sent
    assert operation_of(described, "tell_offset").curl.startswith("curl --head ")
    assert operation_of(described, "list_jobs").curl.endswith('"https://rank.example/api/v1/jobs"')


def test_the_page_has_every_operation_without_a_login(anonymous: Browser, described: Described) -> None:
    page = anonymous.get("/api/v1/docs").text
    for path, method, operation in operations(described):
        assert f"<code>{method.upper()} {path}</code>" in page
        assert f'id="{operation["operationId"]}"' in page
    assert "Scope upload or worker" in page
    assert not re.search(r"<script(?! src=)|<style| style=", page)


def test_the_description_is_the_same_before_and_after_it_was_asked_for(
    anonymous: Browser, described: Described
) -> None:
    assert json.loads(anonymous.get("/api/v1/openapi.json").text) == json.loads(json.dumps(described))
    assert described["servers"] == [{"url": "/api/v1"}]


def test_the_page_of_tokens_leads_to_it(researcher: Browser) -> None:
    assert 'href="/api/v1/docs"' in researcher.get("/me/tokens").text

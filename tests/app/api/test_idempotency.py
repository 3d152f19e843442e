"""Writes with an Idempotency-Key: asked for twice, done once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from app.auth.api_tokens import ApiWriter
from app.dependencies import DbSession
from app.domain.idempotency import KEPT_FOR
from app.errors import ConflictError
from app.idempotency import Once
from app.models import KeptAnswer, Person
from app.models.person import Role
from tests.app.api.conftest import Program
from tests.app.api.test_problems import api_of
from tests.factories import make_person


class Added(BaseModel):
    """Who was added."""

    number: int
    link: str | None


class Adding(BaseModel):
    """Whom to add, and whether that fails."""

    fails: bool = False


@pytest.fixture(autouse=True)
def done(app: FastAPI) -> list[int]:
    """A route that adds a person; which, in the order it happened."""
    added: list[int] = []

    @api_of(app).post("/added", status_code=201)
    def add(_writer: ApiWriter, session: DbSession, once: Once, body: Adding) -> Added:
        def deed() -> Added:
            if body.fails and not added:
                added.append(0)
                raise ConflictError("Not now.")
            person = make_person(session)
            added.append(person.id)
            return Added(number=person.id, link="secret")

        return once(Added, deed, secrets=frozenset({"link"}))

    return added


def people(db: Session) -> int:
    db.commit()
    return db.scalar(select(func.count()).select_from(Person)) or 0


def test_the_same_key_answers_the_same_and_does_nothing_again(
    db: Session, researcher_program: Program, done: list[int]
) -> None:
    first = researcher_program.ask("POST", "/added", key="one", json={})
    again = researcher_program.ask("POST", "/added", key="one", json={})
    assert (first.status_code, again.status_code) == (201, 201)
    assert (first.json()["number"], again.json()["number"]) == (done[0], done[0])
    assert (first.json()["link"], again.json()["link"]) == ("secret", None)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len(done) == 1
    assert "secret" not in str(db.scalars(select(KeptAnswer.answer)).one())


def test_without_a_key_each_request_counts(researcher_program: Program, done: list[int]) -> None:
    for _ in range(2):
        assert researcher_program.ask("POST", "/added", json={}).status_code == 201
    assert len(done) == 2


def test_a_key_with_another_body_is_refused(db: Session, researcher_program: Program) -> None:
    researcher_program.ask("POST", "/added", key="one", json={})
    before = people(db)
    refused = researcher_program.ask("POST", "/added", key="one", json={"fails": False})
    assert refused.status_code == 422
    assert "came with another request" in refused.json()["detail"]
    assert researcher_program.ask("POST", "/added?other", key="one", json={}).status_code == 422
    assert people(db) == before


def test_a_key_belongs_to_one_person(researcher_program: Program, program: Callable[..., Program]) -> None:
    first = researcher_program.ask("POST", "/added", key="one", json={})
    other = program(Role.ADMIN).ask("POST", "/added", key="one", json={})
    assert first.json() != other.json()


def test_what_failed_may_be_tried_again_with_its_key(researcher_program: Program) -> None:
    assert researcher_program.ask("POST", "/added", key="one", json={"fails": True}).status_code == 409
    assert researcher_program.ask("POST", "/added", key="one", json={"fails": True}).status_code == 201


@pytest.mark.parametrize("key", [" ", "a b", "é", "k" * 256])
def test_a_key_is_plain_and_not_endless(researcher_program: Program, key: str) -> None:
    refused = researcher_program.post("/api/v1/added", json={}, headers={b"Idempotency-Key": key.encode()})
    assert refused.status_code == 422


def test_an_old_key_is_forgotten(db: Session, researcher_program: Program, done: list[int]) -> None:
    researcher_program.ask("POST", "/added", key="one", json={})
    db.execute(update(KeptAnswer).values(created_at=func.now() - KEPT_FOR - timedelta(minutes=1)))
    db.commit()
    researcher_program.ask("POST", "/added", key="one", json={})
    assert len(done) == 2


def test_of_many_at_once_one_is_done_and_all_are_answered_alike(
    app: FastAPI, db: Session, researcher_program: Program, done: list[int]
) -> None:
    gate = threading.Barrier(4)

    def ask(_number: int) -> object:
        program = Program(app, None)
        program.headers["Authorization"] = researcher_program.headers["Authorization"]
        gate.wait()
        return program.ask("POST", "/added", key="one", json={}).json()["number"]

    with ThreadPoolExecutor(4) as threads:
        numbers = set(threads.map(ask, range(4)))
    assert numbers == {done[0]}
    assert len(done) == 1
    assert db.scalar(text("SELECT count(*) FROM kept_answer")) == 1

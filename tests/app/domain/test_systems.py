"""Checkpoints by name, and systems made of them."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from app.domain.engine_settings import EngineSettings
from app.domain.protocol import protocol_hash, study_protocol
from app.domain.systems import SystemPlan, add_checkpoint, add_system, all_checkpoints
from app.errors import ConflictError, NotFoundError, ToprankError
from app.models import Study
from app.models.study import StudyState
from app.models.system import Strategy
from tests.factories import make_checkpoint, make_study

PLAN = SystemPlan("greedy", "smol")


@pytest.fixture
def draft(session: Session) -> Study:
    make_checkpoint(session, name="smol")
    return make_study(session, state=StudyState.DRAFT)


def test_a_system_has_the_papers_defaults(session: Session, draft: Study) -> None:
    system = add_system(session, draft, replace(PLAN, strategy=Strategy.NUCLEUS, scenarios=(256, 128)))
    assert (system.top_p, system.temperature, system.top_k, system.repetition_penalty) == (0.9, 0.7, 50, 1.0)
    assert system.scenarios == [128, 256]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": " "}, "1 to 200 printable characters"),
        ({"name": "x" * 201}, "1 to 200 printable characters"),
        ({"top_p": 0.0}, "top-p is 0.0"),
        ({"top_p": 1.1}, "top-p is 1.1"),
        ({"temperature": 0.0}, "The temperature is 0.0"),
        ({"temperature": float("nan")}, "The temperature is nan"),
        ({"temperature": float("inf")}, "The temperature is inf"),
        ({"top_k": -1}, "top-k is -1"),
        ({"repetition_penalty": 0.0}, "repetition penalty is 0.0"),
        ({"scenarios": ()}, "at 128 tokens, at 256, or at both"),
        ({"scenarios": (64,)}, "at 128 tokens, at 256, or at both"),
    ],
)
def test_a_decoding_that_makes_no_sense_is_refused(
    session: Session, draft: Study, change: dict[str, object], reason: str
) -> None:
    with pytest.raises(ToprankError, match=reason):
        add_system(session, draft, replace(PLAN, **change))


def test_systems_are_locked_when_the_study_opens(session: Session, draft: Study) -> None:
    add_system(session, draft, PLAN)
    with pytest.raises(ConflictError, match="has a system 'greedy' already"):
        add_system(session, draft, PLAN)
    draft.state = StudyState.OPEN
    with pytest.raises(ConflictError, match="locked when it opened"):
        add_system(session, draft, replace(PLAN, name="late"))


def test_an_unknown_checkpoint_says_which_there_are(session: Session, draft: Study) -> None:
    with pytest.raises(NotFoundError, match=r"no checkpoint 'llama' \(checkpoints: .*smol.*\)"):
        add_system(session, draft, replace(PLAN, checkpoint="llama"))


def test_a_checkpoint_is_a_folder_or_a_hub_id(session: Session, tiny_checkpoint: Path) -> None:
    add_checkpoint(session, "local", str(tiny_checkpoint))
    add_checkpoint(session, "hub", "org/model-1.5")
    found = {one.name: one.source for one in all_checkpoints(session)}
    assert found["local"] == str(tiny_checkpoint.resolve())
    assert found["hub"] == "org/model-1.5"
    with pytest.raises(ConflictError, match="choose another name"):
        add_checkpoint(session, "hub", "org/other")


def test_a_checkpoint_keeps_how_it_is_loaded(session: Session) -> None:
    large = add_checkpoint(session, "large", "org/large", EngineSettings(dtype="bfloat16", tensor_parallel=4))
    assert large.engine_settings == {"dtype": "bfloat16", "tensor_parallel": 4}
    assert EngineSettings(**large.engine_settings).tensor_parallel == 4


@pytest.mark.parametrize(
    "values", [{"dtype": "int3"}, {"longest": 0}, {"tensor_parallel": 0}, {"gpu_memory_utilization": 1.5}]
)
def test_settings_that_make_no_sense_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ToprankError):
        EngineSettings(**values)


@pytest.mark.parametrize("name", ["", " ", "x" * 201])
def test_a_checkpoint_has_a_name(session: Session, name: str) -> None:
    with pytest.raises(ToprankError, match="1 to 200 characters"):
        add_checkpoint(session, name, "org/model")


def test_what_is_neither_folder_nor_hub_id_is_refused(session: Session, tmp_path: Path) -> None:
    with pytest.raises(ToprankError, match="neither a folder here nor a hub id"):
        add_checkpoint(session, "one", "a/b/c")
    with pytest.raises(ToprankError, match=r"lacks config.json, tokenizer.json, \*.safetensors"):
        add_checkpoint(session, "two", str(tmp_path))


def test_a_chat_template_is_applied_only_where_there_is_one(
    session: Session, draft: Study, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    make_checkpoint(session, name="plain", source=str(tiny_checkpoint))
    with pytest.raises(ToprankError, match="has no chat template"):
        add_system(session, draft, replace(PLAN, checkpoint="plain", chat_template=True))
    (tmp_path / "chat_template.jinja").write_text("{{ messages[0].content }}")
    make_checkpoint(session, name="chatty", source=str(tmp_path))
    before = protocol_hash(study_protocol(session, draft))
    assert add_system(session, draft, replace(PLAN, checkpoint="chatty", chat_template=True)).chat_template
    (system,) = study_protocol(session, draft)["systems"]
    assert system["chat_template"] is True
    assert protocol_hash(study_protocol(session, draft)) != before
    # whether the hub has a template is for the worker to see
    add_checkpoint(session, "hub", "org/model-it", instruct=True)
    assert add_system(session, draft, replace(PLAN, name="it", checkpoint="hub", chat_template=True)).chat_template

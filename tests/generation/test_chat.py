"""Chat templates: the same prompt that transformers makes, in a sandbox, or one clear line."""

import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from transformers import AutoTokenizer

from app.domain.chat_templates import ChatTemplateError, find_chat_template
from app.models import Continuation, Passage
from app.models.system import GenerationState
from generation.chat import ChatTemplate
from generation.generate import Outcome
from generation.own_tokens import OwnTokens
from generation.writing import after_context
from tests.generation.pool import commit_system
from tests.generation.test_generate import run, state_of

TEMPLATE = """\
{%- for message in messages %}
{{- '<' + message['role'] + '>' + message['content'] | trim + eos_token }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<assistant>' }}{%- endif %}
"""


@pytest.fixture
def instruct(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "instruct"
    shutil.copytree(tiny_checkpoint, folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return folder


def test_a_prompt_has_the_tokens_that_transformers_gives_it(instruct: Path) -> None:
    ours = OwnTokens(instruct).exactly(ChatTemplate(instruct).prompt("The old house stood"))
    theirs = AutoTokenizer.from_pretrained(instruct).apply_chat_template(
        [{"role": "user", "content": "The old house stood"}], add_generation_prompt=True, return_dict=False
    )
    assert ours == theirs
    assert ChatTemplate(instruct).prompt("The old house stood") == "<user>The old house stood<|end|><assistant>"


def test_of_several_templates_the_default_one_is_taken(instruct: Path) -> None:
    (instruct / "chat_template.jinja").unlink()
    named = [{"name": "rag", "template": "no"}, {"name": "default", "template": TEMPLATE}]
    (instruct / "tokenizer_config.json").write_text(json.dumps({"chat_template": named, "eos_token": {"content": "!"}}))
    assert ChatTemplate(instruct).prompt("Hi") == "<user>Hi!<assistant>"


def test_the_calendar_stands_still_and_marks_of_replies_are_text(instruct: Path) -> None:
    template = "{{ strftime_now('%d %B %Y') }} {% generation %}{{ messages | tojson }}{% endgeneration %}"
    (instruct / "chat_template.jinja").write_text(template)
    assert ChatTemplate(instruct).prompt("Hi") == '26 July 2024 [{"role": "user", "content": "Hi"}]'


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ raise_exception('only tools') }}", "cannot be used: only tools"),
        ("{% for", "cannot be used: "),
        ("{{ messages.append(1) }}", "cannot be used: "),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "cannot be used: "),
        ("{{ 1 / 0 }}", "cannot be used: division by zero"),
        ("Hello", "does not contain it, or is far too long"),
        ("{% for n in range(90000) %}{{ messages[0].content }}{% endfor %}", "far too long"),
        (" ", "has no chat template: add the system without --chat-template"),
    ],
)
def test_a_template_that_cannot_be_used_is_one_clear_line(instruct: Path, template: str, reason: str) -> None:
    (instruct / "chat_template.jinja").write_text(template)
    with pytest.raises(ChatTemplateError) as caught:
        ChatTemplate(instruct).prompt("The old house stood")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read_are_one_clear_line(tiny_checkpoint: Path, instruct: Path) -> None:
    with pytest.raises(ChatTemplateError, match="has no chat template"):
        find_chat_template(tiny_checkpoint)
    (instruct / "chat_template.jinja").write_bytes(b"\xff")
    with pytest.raises(ChatTemplateError, match=r"chat_template.jinja of .* cannot be read"):
        find_chat_template(instruct)
    (instruct / "chat_template.jinja").write_text(" " * (2**20 + 1))
    with pytest.raises(ChatTemplateError, match="larger than 1 MiB"):
        find_chat_template(instruct)
    (instruct / "chat_template.jinja").unlink()
    (instruct / "tokenizer_config.json").write_text("{")
    with pytest.raises(ChatTemplateError, match="is no JSON"):
        find_chat_template(instruct)
    (instruct / "tokenizer_config.json").unlink()
    with pytest.raises(ChatTemplateError, match="has no chat template"):
        find_chat_template(instruct)


def test_a_system_with_a_chat_template_replies_to_its_contexts(engine: Engine, instruct: Path) -> None:
    system = commit_system(engine, instruct, passages=2, chat_template=True)

    assert run(engine, system)[0] is Outcome.DONE

    own_tokens, chat = OwnTokens(instruct), ChatTemplate(instruct)
    with Session(engine) as session:
        for one in session.scalars(select(Continuation)):
            context = session.get_one(Passage, one.passage_id).context
            said = own_tokens.text_after(own_tokens.exactly(chat.prompt(context)), one.token_ids)
            assert one.text.strip() == said.strip()
            assert one.engine == "transformers, chat template"
            assert len(one.token_ids) == 224


@pytest.mark.parametrize(
    ("context", "reply", "text"),
    [
        ("He went", "home.", " home."),
        ("He went", ", and left", ", and left"),
        ("He went", " home", " home"),
        ("He went ", "home", "home"),
        ("He went", "", ""),
    ],
)
def test_a_reply_goes_on_with_its_context_after_a_space_where_a_word_begins(
    context: str, reply: str, text: str
) -> None:
    assert after_context(context, reply) == text


def test_a_worker_that_finds_no_template_says_so(engine: Engine, tiny_checkpoint: Path) -> None:
    system = commit_system(engine, tiny_checkpoint, passages=1, chat_template=True)

    assert run(engine, system)[0] is Outcome.FAILED
    assert state_of(engine, system).state is GenerationState.FAILED
    assert "has no chat template" in str(state_of(engine, system).reason)

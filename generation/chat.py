"""An instruction-tuned checkpoint's way of reading a context: as what a user said, by the checkpoint's chat template.

A template is a program of whoever made the checkpoint. It runs in Jinja's sandbox and sees the message and the special
tokens; its calendar stands still, so that a prompt is the same tomorrow.
"""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension
from jinja2.ext import loopcontrols as LoopControls  # noqa: N812 - a class
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.domain.chat_templates import ChatTemplateError, find_chat_template, tokenizer_settings

TODAY = date(2024, 7, 26)  # where a template prints the date
MOST_CHARACTERS = 100_000
_SPECIAL = ("bos_token", "eos_token", "pad_token", "unk_token")


class ChatTemplate:
    """A checkpoint's chat template, ready to render."""

    def __init__(self, checkpoint: Path) -> None:
        """Read and compile the checkpoint's template. Raises ChatTemplateError."""
        self.checkpoint = checkpoint.name
        settings = tokenizer_settings(checkpoint)
        self._special = {name: _content(settings.get(name)) for name in _SPECIAL}
        try:
            self._template = _environment().from_string(find_chat_template(checkpoint))
        except TemplateError as error:
            raise self._unusable(error) from error

    def prompt(self, context: str) -> str:
        """All that stands before the reply to a user who says the context. Raises ChatTemplateError."""
        messages = [{"role": "user", "content": context}]
        try:
            prompt = self._template.render(messages=messages, add_generation_prompt=True, **self._special)
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
            raise self._unusable(error) from error
        if context.strip() not in prompt or len(prompt) > len(context) + MOST_CHARACTERS:
            raise self._unusable("what it makes of a context does not contain it, or is far too long")
        return prompt

    def _unusable(self, reason: object) -> ChatTemplateError:
        said = " ".join(str(reason).split()) or type(reason).__name__
        return ChatTemplateError(f"The chat template of the checkpoint {self.checkpoint} cannot be used: {said}.")


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, LoopControls]
    )
    environment.filters["tojson"] = _tojson
    environment.globals |= {"raise_exception": _raise_exception, "strftime_now": TODAY.strftime}
    return environment


class _Generation(Extension):
    """Some templates mark what an assistant said; to us that is text as any other."""

    tags = {"generation"}  # noqa: RUF012 - as Jinja wants it

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """The statements between the marks."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _tojson(value: Any, **options: Any) -> str:
    return json.dumps(value, **({"ensure_ascii": False} | options))


def _raise_exception(message: str) -> Callable[[], None]:
    raise TemplateError(message)


def _content(token: object) -> str:
    """A special token as tokenizer_config.json has it: a text, or an object with one."""
    found = token.get("content") if isinstance(token, dict) else token
    return found if isinstance(found, str) else ""

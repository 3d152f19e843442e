"""Bundles are asked for by browsers and by programs."""

from tests.app.api.conftest import program, researcher_program

__all__ = ["program", "researcher_program"]

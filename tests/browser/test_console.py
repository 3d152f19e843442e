"""A researcher's day in a real browser: a study by the wizard, passages by keyboard, the live page, tokens."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from app.annotation import verdicts
from app.annotation.claims import claim
from app.domain.reference_tokens import ReferenceTokenizer
from app.models import Passage, ReferenceTokens, Study
from app.models.annotation import VerdictShown
from app.models.person import Role
from app.models.study import StudyState
from app.passages.importing import import_passages
from app.texts.source_text import SourceText
from tests.browser import axe
from tests.factories import make_checkpoint, make_dataset, make_person, make_pool, make_study
from tests.tiny_model import sample_text, tiny_tokenizer_json

pytestmark = pytest.mark.browser


@pytest.fixture
def researcher(log_in: Callable[..., Page]) -> Page:
    return log_in(Role.RESEARCHER)


def bring_in(session: Session, study: Study, dataset_name: str, count: int) -> None:
    """Passages that wait, cut by the tiny tokenizer."""
    session.execute(update(ReferenceTokens).values(tokenizer_json=tiny_tokenizer_json()))
    dataset = make_dataset(session, study, name=dataset_name)
    dataset.study = study
    texts = [SourceText(sample_text(number), number, "a book") for number in range(count)]
    import_passages(session, dataset, texts, ReferenceTokenizer(tiny_tokenizer_json()))


def states(engine: Engine) -> list[str]:
    with Session(engine) as session:
        return [str(state) for state in session.scalars(select(Passage.state).order_by(Passage.id))]


def test_a_study_is_made_by_the_wizard_and_opened(engine: Engine, researcher: Page, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(tiny_tokenizer_json())
    with Session(engine) as session:
        make_checkpoint(session, name="tiny", source=str(tmp_path))
        session.commit()
    page = researcher
    page.get_by_role("link", name="New study").click()
    axe.check(page)
    page.get_by_label("Title").fill("How poems go on")
    page.get_by_label("Name in addresses").fill("poems")
    page.get_by_label("Datasets").fill("odes sonnets")
    page.get_by_role("button", name="Make the draft").click()

    expect(page.get_by_role("heading", name="Systems", exact=True)).to_be_visible()
    page.get_by_label("Name in tables").fill("tiny, nucleus")
    page.get_by_label("Decoding").select_option("nucleus")
    page.get_by_role("button", name="Add the system").click()
    expect(page.get_by_role("row", name="tiny, nucleus")).to_contain_text("top-p 0.9")
    axe.check(page)
    page.get_by_label("Name in tables").fill("tiny, nucleus")
    page.get_by_role("button", name="Add the system").click()
    expect(page.locator("#notices")).to_contain_text("has a system 'tiny, nucleus' already")
    expect(page.get_by_label("Name in tables")).to_have_value("tiny, nucleus")  # what was typed stays

    page.get_by_role("link", name="Go on to the guidelines").click()
    page.get_by_label("Guidelines, in Markdown").fill("## Read twice\n\nThen *judge*.")
    expect(page.locator("#preview em")).to_have_text("judge")  # while one types
    axe.check(page)
    page.get_by_role("button", name="Save and go on").click()

    expect(page.get_by_text("Guidelines: saved.")).to_be_visible()
    axe.check(page)
    page.get_by_role("link", name="Go on to quality").click()
    page.get_by_label("Gold, % of all").fill("5")
    axe.check(page)
    page.get_by_role("button", name="Save and go on").click()
    expect(page.get_by_text("Quality: saved.")).to_be_visible()
    axe.check(page)
    page.get_by_role("link", name="Basics").click()
    axe.check(page)
    page.get_by_role("link", name="Overview and opening").click()
    # 2 datasets of 100 x 2 lengths x 3
    expect(page.get_by_role("row", name="tiny, nucleus")).to_contain_text("1,200")
    axe.check(page)

    with Session(engine) as session:
        study = session.scalars(select(Study)).one()
        bring_in(session, study, "ballads", 1)
        session.execute(update(Passage).values(state="accepted"))
        session.commit()
    page.get_by_label("I know that this locks the protocol").check()
    page.get_by_role("button", name="Open the study").click()
    expect(page.locator(".badge", has_text="open")).to_be_visible()
    with Session(engine) as session:
        study = session.scalars(select(Study)).one()
        assert (study.state, study.gold_share, study.guidelines_version) == (StudyState.OPEN, 0.05, 2)
    page.goto("/studies/poems/settings/basics")
    expect(page.get_by_label("Seed")).to_be_disabled()
    axe.check(page, name="locked")


def test_texts_are_imported_from_files_and_wait_to_be_read(engine: Engine, researcher: Page, tmp_path: Path) -> None:
    with Session(engine) as session:
        make_dataset(session, make_study(session, slug="poems", state=StudyState.DRAFT), name="odes")
        session.execute(update(ReferenceTokens).values(tokenizer_json=tiny_tokenizer_json()))
        session.commit()
    for number in (1, 2):
        (tmp_path / f"{number}.txt").write_text(sample_text(number))
    page = researcher
    page.goto("/studies/poems/passages")
    page.get_by_role("link", name="Import").click()
    axe.check(page)
    page.get_by_label("Files").set_input_files([tmp_path / "1.txt", tmp_path / "2.txt"])
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("2 of 2 texts came in as passages of odes.")).to_be_visible()
    axe.check(page, name="imported")
    page.get_by_role("link", name="Read what waits").click()
    expect(page.get_by_text("0 of 100 accepted, 2 waiting")).to_be_visible()
    assert states(engine) == ["pending", "pending"]


def test_passages_are_validated_by_keyboard(engine: Engine, researcher: Page) -> None:
    with Session(engine) as session:
        bring_in(session, make_study(session, slug="poems", state=StudyState.DRAFT), "odes", 4)
        session.commit()
    page = researcher
    page.goto("/studies/poems/passages/validate?dataset=odes")
    axe.check(page)
    first = page.locator(".reading").inner_text()
    page.keyboard.press("t")
    expect(page.locator(".reading")).not_to_have_text(first)
    page.keyboard.press("Shift+T")
    expect(page.locator(".reading")).to_have_text(first)
    page.keyboard.press("a")
    expect(page.get_by_text("1 of 100 accepted, 3 waiting")).to_be_visible()
    page.keyboard.press("2")
    expect(page.get_by_text("1 of 100 accepted, 2 waiting")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_text("1 of 100 accepted, 3 waiting")).to_be_visible()
    page.keyboard.press("4")
    expect(page.get_by_text("1 of 100 accepted, 2 waiting")).to_be_visible()
    page.keyboard.press("e")
    text = page.get_by_label("Text; what follows it")
    expect(text).to_be_focused()
    text.press("a")  # types, and judges nothing
    text.fill(text.input_value().removeprefix("a").replace("wet stones", "wet roofs", 1))
    axe.check(page, name="mending")
    page.get_by_role("button", name="Save the text").click()
    expect(page.locator(".badge", has_text="edited")).to_be_visible()
    page.keyboard.press("a")
    expect(page.get_by_text("1 edited", exact=False)).to_be_visible()
    page.keyboard.press("a")
    expect(page.get_by_text("No passage of odes waits")).to_be_visible()
    axe.check(page, name="none waits")
    assert states(engine) == ["accepted", "rejected", "edited", "accepted"]
    page.goto("/studies/poems/passages")
    axe.check(page)
    page.get_by_role("button", name="Use those of odes").click()
    expect(page.get_by_text("edited by hand")).to_be_visible()
    assert states(engine)[2] == "accepted"


def test_the_study_s_page_moves_without_reloading(engine: Engine, researcher: Page) -> None:
    with Session(engine) as session:
        study = make_pool(session, passages=3, slug="poems", title="Poems", quota=1)
        study_id, annotator_id = study.id, make_person(session).id
        session.commit()
    page = researcher
    page.goto("/studies/poems")
    expect(page.get_by_role("progressbar", name="Annotations of the study")).to_have_attribute("value", "0")
    axe.check(page)
    page.evaluate("window.stayed = true")
    with Session(engine) as session:
        held = claim(session, session.get_one(Study, study_id), annotator_id)
        assert held.shown is not None
        verdicts.record_verdict(session, annotator_id, held.shown, verdicts.Answer(VerdictShown.FIRST, 10))
        session.commit()
    expect(page.get_by_role("progressbar", name="Annotations of the study")).to_have_attribute(
        "value", "1", timeout=15_000
    )
    assert page.evaluate("window.stayed")
    page.locator(".cell").first.click()
    expect(page.get_by_role("heading", name="Passages", exact=True)).to_be_visible()


def test_a_token_is_made_and_revoked(researcher: Page) -> None:
    page = researcher
    page.goto("/me")
    page.get_by_role("link", name="Tokens for programs").click()
    page.get_by_label("What you will know it by").fill("a notebook")
    page.get_by_role("button", name="Make the token").click()
    expect(page.get_by_label("Your new token")).to_have_value(re.compile(r"toprank_[\w-]{43}"))
    axe.check(page)
    page.get_by_role("button", name="Revoke a notebook").click()
    expect(page.get_by_text("revoked")).to_be_visible()


def test_the_api_is_read_on_a_page(researcher: Page) -> None:
    page = researcher
    page.goto("/me/tokens")
    page.get_by_role("link", name="the API").click()
    expect(page.get_by_role("heading", name="The API")).to_be_visible()
    axe.check(page)
    page.get_by_text("PUT /studies/{slug}/passages/{passage_id}/verdict").click()
    expect(page.get_by_text('/passages/17/verdict"')).to_be_visible()
    axe.check(page, name="an operation")
    page.goto("/checkpoints/hyperfittings")
    axe.check(page)

"""The wizard: a study from its name to the open door, form by form, and what is locked behind it."""

import re
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain.protocol import contrasts
from app.domain.taking_part import consent_form
from app.models import AuditEntry, Dataset, ReferenceTokens, Study, TrainingTexts
from app.models.study import Release, StudyState, Withdrawal
from app.studies.wizard import Step
from tests.app.conftest import ORIGIN, Browser
from tests.factories import make_checkpoint, make_dataset, make_passage, make_pool, make_study, make_system
from tests.tiny_model import tiny_tokenizer_json


def put(browser: Browser, slug: str, part: str, **fields: object) -> str:
    """Send a step's form; where the browser is led."""
    done = browser.submit(f"/studies/{slug}/settings/{part}", **fields)
    assert done.status_code == 303, done.text
    return done.headers["location"]


def study_of(db: Session, slug: str) -> Study:
    db.commit()
    return db.scalars(select(Study).where(Study.slug == slug).execution_options(populate_existing=True)).one()


@pytest.fixture
def draft(db: Session) -> Study:
    study = make_study(db, slug="poems", state=StudyState.DRAFT)
    make_dataset(db, study, name="odes")
    make_checkpoint(db, name="tiny")
    db.commit()
    return study


def test_a_study_is_made_with_the_tokenizer_of_a_checkpoint(researcher: Browser, db: Session, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(tiny_tokenizer_json())
    make_checkpoint(db, name="tiny", source=str(tmp_path))
    db.commit()
    assert "the checkpoint tiny" in researcher.get("/studies/new").text
    fields = {"title": "Poems", "slug": "poems", "datasets": "odes, sonnets", "tokenizer": "checkpoint:tiny"}
    made = researcher.submit("/studies/new", **fields)
    assert made.headers["location"] == "/studies/poems/settings/systems"
    study = study_of(db, "poems")
    assert (study.state, study.title) == (StudyState.DRAFT, "Poems")
    assert list(db.scalars(select(Dataset.name).order_by(Dataset.id))) == ["odes", "sonnets"]
    refused = researcher.submit("/studies/new", **fields)
    assert (refused.status_code, "choose another name" in refused.text) == (409, True)
    assert researcher.submit("/studies/new", **(fields | {"slug": "b", "tokenizer": ""})).status_code == 400
    assert researcher.submit("/studies/new", **(fields | {"slug": "b", "tokenizer": "f" * 64})).status_code == 404


def test_a_tokenizer_is_given_as_a_file(researcher: Browser, db: Session) -> None:
    def give(content: bytes) -> int:
        fields = {"csrf_token": researcher.form_token, "name": "bytes"}
        sent = {"file": ("tokenizer.json", content)}
        return researcher.post("/studies/tokenizers", data=fields, files=sent, headers={"Origin": ORIGIN}).status_code

    assert give(b"nonsense") == 400
    assert give(tiny_tokenizer_json()) == 303
    kept = db.scalars(select(ReferenceTokens)).one()
    assert f'value="{kept.sha256}"' in researcher.get("/studies/new").text
    fields = {"title": "Poems", "slug": "poems", "datasets": "odes", "tokenizer": kept.sha256}
    assert researcher.submit("/studies/new", **fields).status_code == 303


def test_a_copy_is_made_from_the_other_study_s_page(researcher: Browser, db: Session) -> None:
    make_pool(db, passages=2, slug="poems")
    db.execute(update(ReferenceTokens).values(tokenizer_json=tiny_tokenizer_json()))
    db.commit()
    assert "Like <strong>poems</strong>" in researcher.get("/studies/new?copy_of=poems").text
    fields = {"title": "Again", "slug": "again", "copy_of": "poems", "passages": "true"}
    assert researcher.submit("/studies/new", **fields).status_code == 303
    assert "2 accepted so far" in researcher.get("/studies/again/settings").text


def test_every_step_shows_what_the_study_has(researcher: Browser, db: Session, draft: Study) -> None:
    make_system(db, draft, name="greedy <one>")
    db.commit()
    for state in StudyState:
        db.execute(update(Study).values(state=state))
        db.commit()
        for step in Step:
            page = researcher.get(f"/studies/poems/settings/{step}")
            assert page.status_code == 200, f"{step} of a study that is {state}"
            assert "greedy <one>" not in page.text


def test_the_overview_says_what_may_change_in_each_state(researcher: Browser, db: Session, draft: Study) -> None:
    told = {}
    for state in StudyState:
        db.execute(update(Study).values(state=state))
        db.commit()
        page = researcher.get("/studies/poems/settings").text
        told[state] = dict(re.findall(r"<dt>(Can change|May rise|Locked)</dt><dd>(.*?)</dd>", page))
    assert set(told[StudyState.DRAFT]) == {"Can change"}
    assert told[StudyState.OPEN] == told[StudyState.PAUSED]
    assert told[StudyState.OPEN]["May rise"] == "quota, hourly rate"
    assert told[StudyState.OPEN]["Can change"] == "title, guidelines, consent form, English, breaks"
    assert "stopping rule, qualification, checks, caps and exposure" in told[StudyState.OPEN]["Locked"]
    assert told[StudyState.CLOSED]["Can change"] == "title"


def test_a_system_may_be_kept_from_texts_of_a_file(researcher: Browser, db: Session, draft: Study) -> None:
    fields = {"csrf_token": researcher.form_token, "name": "kept", "checkpoint": "tiny", "scenarios": ["256"]}
    file = {"training_set": ("mine.txt", b"One text.\n\nAnother.")}
    where, headers = "/studies/poems/settings/systems", {"Origin": ORIGIN}
    refused = researcher.post(where, data=fields, files=file, headers=headers)
    assert (refused.status_code, "say --block-citations" in refused.text) == (400, True)
    done = researcher.post(where, data=fields | {"block_citations": "true"}, files=file, headers=headers)
    assert done.status_code == 303
    kept = db.scalars(select(TrainingTexts)).one()
    assert (kept.name, kept.texts) == ("mine.txt", ["One text.", "Another."])
    without = researcher.post(where, data=fields | {"name": "free"}, files={"training_set": ("", b"")}, headers=headers)
    assert without.status_code == 303


def test_basics_are_saved_and_lead_on(researcher: Browser, db: Session, draft: Study) -> None:
    fields = {"title": "More", "quota": 5, "hourly_rate": "12.50", "currency": "EUR", "seed": 3, "release": "as_ready"}
    assert put(researcher, "poems", "basics", **fields) == "/studies/poems/settings/systems?saved=basics"
    study = study_of(db, "poems")
    assert (study.title, study.quota, study.hourly_rate, study.currency) == ("More", 5, 12.5, "EUR")
    assert (study.seed, study.release) == (3, Release.AS_READY)
    assert "Basics: saved." in researcher.get("/studies/poems/settings/systems?saved=basics").text
    assert researcher.get("/studies/poems/settings/systems?saved=nonsense").status_code == 200
    told = db.scalars(select(AuditEntry).where(AuditEntry.action == "study.change")).one()
    assert told.detail["hourly_rate"] == [10.0, 12.5]
    assert researcher.submit("/studies/poems/settings/basics", title="More", currency="€").status_code == 400


def test_datasets_come_and_go(researcher: Browser, db: Session, draft: Study) -> None:
    put(researcher, "poems", "datasets", name="sonnets")
    assert researcher.submit("/studies/poems/settings/datasets", name="sonnets").status_code == 409
    assert researcher.submit("/studies/poems/settings/datasets", name="No!").status_code == 400
    put(researcher, "poems", "datasets/remove", name="odes")
    only = researcher.submit("/studies/poems/settings/datasets/remove", name="sonnets")
    assert (only.status_code, "only one" in only.text) == (409, True)
    put(researcher, "poems", "datasets", name="ballads")
    make_passage(db, db.scalars(select(Dataset).where(Dataset.name == "ballads")).one())
    db.commit()
    assert researcher.submit("/studies/poems/settings/datasets/remove", name="ballads").status_code == 409


def test_systems_come_and_go(researcher: Browser, db: Session, draft: Study) -> None:
    fields = {"name": "one", "checkpoint": "tiny", "strategy": "nucleus", "scenarios": [256], "block_citations": "true"}
    put(researcher, "poems", "systems", **fields)
    page = researcher.get("/studies/poems/settings/systems").text
    assert "nucleus, top-p 0.9" in page
    assert "citations blocked" in page
    assert researcher.submit("/studies/poems/settings/systems", **fields).status_code == 409
    assert researcher.submit("/studies/poems/settings/systems", **(fields | {"scenarios": [64]})).status_code == 422
    none = researcher.submit("/studies/poems/settings/systems", name="two", checkpoint="tiny")
    assert "A system is judged at 128 tokens" in none.text
    put(researcher, "poems", "systems/remove", name="one")
    assert "No system yet" in researcher.get("/studies/poems/settings/systems").text


def test_what_was_written_keeps_its_system(researcher: Browser, db: Session) -> None:
    pool = make_pool(db, slug="prose", passages=1)
    pool.state = StudyState.DRAFT
    make_system(db, pool, name="idle")
    waiting = make_system(db, pool, name="waiting")
    db.commit()
    researcher.submit("/studies/prose/generation/retry", system="waiting")
    written = researcher.get("/studies/prose/settings/systems").text
    names = [name for name in ("idle", waiting.name) if name in written]
    assert names == ["idle", "waiting"]
    put(researcher, "prose", "systems/remove", name="idle")
    refused = researcher.submit("/studies/prose/settings/systems/remove", name="waiting")
    assert (refused.status_code, "waits for a worker" in refused.text) == (409, True)
    first = db.scalars(select(Study).where(Study.slug == "prose")).one()
    name = next(one.name for one in _systems(db, first) if one.name not in ("idle", "waiting"))
    kept = researcher.submit("/studies/prose/settings/systems/remove", name=name)
    assert (kept.status_code, "has written continuations" in kept.text) == (409, True)


def _systems(db: Session, study: Study) -> list[object]:
    from app.domain.systems import study_systems

    return list(study_systems(db, study))


def test_guidelines_are_previewed_without_being_saved(researcher: Browser, db: Session, draft: Study) -> None:
    words = "# Read *both*\r\n\r\n<script>alert(1)</script>"
    path = "/studies/poems/settings/guidelines/preview"
    fragment = researcher.submit(path, headers={"HX-Request": "true"}, guidelines=words).text
    assert "<h2>Read <em>both</em></h2>" in fragment
    assert "<script>" not in fragment
    assert "<html" not in fragment
    page = researcher.submit(path, guidelines=words).text
    assert "<h2>Read <em>both</em></h2>" in page
    assert "# Read *both*" in page
    assert study_of(db, "poems").guidelines_version == 1
    put(researcher, "poems", "guidelines", guidelines=words)
    put(researcher, "poems", "guidelines", guidelines=words)
    study = study_of(db, "poems")
    assert (study.guidelines_version, study.guidelines_first) == (2, True)
    assert "\r" not in study.guidelines
    assert researcher.submit("/studies/poems/settings/guidelines", guidelines=" ").status_code == 400


def test_annotators_are_asked_what_the_forms_say(researcher: Browser, db: Session, draft: Study) -> None:
    parts = {"purpose": "To learn", "content_warning": "Some", "contact": "Ada", "review_board": "No. 1", "pay": ""}
    put(researcher, "poems", "consent", **parts)
    consent = consent_form(db, study_of(db, "poems"))
    assert consent is not None
    assert (consent.version, consent.purpose) == (1, "To learn")
    assert "10.00 USD an hour" in consent.pay
    lacking = researcher.submit("/studies/poems/settings/consent", purpose="To learn")
    assert "lacks content_warning, contact, review_board" in lacking.text
    put(researcher, "poems", "consent", **(parts | {"purpose": "To know"}))
    page = researcher.get("/studies/poems/settings/annotators").text
    assert (
        page.index("Version 2 of") < page.index("To know</p>") < page.index("Version 1 of") < page.index("To learn</p>")
    )
    assert "0 agreed" in page
    put(researcher, "poems", "asking", asks_english="true", break_minutes=50)
    study = study_of(db, "poems")
    assert (study.asks_english, study.break_minutes) == (True, 50)
    put(researcher, "poems", "asking", break_minutes=0)
    assert study_of(db, "poems").asks_english is False


def test_a_qualification_and_gold_set_passages_aside(researcher: Browser, db: Session) -> None:
    study = make_study(db, slug="prose", state=StudyState.DRAFT)
    db.execute(update(ReferenceTokens).values(tokenizer_json=tiny_tokenizer_json()))
    dataset = make_dataset(db, study)
    for number in range(8):
        words = " ".join(f"word{number}{place}" for place in range(60))
        make_passage(db, dataset, context="It began", original=f" {words}.")
    db.commit()
    put(researcher, "prose", "qualification", comparisons=3, pass_mark=2, attempts=1, retry_minutes=0)
    put(researcher, "prose", "gold", count=2)
    assert "2 made." in researcher.get("/studies/prose/settings/quality").text
    assert ">6</td>" in researcher.get("/studies/prose").text  # set aside: 3 to practise, 2 of gold and a donor
    again = researcher.submit("/studies/prose/settings/qualification", comparisons=3, pass_mark=2)
    assert again.status_code == 409


def test_rules_are_given_in_per_cent(researcher: Browser, db: Session, draft: Study) -> None:
    fields = {"gold_percent": "5", "repeat_percent": "2.5", "max_share_percent": "20", "max_exposures": 2}
    more = {"exposure_gap": 50, "min_gold_percent": "70", "min_reading_seconds": "3.5", "withdrawal": "keep"}
    put(researcher, "poems", "quality", **fields, **more, min_consistency_percent="")
    study = study_of(db, "poems")
    assert (study.gold_share, study.repeat_share, study.max_share) == (0.05, 0.025, 0.2)
    assert (study.max_exposures, study.exposure_gap, study.min_gold_accuracy) == (2, 50, 0.7)
    assert (study.min_self_consistency, study.min_reading_ms, study.withdrawal) == (None, 3500, Withdrawal.KEEP)
    page = researcher.get("/studies/poems/settings/quality").text
    assert 'value="70.0"' in page
    assert 'value="3.5"' in page
    refused = researcher.submit("/studies/poems/settings/quality", gold_percent="40", repeat_percent="40")
    assert (refused.status_code, "more than half" in refused.text) == (400, True)


def test_contrasts_and_the_stopping_rule_are_set(researcher: Browser, db: Session, draft: Study) -> None:
    for name in ("base", "sharp"):
        make_system(db, draft, name=name)
    db.commit()
    put(researcher, "poems", "contrasts", system=["sharp", ""], against=["base", ""])
    assert contrasts(db, study_of(db, "poems")) == [("sharp", "base")]
    assert researcher.submit("/studies/poems/settings/contrasts", system=["sharp"], against=[""]).status_code == 404
    put(researcher, "poems", "stopping", stop="1800")
    assert study_of(db, "poems").stop_after == 1800
    assert 'value="1800"' in researcher.get("/studies/poems/settings/protocol").text
    assert researcher.submit("/studies/poems/settings/stopping", stop="soon").status_code == 400


def test_what_cannot_be_undone_is_confirmed(researcher: Browser, db: Session, draft: Study) -> None:
    make_system(db, draft)
    make_passage(db, db.scalars(select(Dataset)).one())
    db.commit()
    unsure = researcher.submit("/studies/poems/state/open")
    assert (unsure.status_code, "cannot be undone" in unsure.text) == (409, True)
    assert researcher.submit("/studies/poems/state/open", confirmed="true").headers["location"] == "/studies/poems"
    assert study_of(db, "poems").state == StudyState.OPEN
    assert researcher.submit("/studies/poems/state/pause").status_code == 303
    assert researcher.submit("/studies/poems/state/open").status_code == 303
    assert researcher.submit("/studies/poems/state/close").status_code == 409
    assert researcher.submit("/studies/poems/state/close", confirmed="true").status_code == 303
    assert "the results</a> are open" in researcher.get("/studies/poems/settings").text
    told = list(db.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
    assert told[-4:] == ["study.open", "study.pause", "study.open", "study.close"]


def test_an_open_study_shows_and_keeps_its_locks(researcher: Browser, db: Session, draft: Study) -> None:
    db.execute(update(Study).values(state=StudyState.OPEN))
    db.commit()
    page = researcher.get("/studies/poems/settings/basics").text
    assert "It may rise now, and never fall." in page
    assert "Locked when the study opened." in page
    put(researcher, "poems", "basics", title="New title", quota=4, hourly_rate=11)
    for fields in ({"quota": 3}, {"seed": 9}, {"hourly_rate": 10}):
        assert researcher.submit("/studies/poems/settings/basics", title="New title", **fields).status_code == 409
    for part, fields in {
        "datasets": {"name": "more"},
        "systems": {"name": "x", "checkpoint": "tiny", "scenarios": [128]},
        "quality": {"gold_percent": 5},
        "contrasts": {"system": [""], "against": [""]},
        "stopping": {"stop": "quota"},
        "qualification": {"comparisons": 3, "pass_mark": 2},
    }.items():
        assert researcher.submit(f"/studies/poems/settings/{part}", **fields).status_code == 409, part


def test_raising_the_quota_opens_what_was_full(researcher: Browser, db: Session) -> None:
    pool = make_pool(db, slug="prose", passages=1, quota=1)
    db.commit()
    put(researcher, "prose", "basics", title=pool.title, quota=2)
    assert "0 <small>of 2</small>" in researcher.get("/studies/prose").text

"""Results, texts, export and the console of a study of images: every page draws them or says why it has none."""

import csv
import io
import json
import re
from secrets import token_bytes

import pyarrow.parquet as pq
import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.analysis.evidence import Evidence
from app.analysis.exhibits.images import OF_TEXTS
from app.analysis.registry import findings
from app.annotation.claims import claim
from app.annotation.kinds import kind_of
from app.annotation.verdicts import Answer, record_verdict
from app.domain.gold import make_gold
from app.domain.images import text_of_tokens
from app.domain.withdrawals import withdraw
from app.models import Passage, Person, Study, System, TrainingTexts
from app.models.annotation import VerdictShown
from app.models.comparison import Kind
from app.models.passage import PassageState
from app.models.study import StudyState, Withdrawal
from app.passages.suspicions import check_passages
from tests.app.conftest import Browser
from tests.factories import make_dataset, make_passage, make_person
from tests.image_pool import COLOURS, REFERENCE, make_image_pool

PAGE = "/studies/pictures"


@pytest.fixture
def judges(db: Session) -> list[Person]:
    return [make_person(db) for _ in range(2)]


@pytest.fixture
def study(db: Session, judges: list[Person]) -> Study:
    """Six images, each judged by two people who take turns with their verdicts; closed."""
    study = make_image_pool(db, passages=6, quota=2)
    for judge in judges:
        for verdict in list(VerdictShown) * 2:
            shown = claim(db, study, judge.id).shown
            assert shown is not None
            record_verdict(db, judge.id, shown, Answer(verdict))
    study.state = StudyState.CLOSED
    db.commit()
    return study


def test_every_exhibit_shows_images_or_says_in_one_line_why_not(db: Session, study: Study) -> None:
    found = findings(Evidence(db, study))
    assert found.keys[:2] == ["figure-6", "figure-11"]
    for key, reason in OF_TEXTS.items():
        assert (found.find(key).missing, found.find(key).rows) == (reason, ())
    # 48 pixels are generated
    assert "48 pixels of an image are generated" in str(found.find("figure-9-right").missing)
    table = found.find("table-1")
    assert [row[0] for row in table.rows][-1] == "original image"
    assert not [column.title for column in table.page_columns if column.key == "scenario"]
    assert "last 96 of an image: generated pixels 1-48" in table.signatures[0]
    assert table.reported == ()
    for exhibit in found.exhibits:
        said = " ".join((exhibit.title, exhibit.caption, *exhibit.notes, *(one.title for one in exhibit.page_columns)))
        if exhibit.title != "Of texts alone":
            assert not re.search(r"\btokens?\b|\btexts?\b", said, re.IGNORECASE), (exhibit.key, said)


def test_the_page_has_both_grids_which_can_be_downloaded(researcher: Browser, study: Study) -> None:
    page = researcher.get(f"{PAGE}/results").text
    assert 'id="figure-6"' in page
    assert "256 tokens" not in page
    assert "MMLU asks in words" in page
    for extension in ("svg", "pdf", "png", "csv", "tex"):
        answer = researcher.get(f"{PAGE}/results/figure-11.{extension}")
        assert answer.status_code == 200
        assert "figure-11" in answer.headers["content-disposition"]
    assert "figure-6" in researcher.get(f"{PAGE}/results/figure-7.csv").text
    assert researcher.get(f"{PAGE}/results.zip").status_code == 200
    assert researcher.get(f"{PAGE}/results/table-1.svg").status_code == 200


def test_images_are_found_and_drawn_at_whole_multiples_of_their_size(researcher: Browser, study: Study) -> None:
    page = researcher.get(f"{PAGE}/texts").text
    assert "6 completed images" in page
    assert page.count('width="128" height="128"') == 6
    assert 'name="scenario"' not in page
    assert "No image passes these filters." in researcher.get(f"{PAGE}/texts?ttr_from=1&verdict=equal").text
    number = re.search(rf"{PAGE}/texts/(\d+)", page)
    assert number is not None
    one = researcher.get(f"{PAGE}/texts/{number[1]}").text
    assert one.count('width="256" height="256"') == 2
    assert "\ue000" not in one


def rows_of(content: bytes, extension: str) -> list[dict[str, object]]:
    if extension == "csv":
        return list(csv.DictReader(io.StringIO(content.decode())))
    if extension == "jsonl":
        return [json.loads(line) for line in content.splitlines()]
    return pq.read_table(io.BytesIO(content)).to_pylist()


@pytest.mark.parametrize("extension", ["csv", "jsonl", "parquet"])
def test_every_format_of_the_export_has_the_images_as_their_visual_tokens(
    db: Session, researcher: Browser, study: Study, extension: str
) -> None:
    rows = rows_of(researcher.get(f"{PAGE}/export.{extension}?texts=true").content, extension)
    assert len(rows) == 12
    assert {(row["modality"], str(row["scenario"]), row["status"]) for row in rows} == {("image", "256", "counted")}
    for row in rows:
        for side in ("candidate_text", "reference_text"):
            assert COLOURS.pixels_of(f"{row['context']}{row[side]}").shape == (8, 8, 3)


def test_who_withdraws_is_told_apart_in_the_export_and_out_of_the_ratios(
    db: Session, researcher: Browser, judges: list[Person]
) -> None:
    study = make_image_pool(db, passages=2, quota=2)
    for judge in judges:
        shown = claim(db, study, judge.id).shown
        assert shown is not None
        record_verdict(db, judge.id, shown, Answer(VerdictShown.FIRST))
    study.withdrawal = Withdrawal.REPLACE
    withdraw(db, study, judges[0].id, by_id=None, reason="by their own wish")
    study.state = StudyState.CLOSED
    db.commit()
    rows = rows_of(researcher.get(f"{PAGE}/export.csv").content, "csv")
    assert sorted(str(row["status"]) for row in rows) == ["counted", "withdrawn"]
    table = findings(Evidence(db, study)).find("table-1")
    counts = dict(zip([column.key for column in table.columns], table.rows[0], strict=True))
    assert counts["n"] == 1


def test_gold_of_images_is_in_the_export_but_in_no_ratio(
    db: Session, researcher: Browser, judges: list[Person]
) -> None:
    study = make_image_pool(db, passages=2)
    dataset = make_dataset(db, study, name="more")
    for shade in (1, 2):
        cut = REFERENCE.cut(text_of_tokens([shade, *range(8)] * 7 + [0]))
        columns = {"context": cut.context, "original": cut.original, "token_ids": cut.token_ids, "width": cut.width}
        make_passage(db, dataset, **columns)
    study.state = StudyState.DRAFT
    make_gold(db, study, 1)
    study.state, study.gold_share = StudyState.OPEN, 0.5
    while kind_of(study, annotator_id=judges[0].id, ordinal=1) is not Kind.GOLD:
        study.secret = token_bytes(32)
    while (shown := claim(db, study, judges[0].id).shown) is not None:
        record_verdict(db, judges[0].id, shown, Answer(VerdictShown.FIRST))
    study.state = StudyState.CLOSED
    db.commit()
    rows = rows_of(researcher.get(f"{PAGE}/export.csv?texts=true").content, "csv")
    assert sorted(str(row["status"]) for row in rows) == ["counted", "counted", "gold"]
    for row in rows:
        assert COLOURS.pixels_of(f"{row['context']}{row['candidate_text']}").shape == (8, 8, 3)
    table = findings(Evidence(db, study)).find("table-1")
    assert dict(zip([column.key for column in table.columns], table.rows[0], strict=True))["n"] == 2


def test_what_waits_is_looked_at_as_an_image_with_reasons_of_images(db: Session, researcher: Browser) -> None:
    study = make_image_pool(db, passages=1)
    dataset = make_dataset(db, study, name="more")
    cut = REFERENCE.cut(text_of_tokens([3] * 64))
    columns = {"context": cut.context, "original": cut.original, "token_ids": cut.token_ids, "width": cut.width}
    passage = make_passage(db, dataset, state=PassageState.PENDING, **columns)
    db.commit()
    researcher.submit(f"{PAGE}/passages/check")
    page = researcher.get(f"{PAGE}/passages/validate").text
    assert "Look at the images" in page
    assert "a single colour?" in page
    assert "nothing can be seen on it" in page
    assert "not English" not in page
    assert 'width="256" height="256"' in page
    assert researcher.submit(f"{PAGE}/passages/{passage.id}/reject", reason="not of this dataset").status_code == 303
    assert db.get_one(Passage, passage.id, populate_existing=True).state is PassageState.REJECTED
    assert 'width="256"' in researcher.get(f"{PAGE}/passages").text


def test_an_image_that_a_system_learned_is_suspicious(db: Session) -> None:
    study = make_image_pool(db, passages=1)
    dataset = make_dataset(db, study, name="more")
    texts = [text_of_tokens([shade, *range(8)] * 7 + [0]) for shade in (1, 2)]
    for text in texts:
        cut = REFERENCE.cut(text)
        columns = {"context": cut.context, "original": cut.original, "token_ids": cut.token_ids, "width": cut.width}
        make_passage(db, dataset, state=PassageState.PENDING, **columns)
    db.add(TrainingTexts(sha256="1" * 64, name="learned", texts=texts[:1]))
    db.flush()
    db.execute(update(System).values(training_texts_sha256="1" * 64, block_citations=True))
    assert check_passages(db, study) == 2
    waiting = db.scalars(select(Passage).where(Passage.state == PassageState.PENDING).order_by(Passage.id))
    assert [one.suspicions for one in waiting] == [["training_overlap"], []]


def test_the_wizard_of_images_asks_for_nothing_that_only_texts_have(db: Session, researcher: Browser) -> None:
    study = make_image_pool(db, passages=1)
    study.state = StudyState.DRAFT
    db.commit()
    systems = researcher.get(f"{PAGE}/settings/systems").text
    assert "whole images" in systems
    assert 'value="128"' not in systems
    annotators = researcher.get(f"{PAGE}/settings/annotators").text
    assert "it would test reading" in annotators
    assert "/settings/qualification" not in annotators
    plan = {"comparisons": "2", "pass_mark": "1", "attempts": "1", "retry_minutes": "0"}
    answer = researcher.submit(f"{PAGE}/settings/qualification", **plan)
    assert answer.status_code == 400
    assert "a study of images has none" in answer.text
    for step in ("basics", "guidelines", "quality", "protocol"):
        assert researcher.get(f"{PAGE}/settings/{step}").status_code == 200
    assert researcher.get(f"{PAGE}/settings").status_code == 200

"""A bundle of a study of images: completed, judged, verified without a database, and drawn from its own files."""

import json
import zipfile
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from app.annotation.claims import claim
from app.annotation.verdicts import Answer, record_verdict
from app.bundle.contents import RECOMPUTED
from app.bundle.making import Bundle
from app.bundle.reading import BundleError, BundleEvidence, BundleFiles
from app.bundle.verifying import verify
from app.domain.images import palette_of
from app.domain.protocol import lock_protocol
from app.models.annotation import VerdictShown
from app.models.study import Modality
from metrics.ttr import windowed_ttr
from tests.app.bundle.test_bundle import relist, rewritten
from tests.factories import make_person
from tests.image_pool import COLOURS, make_image_pool


@pytest.fixture
def bundle(session: Session, tmp_path: Path) -> Path:
    """Six images, each judged by two people who take turns with their verdicts."""
    study = make_image_pool(session, passages=6, quota=2)
    for turn in range(2):
        annotator = make_person(session)
        for verdict in list(VerdictShown) * 2:
            shown = claim(session, study, annotator.id).shown
            assert shown is not None, turn
            record_verdict(session, annotator.id, shown, Answer(verdict))
    lock_protocol(session, study)
    path = tmp_path / "pictures.zip"
    path.write_bytes(b"".join(Bundle(study).pieces(session)))
    return path


def lines(path: Path, name: str) -> list[dict[str, object]]:
    with zipfile.ZipFile(path) as archive:
        return [json.loads(line) for line in archive.read(name).splitlines()]


def test_its_tables_are_recomputed_from_the_images(bundle: Path) -> None:
    found = verify(bundle)
    assert (found.annotations, found.tables) == (12, RECOMPUTED)
    evidence = BundleEvidence(BundleFiles(bundle))
    assert evidence.study.modality is Modality.IMAGE
    # 64 pixels, of which the first 16 were given: the ratio is of the 48 that follow
    pixels = [one["token_ids"][16:] for one in lines(bundle, "passages.jsonl")]  # type: ignore[index]
    ratios = [windowed_ttr(one, evidence.windows(48)[256]) for one in pixels]
    (ratio,) = {found for (_, scenario), found in evidence.original_ttr.items() if scenario == 256}
    assert ratio == pytest.approx(sum(ratios) / 6)


def test_other_pixels_with_fitting_hashes_are_found_by_the_tables(bundle: Path) -> None:
    def change(files: dict[str, bytes]) -> None:
        passages = [json.loads(line) for line in files["passages.jsonl"].splitlines()]
        passages[0]["token_ids"][16:] = [0] * 48
        files["passages.jsonl"] = "\n".join(json.dumps(one) for one in passages).encode()
        relist(files)

    with pytest.raises(BundleError, match=r"^tables\.json: (rows|notes) of table-1"):
        verify(rewritten(bundle, change))


def test_whoever_has_the_bundle_can_draw_its_images(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        palette = palette_of(archive.read("tokenizer.json"))
        sheet = archive.read("datasheet.md").decode()
    assert palette == COLOURS
    (first, *_) = lines(bundle, "passages.jsonl")
    assert palette.pixels_of(f"{first['context']}{first['original']}").shape == (8, 8, 3)
    assert (first["width"], len(str(first["context"]))) == (8, 16)
    assert "Blind comparisons of completions of images" in sheet
    assert "a character for each pixel" in sheet
    assert "tokens, context included" not in sheet

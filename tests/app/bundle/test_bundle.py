"""A bundle: made from one study, verified without a database, and refused when a byte of it is another."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.analysis.evidence import Evidence
from app.analysis.registry import findings
from app.bundle.contents import MANIFEST, RECOMPUTED
from app.bundle.making import Bundle
from app.bundle.reading import BundleError
from app.bundle.verifying import verify
from app.domain.protocol import lock_protocol
from app.domain.studies import keep_tokenizer
from app.domain.taking_part import keep_guidelines
from app.models import Checkpoint, Passage, Person, ReferenceTokens, Study
from tests.app.annotation.asking import make_asking_study
from tests.factories import make_score
from tests.golden import make_golden_study
from tests.tiny_model import tiny_tokenizer_json


@pytest.fixture(scope="module")
def kept() -> dict[str, bytes]:
    return {}


@pytest.fixture
def bundle(session: Session, kept: dict[str, bytes], tmp_path: Path) -> Path:
    """A bundle of the golden study, made once."""
    if not kept:
        study = make_golden_study(session)
        tokens = session.get_one(ReferenceTokens, study.reference_tokens_sha256)
        kept["tokenizer"] = tokens.tokenizer_json
        for checkpoint in session.scalars(select(Checkpoint)):
            for passage in session.scalars(select(Passage).where(Passage.study_id == study.id).limit(5)):
                make_score(session, checkpoint, passage)
        lock_protocol(session, study)
        kept["bundle"] = b"".join(Bundle(study, recruitment="By a notice at the library.").pieces(session))
        kept["emails"] = "\n".join(session.scalars(select(Person.email))).encode()
        kept["tables"] = json.dumps(
            {one.key: [list(map(str, row)) for row in one.rows] for one in findings(Evidence(session, study)).exhibits}
        ).encode()
    path = tmp_path / "golden.zip"
    path.write_bytes(kept["bundle"])
    return path


def rewritten(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The bundle with other contents under the same names."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    out = path.with_name("changed.zip")
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out


def names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def test_its_tables_are_recomputed_to_the_last_digit(bundle: Path) -> None:
    found = verify(bundle)
    assert found.tables == RECOMPUTED
    assert found.annotations > 100
    assert found.protocol is not None
    with zipfile.ZipFile(bundle) as archive:
        tables = json.loads(archive.read("tables.json"))["exhibits"]
    assert all(tables[key]["rows"] for key in RECOMPUTED)
    assert {row["perplexity"] for row in tables["table-1"]["rows"]} - {None}


def test_it_names_nobody(bundle: Path, kept: dict[str, bytes]) -> None:
    with zipfile.ZipFile(bundle) as archive:
        everything = b"\n".join(archive.read(name) for name in archive.namelist())
    for email in kept["emails"].split():
        assert email not in everything


def test_the_datasheet_tells_how_it_came_about(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        sheet = archive.read("datasheet.md").decode()
    for part in ("Recruitment", "By a notice at the library.", "Language verification", "Pay", "Load", "Instructions"):
        assert part in sheet
    assert "From invited to counted" in sheet
    assert "Locked " in sheet


@pytest.mark.parametrize("nth", range(12))
def test_a_changed_byte_is_refused_and_its_file_named(bundle: Path, nth: int) -> None:
    listed = [name for name in names(bundle) if name != MANIFEST]
    name = listed[nth % len(listed)]

    def change(files: dict[str, bytes]) -> None:
        content = files[name] or b"\0"
        files[name] = content[:-1] + bytes([content[-1] ^ 1])

    with pytest.raises(BundleError, match=f"^{name} is not the file"):
        verify(rewritten(bundle, change))


def relist(files: dict[str, bytes]) -> None:
    """Make the manifest fit again, as somebody would who knows how it is made."""
    import hashlib

    manifest = json.loads(files[MANIFEST])
    for name, listed in manifest["files"].items():
        listed |= {"sha256": hashlib.sha256(files[name]).hexdigest(), "bytes": len(files[name])}
    files[MANIFEST] = json.dumps(manifest).encode()


def test_other_verdicts_with_fitting_hashes_are_found_by_the_tables(bundle: Path) -> None:
    def change(files: dict[str, bytes]) -> None:
        lines = [json.loads(line) for line in files["annotations.jsonl"].splitlines()]
        counted = next(line for line in lines if line["status"] == "counted" and line["verdict"] == "reference")
        counted["verdict"] = "candidate"
        files["annotations.jsonl"] = "\n".join(json.dumps(line) for line in lines).encode()
        relist(files)

    with pytest.raises(BundleError, match=r"^tables\.json"):
        verify(rewritten(bundle, change))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda files: files.pop("passages.jsonl"), r"passages\.jsonl stands 0 times"),
        (lambda files: files.update({"extra.txt": b"x"}), r"extra\.txt stands in the bundle but not"),
        (lambda files: files.pop(MANIFEST), r"manifest\.json is missing"),
        (lambda files: files.update({MANIFEST: b"{"}), r"manifest\.json is no JSON"),
        (lambda files: files.update({MANIFEST: b"[]"}), r"manifest\.json lists no files"),
        (lambda files: files.update({MANIFEST: b'{"files": {}, "format": 99}'}), "says format 99"),
        (lambda files: files.update({MANIFEST: b"[" * 100_000}), r"manifest\.json is no JSON"),
    ],
)
def test_what_is_no_whole_bundle_is_refused(
    bundle: Path, change: Callable[[dict[str, bytes]], None], says: str
) -> None:
    with pytest.raises(BundleError, match=says):
        verify(rewritten(bundle, change))


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("protocol.json", lambda it: it["locked"]["content"].update(quota=9), r"protocol\.json"),
        ("study.json", lambda it: it.update(reference_tokens_sha256="0" * 64), r"tokenizer\.json"),
        ("study.json", lambda it: it.pop("systems"), "do not fit together"),
        ("tables.json", lambda it: it["exhibits"]["table-4"]["rows"].pop(), r"tables\.json: rows of table-4"),
    ],
)
def test_what_does_not_fit_the_rest_is_refused(
    bundle: Path, name: str, change: Callable[[dict[str, object]], None], says: str
) -> None:
    def rewrite(files: dict[str, bytes]) -> None:
        values = json.loads(files[name])
        change(values)
        files[name] = json.dumps(values).encode()
        relist(files)

    with pytest.raises(BundleError, match=says):
        verify(rewritten(bundle, rewrite))


def test_an_answer_too_many_is_refused(bundle: Path) -> None:
    def change(files: dict[str, bytes]) -> None:
        lines = files["annotations.jsonl"].splitlines()
        extra = next(json.loads(line) for line in lines if json.loads(line)["status"] == "counted")
        extra["annotation_id"] = 10**9
        files["annotations.jsonl"] = b"\n".join([*lines, json.dumps(extra).encode()])
        relist(files)

    with pytest.raises(BundleError, match=r"comparisons\.jsonl: comparison \d+ has \d+ annotations"):
        verify(rewritten(bundle, change))


def test_an_answer_about_nothing_is_refused(bundle: Path) -> None:
    def change(files: dict[str, bytes]) -> None:
        lines = files["comparisons.jsonl"].splitlines()
        files["comparisons.jsonl"] = b"\n".join(line for line in lines if not json.loads(line)["answered"])
        relist(files)

    with pytest.raises(BundleError, match=r"annotations\.jsonl is about comparison \d+, which is not in the bundle"):
        verify(rewritten(bundle, change))


def test_a_file_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.zip").write_bytes(b"Dear reader")
    for name in ("letter.zip", "absent.zip"):
        with pytest.raises(BundleError, match="is no bundle"):
            verify(tmp_path / name)


def test_a_manifest_of_other_values_is_refused(bundle: Path) -> None:
    def change(files: dict[str, bytes]) -> None:
        manifest = json.loads(files[MANIFEST])
        manifest["files"] = dict.fromkeys(manifest["files"], "x")
        files[MANIFEST] = json.dumps(manifest).encode()

    with pytest.raises(BundleError, match="do not fit together"):
        verify(rewritten(bundle, change))


def test_what_would_fill_the_memory_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, bytes(60_000_000))
    with pytest.raises(BundleError, match="would unpack to 60,000,000 bytes"):
        verify(tmp_path / "bomb.zip")


def test_an_encrypted_file_is_refused(bundle: Path) -> None:
    content = bytearray(bundle.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # of every file, and in the list of them all
        at = content.find(signature)
        while at >= 0:
            content[at + flags] |= 1
            at = content.find(signature, at + 4)
    bundle.with_name("locked.zip").write_bytes(content)
    with pytest.raises(BundleError, match=r"manifest\.json cannot be unpacked"):
        verify(bundle.with_name("locked.zip"))


def test_the_same_study_makes_the_same_files(session: Session) -> None:
    study = make_golden_study(session)
    made = [b"".join(Bundle(study).pieces(session)) for _ in range(2)]
    with zipfile.ZipFile(io.BytesIO(made[0])) as one, zipfile.ZipFile(io.BytesIO(made[1])) as other:
        listed = [json.loads(archive.read(MANIFEST))["files"] for archive in (one, other)]
    assert listed[0] == listed[1]
    assert isinstance(study, Study)


def test_a_study_that_nobody_judged_yet_is_a_bundle_too(session: Session, tmp_path: Path) -> None:
    study = make_asking_study(session, consent=True)
    study.reference_tokens_sha256 = keep_tokenizer(session, tiny_tokenizer_json(), "tiny")
    keep_guidelines(session, study)
    path = tmp_path / "new.zip"
    path.write_bytes(b"".join(Bundle(study).pieces(session)))
    assert {"consent/1.json", "guidelines/1.md"} < set(names(path))
    assert (verify(path).protocol, verify(path).annotations) == (None, 0)
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read("datasheet.md").decode()
    for line in ("Nobody has judged anything yet.", "Not locked", "Not said when this bundle was made."):
        assert line in sheet

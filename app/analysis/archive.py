"""Every table and figure as files: in a folder, or all in one zip."""

import io
import json
import zipfile
from collections.abc import Iterator

from app.analysis.drawing import pictures
from app.analysis.exhibit import Exhibit
from app.analysis.formats import as_csv, as_latex, as_values, provenance_values
from app.analysis.preferences import DatasetResult, SystemResult
from app.analysis.registry import Findings

# Archives with the same content are the same file.
_DATE = (1980, 1, 1, 0, 0, 0)


def results_values(found: Findings) -> dict[str, object]:
    """Everything as plain values, with stable keys; each system's numbers with the signature they were made by."""
    scenarios = dict.fromkeys(result.scenario for result in found.preferences)
    signatures = dict(zip(scenarios, found.find("table-1").signatures, strict=True))
    return {
        **provenance_values(found.provenance),
        "checks": [{"name": one.name, "passed": one.passed, "found": one.found} for one in found.checks],
        "systems": [_system_values(result, signatures[result.scenario]) for result in found.preferences],
        "exhibits": {exhibit.key: as_values(exhibit) for exhibit in found.exhibits},
    }


def results_files(found: Findings) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file, one after the other."""
    values = json.dumps(results_values(found), indent=2, ensure_ascii=False)
    yield "results.json", f"{values}\n".encode()
    yield "README.txt", _read_me(found).encode()
    for exhibit in found.exhibits:
        if exhibit.rows:
            yield f"{exhibit.key}.csv", as_csv(exhibit).encode()
            yield f"{exhibit.key}.tex", as_latex(exhibit, found.provenance).encode()
        if exhibit.draw is not None:
            for file_format, content in pictures(exhibit, found.provenance):
                yield f"{exhibit.key}.{file_format}", content


def results_zip(found: Findings) -> bytes:
    """All files in one archive, in a folder named for the study."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in results_files(found):
            entry = zipfile.ZipInfo(f"{found.provenance.study}-results/{name}", _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return out.getvalue()


def _system_values(result: SystemResult, signature: str) -> dict[str, object]:
    return {
        "system": result.system.name,
        "scenario": result.scenario,
        "n": result.verdicts.n,
        "wanted": result.wanted,
        "mean_preference_ratio": result.preference_ratio,
        "mean_parity_line": result.parity_line,
        "mean_ttr": result.mean_ttr,
        "signature": signature,
        "datasets": [_dataset_values(dataset) for dataset in result.datasets],
    }


def _dataset_values(result: DatasetResult) -> dict[str, object]:
    verdicts = result.verdicts
    return {
        "dataset": result.dataset,
        "n": verdicts.n,
        "candidate": verdicts.candidate,
        "equal": verdicts.equal,
        "reference": verdicts.reference,
        "preference_ratio": verdicts.preference_ratio,
        "parity_line": verdicts.parity_line,
        "ties_as_half": verdicts.ties_as_half,
        "wanted": result.wanted,
        "continuations": result.continuations,
        "recalled": result.recalled,
        "mean_ttr": result.mean_ttr,
        "original_ttr": result.original_ttr,
    }


def _read_me(found: Findings) -> str:
    lines = [*found.provenance.lines, ""]
    lines += [f"{_mark(check.passed)} {check.name}: {check.found}" for check in found.checks]
    for exhibit in found.exhibits:
        lines += ["", *_described(exhibit)]
    return "\n".join(lines) + "\n"


def _described(exhibit: Exhibit) -> list[str]:
    lines = [f"{exhibit.key}: {exhibit.name}. {exhibit.title}", exhibit.caption]
    lines += [f"  {signature}" for signature in exhibit.signatures]
    lines += [f"  {note}" for note in exhibit.notes]
    lines += [f"  reported, not ours: {one.what}: {one.value} ({one.source})" for one in exhibit.reported]
    if exhibit.missing:
        lines.append(f"  {exhibit.missing}")
    return lines


def _mark(passed: bool | None) -> str:
    return {True: "holds  ", False: "FAILS  ", None: "unknown"}[passed]

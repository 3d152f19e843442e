"""Every table and figure by its key: the one list that the page, the command line and the archive go by."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.analysis.checks import Check, shortcomings, study_checks
from app.analysis.evidence import Evidence
from app.analysis.exhibit import Exhibit, Provenance
from app.analysis.exhibits.chosen_text import figure_4
from app.analysis.exhibits.comparing import paired_comparisons
from app.analysis.exhibits.diversity import figure_3, table_2, table_5
from app.analysis.exhibits.downstream import table_7, table_8
from app.analysis.exhibits.first_choices import figure_5_left
from app.analysis.exhibits.form import form
from app.analysis.exhibits.hyperfitting import figure_2, figure_5_right
from app.analysis.exhibits.images import as_of_images, figure_6, figure_11
from app.analysis.exhibits.instruct import table_6
from app.analysis.exhibits.preference import table_1, table_4
from app.analysis.exhibits.quality import agreement, robustness
from app.analysis.exhibits.repetition import figure_9_left, figure_9_right
from app.analysis.exhibits.sharpness import table_3
from app.analysis.looks import last_look
from app.analysis.preferences import SystemResult
from app.domain.protocol import locked_protocol, protocol_hash, study_protocol
from app.errors import NotFoundError

BUILDERS: dict[str, Callable[[Evidence], Exhibit]] = {
    "table-1": table_1,
    "comparisons": paired_comparisons,
    "table-2": table_2,
    "figure-2": figure_2,
    "figure-3": figure_3,
    "table-3": table_3,
    "figure-4": figure_4,
    "table-4": table_4,
    "figure-5-left": figure_5_left,
    "figure-5-right": figure_5_right,
    "table-5": table_5,
    "table-6": table_6,
    "table-7": table_7,
    "table-8": table_8,
    "figure-9-left": figure_9_left,
    "figure-9-right": figure_9_right,
    "agreement": agreement,
    "robustness": robustness,
    "form": form,
}

IMAGE_BUILDERS: dict[str, Callable[[Evidence], Exhibit]] = {"figure-6": figure_6, "figure-11": figure_11}


@dataclass(frozen=True)
class Findings:
    """All exhibits of a study at one moment, with where they come from and what keeps them from being final."""

    provenance: Provenance
    checks: Sequence[Check]
    preferences: Sequence[SystemResult]
    exhibits: Sequence[Exhibit]

    def find(self, key: str) -> Exhibit:
        """The exhibit with this key. Raises NotFoundError, which names those there are."""
        for exhibit in self.exhibits:
            if exhibit.key == key:
                return exhibit
        raise NotFoundError(f"There is no table or figure {key!r} (there are: {', '.join(self.keys)}).")

    @property
    def keys(self) -> list[str]:
        """Which exhibits there are."""
        return [exhibit.key for exhibit in self.exhibits]

    @property
    def shown(self) -> list[Exhibit]:
        """The exhibits that have something to show."""
        return [exhibit for exhibit in self.exhibits if not exhibit.missing]

    @property
    def waiting(self) -> dict[str, list[Exhibit]]:
        """The others, by what they wait for."""
        reasons: dict[str, list[Exhibit]] = {}
        for exhibit in self.exhibits:
            if exhibit.missing:
                reasons.setdefault(exhibit.missing, []).append(exhibit)
        return reasons

    def with_exhibit(self, exhibit: Exhibit) -> "Findings":
        """The same with one exhibit in place of that of its key."""
        return replace(self, exhibits=[exhibit if one.key == exhibit.key else one for one in self.exhibits])


def exhibit_of(evidence: Evidence, key: str) -> Exhibit:
    """One exhibit as the study has it; one of images says of texts' exhibits what they are of images."""
    if key in IMAGE_BUILDERS:
        return IMAGE_BUILDERS[key](evidence)
    exhibit = BUILDERS[key](evidence)
    return as_of_images(exhibit, evidence.palette) if evidence.palette else exhibit


def findings(evidence: Evidence) -> Findings:
    """Build every exhibit."""
    checks = study_checks(evidence.session, evidence.study)
    keys = [*IMAGE_BUILDERS, *BUILDERS] if evidence.is_of_images else list(BUILDERS)
    return Findings(
        _provenance(evidence, checks),
        checks,
        evidence.preferences,
        [exhibit_of(evidence, key) for key in keys],
    )


def _provenance(evidence: Evidence, checks: list[Check]) -> Provenance:
    session, study = evidence.session, evidence.study
    look, locked = last_look(session, study), locked_protocol(session, study)
    return Provenance(
        study=study.slug,
        state=str(study.state),
        queried_at=f"{evidence.queried_at:%Y-%m-%dT%H:%M:%SZ}",
        protocol=locked.sha256 if locked else protocol_hash(study_protocol(session, study)),
        is_locked=locked is not None,
        look=look.number if look else None,
        withdrawn=evidence.withdrawn,
        shortcomings=shortcomings(checks),
    )

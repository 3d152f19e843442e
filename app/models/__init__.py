"""The tables, one module for each subject; importing this package registers them all."""

from app.models.annotation import Annotation, Assignment
from app.models.audit import AuditEntry
from app.models.checkpoint import Checkpoint
from app.models.comparison import Candidacy, Comparison
from app.models.continuation import Continuation
from app.models.downstream import DownstreamRun, DownstreamScore
from app.models.hyperfitting import HyperfitPoint, HyperfitRun, HyperfitTexts
from app.models.idempotency import KeptAnswer
from app.models.measurement import Measurement, Measuring
from app.models.passage import Passage
from app.models.person import ApiToken, Invitation, LoginAttempt, LoginSession, Person
from app.models.protocol import Contrast, LockedProtocol
from app.models.review import Review
from app.models.score import Score, Scoring
from app.models.study import Dataset, Look, ReferenceTokens, Study
from app.models.system import System
from app.models.taking_part import (
    Consent,
    ConsentForm,
    EnglishCheck,
    Flag,
    GuidelinesReading,
    GuidelinesText,
    Qualification,
    TrainingComparison,
)
from app.models.training_texts import TrainingTexts
from app.models.upload import CheckpointFile, Upload, UploadFile

__all__ = [
    "Annotation",
    "ApiToken",
    "Assignment",
    "AuditEntry",
    "Candidacy",
    "Checkpoint",
    "CheckpointFile",
    "Comparison",
    "Consent",
    "ConsentForm",
    "Continuation",
    "Contrast",
    "Dataset",
    "DownstreamRun",
    "DownstreamScore",
    "EnglishCheck",
    "Flag",
    "GuidelinesReading",
    "GuidelinesText",
    "HyperfitPoint",
    "HyperfitRun",
    "HyperfitTexts",
    "Invitation",
    "KeptAnswer",
    "LockedProtocol",
    "LoginAttempt",
    "LoginSession",
    "Look",
    "Measurement",
    "Measuring",
    "Passage",
    "Person",
    "Qualification",
    "ReferenceTokens",
    "Review",
    "Score",
    "Scoring",
    "Study",
    "System",
    "TrainingComparison",
    "TrainingTexts",
    "Upload",
    "UploadFile",
]

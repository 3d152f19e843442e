"""The tables, one module for each subject; importing this package registers them all."""

from app.models.annotation import Annotation, Assignment
from app.models.checkpoint import Checkpoint
from app.models.comparison import Candidacy, Comparison
from app.models.continuation import Continuation
from app.models.passage import Passage
from app.models.person import Invitation, LoginAttempt, LoginSession, Person
from app.models.review import Review
from app.models.score import Score, Scoring
from app.models.study import Dataset, Look, ReferenceTokens, Study
from app.models.system import System

__all__ = [
    "Annotation",
    "Assignment",
    "Candidacy",
    "Checkpoint",
    "Comparison",
    "Continuation",
    "Dataset",
    "Invitation",
    "LoginAttempt",
    "LoginSession",
    "Look",
    "Passage",
    "Person",
    "ReferenceTokens",
    "Review",
    "Score",
    "Scoring",
    "Study",
    "System",
]

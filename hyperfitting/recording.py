"""A run as the database follows it: how far it is, and a row for each validation."""

import time
from dataclasses import asdict

from sqlalchemy.orm import Session

from app.domain.hyperfit_curves import forget_points_after, record_point, record_updates
from hyperfitting.curve import CurvePoint
from hyperfitting.run import Step, Watchers

EVERY_S = 2.0


class Recorder:
    """Commits what a run reports; steps at most every two seconds, so that a fast run is not slowed down."""

    def __init__(self, session: Session, checkpoint_id: int) -> None:
        self.session, self.checkpoint_id = session, checkpoint_id
        self.said = -EVERY_S
        self.is_first = True

    @property
    def watchers(self) -> Watchers:
        """What a run tells."""
        return Watchers([self.on_step], [self.on_point])

    def on_step(self, step: Step) -> None:
        """Note how far the run is."""
        if self.is_first:
            # the run begins, or goes on before where the database saw it last
            forget_points_after(self.session, self.checkpoint_id, step.update - 1)
            self.is_first = False
        elif step.update < step.total and time.monotonic() < self.said + EVERY_S:
            return
        self.said = time.monotonic()
        record_updates(self.session, self.checkpoint_id, step.update, step.tokens_per_second)
        self.session.commit()

    def on_point(self, point: CurvePoint) -> None:
        """Keep a validation."""
        row = asdict(point)
        del row["tokens_per_second"]
        record_point(self.session, self.checkpoint_id, row)
        record_updates(self.session, self.checkpoint_id, point.update, point.tokens_per_second)
        self.session.commit()

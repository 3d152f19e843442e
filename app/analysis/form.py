"""How far form alone tells one system's texts from the originals, as annotators are shown them."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from metrics.form import FEWEST_PAIRS, display_features, told_apart, writing_features

# A text that loops is told by its loop, which is what people are asked to see.
LEAST_TTR = 0.5

_PAIRS = text("""
SELECT q.scenario, c.candidate_text, c.reference_text
FROM continuation t
JOIN passage p ON p.id = t.passage_id AND p.state = 'accepted' AND NOT p.unjudged AND p.width IS NULL
JOIN candidacy q ON q.continuation_id = t.id
JOIN comparison c ON c.id = q.comparison_id
WHERE t.system_id = :system AND CASE q.scenario WHEN 128 THEN t.ttr_128 ELSE t.ttr_256 END >= :least
  AND c.candidate_text <> '' AND c.reference_text <> ''
ORDER BY q.scenario, c.id
""")


def measure_form(session: Session, system_id: int) -> dict[str, dict[str, Any]]:
    """By scenario, how well display and writing tell the texts that do not loop; without those of too few pairs."""
    pairs: dict[str, list[tuple[str, str]]] = {}
    for scenario, candidate, original in session.execute(_PAIRS, {"system": system_id, "least": LEAST_TTR}):
        pairs.setdefault(str(scenario), []).append((candidate, original))
    return {
        scenario: {
            "display": asdict(told_apart(of_scenario, display_features)),
            "writing": asdict(told_apart(of_scenario, writing_features)),
        }
        for scenario, of_scenario in pairs.items()
        if len(of_scenario) >= FEWEST_PAIRS
    }

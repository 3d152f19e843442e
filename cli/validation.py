"""`toprank passages list|judge|trim|edit|check`: the verdicts of validation, for scripts."""

import json
from pathlib import Path
from typing import Annotated

import typer

from app.models.passage import PassageState
from cli.connection import DataDir, transaction

Slug = Annotated[str, typer.Argument(help="The study.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
PassageId = Annotated[int, typer.Argument(help="The passage's number, as `passages list` shows it.")]


def list_passages(
    slug: Slug,
    dataset: Annotated[str | None, typer.Option(help="Only of this dataset.")] = None,
    state: Annotated[PassageState | None, typer.Option(help="Only in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List a study's passages with what automatic checks suspect and what became of them."""
    from app.domain.studies import find_study
    from app.passages.validating import PassageFilter, page_of_passages

    with transaction(data_dir) as session:
        found = page_of_passages(session, find_study(session, slug), PassageFilter(dataset, state), limit=limit)
        rows = [
            {
                "id": passage.id,
                "dataset": passage.dataset.name,
                "state": str(passage.state),
                "suspicions": passage.suspicions,
                "reason": passage.reason,
                "is_edited": passage.is_edited,
                "text": passage.text,
            }
            for passage in found
        ]
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for passage in found:
        suspected = ", ".join(passage.suspicions or [])
        print(f"{passage.id:>8} {passage.dataset.name:20} {passage.state:9} {suspected:30} {passage.context[:40]}")


def judge(
    slug: Slug,
    passage_id: PassageId,
    reject: Annotated[
        str | None, typer.Option(help="Reject it, for this reason; without this, it is accepted.")
    ] = None,
    reconsider: Annotated[bool, typer.Option("--reconsider", help="Take the verdict back instead.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Accept a passage that waits, or reject it, or take a verdict back."""
    from app.domain.studies import find_study
    from app.errors import ToprankError
    from app.passages import validating

    if reject is not None and reconsider:
        raise ToprankError("A passage is either rejected or reconsidered; give one of the two.")
    with transaction(data_dir) as session:
        study = find_study(session, slug)
        if reject is not None:
            passage = validating.reject(session, study, passage_id, reject)
        elif reconsider:
            passage = validating.reconsider(session, study, passage_id)
        else:
            passage = validating.accept(session, study, passage_id)
        state = passage.state
    print(f"The passage {passage_id} is {state}.")


def trim(
    slug: Slug,
    passage_id: PassageId,
    earlier: Annotated[bool, typer.Option("--earlier", help="At an earlier sentence instead of a later one.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Begin a passage that waits at a later sentence of its text, and print how it begins now."""
    from app.domain.studies import find_study
    from app.passages import validating

    direction = validating.Direction.EARLIER if earlier else validating.Direction.LATER
    with transaction(data_dir) as session:
        context = validating.trim(session, find_study(session, slug), passage_id, direction).context
    print(f"The passage {passage_id} begins: {context}")


def edit(
    slug: Slug,
    passage_id: PassageId,
    text: Annotated[Path, typer.Argument(help="A file with the mended text; - reads it from the standard input.")],
    data_dir: DataDir = None,
) -> None:
    """Mend a passage that waits by hand; its text as it was is kept, and it is left out by default."""
    from app.domain.studies import find_study
    from app.passages import validating
    from cli.files import text_of

    words = text_of(text)
    with transaction(data_dir) as session:
        context = validating.edit(session, find_study(session, slug), passage_id, words).context
    print(f"The passage {passage_id} begins: {context}")


def check(slug: Slug, data_dir: DataDir = None) -> None:
    """Check the passages that wait again, now that there are more of them or a training set."""
    from app.domain.studies import find_study
    from app.passages.suspicions import check_passages

    with transaction(data_dir) as session:
        count = check_passages(session, find_study(session, slug), again=True)
    print(f"{count} passages were checked.")

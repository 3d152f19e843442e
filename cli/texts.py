"""`toprank texts`: what systems wrote, and what was said of it."""

import json
from typing import Annotated

import typer

from cli.connection import DataDir, transaction


def texts(
    slug: Annotated[str, typer.Argument(help="The study.")],
    scenario: Annotated[int, typer.Option(help="128 or 256.")] = 256,
    dataset: Annotated[str, typer.Option(help="Only of this dataset.")] = "",
    system: Annotated[str, typer.Option(help="Only of this system.")] = "",
    verdict: Annotated[str, typer.Option(help="Of which somebody said candidate, equal or reference.")] = "",
    consensus: Annotated[str, typer.Option(help="Of which all said the same: good or bad; or not: split.")] = "",
    passage: Annotated[int | None, typer.Option(min=1, help="Only of this passage, by its number.")] = None,
    overlap: Annotated[int, typer.Option(help="With so many tokens in a row of the training set at least.")] = 0,
    after: Annotated[int, typer.Option(min=0, help="Only those with a larger number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 100,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each text.")] = False,
) -> None:
    """Print continuations with the verdicts on them, by number; before the study closes this needs a look."""
    from dataclasses import asdict

    from pydantic import ValidationError

    from app.analysis.judged_texts import page_of_texts
    from app.analysis.looks import check_is_open_to_look
    from app.analysis.texts import TextChoice
    from app.domain.studies import find_study
    from app.errors import ToprankError

    given = {"scenario": scenario, "dataset": dataset, "system": system, "verdict": verdict, "consensus": consensus}
    try:
        wanted = TextChoice.model_validate(given | {"overlap": overlap})
    except ValidationError as error:
        faults = [f"--{fault['loc'][0]} {fault['msg'][:1].lower()}{fault['msg'][1:]}" for fault in error.errors()]
        raise ToprankError(f"This makes no sense: {'; '.join(faults)}.") from error
    with transaction(data_dir) as session:
        study = find_study(session, slug)
        check_is_open_to_look(session, study)
        found = page_of_texts(session, study, wanted, after=after, limit=limit, passage=passage)
    for one in found:
        if as_json:
            print(json.dumps(asdict(one), ensure_ascii=False))
            continue
        said = f"{one.verdicts.candidate}/{one.verdicts.equal}/{one.verdicts.reference}"
        print(f"{one.id:>8} {one.system} ({one.dataset} {one.passage_id}, TTR {one.ttr:.2f}, {said})")
        print(f"         {' '.join(one.context.split())} | {' '.join(one.text.split())}")

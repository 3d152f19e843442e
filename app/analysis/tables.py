"""Results as tables: plain values for JSON and CSV, and LaTeX with booktabs."""

import csv
import io
from typing import Any

from app.analysis.preferences import DatasetResult, Results, SystemResult

_LATEX_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
    }
)


def as_values(results: Results, *, look: int | None) -> dict[str, Any]:
    """Everything, with stable keys; `look` is the number of the last look, None if nobody took one."""
    return {
        "study": results.study,
        "queried_at": results.queried_at.isoformat(),
        "look": look,
        "systems": [_system_values(results, result) for result in results.systems],
    }


def as_csv(results: Results) -> str:
    """One line for each system, scenario and dataset."""
    rows = [
        {"system": system["system"], "scenario": system["scenario"]} | dataset
        for system in as_values(results, look=None)["systems"]
        for dataset in system["datasets"]
    ]
    out = io.StringIO()
    if rows:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return out.getvalue()


def as_latex(results: Results) -> str:
    """Table 1: preference ratio (%) and TTR for each system and scenario, means over datasets."""
    scenarios = sorted({result.scenario for result in results.systems})
    names = list(dict.fromkeys(result.system for result in results.systems))
    found = {(result.system, result.scenario): result for result in results.systems}
    heads = " & ".join(rf"\multicolumn{{3}}{{c}}{{{scenario} tokens}}" for scenario in scenarios)
    columns = " & ".join("Preferred & Parity & TTR" for _ in scenarios)
    rows = [
        " & ".join([name.translate(_LATEX_ESCAPES), *(_latex_cells(found.get((name, one))) for one in scenarios)])
        for name in names
    ]
    signatures = "".join(f"% {results.signature(scenario)}\n" for scenario in scenarios)
    return (
        f"{signatures}% queried {results.queried_at.isoformat()}\n"
        rf"\begin{{tabular}}{{l{'rrr' * len(scenarios)}}}" + "\n\\toprule\n"
        f" & {heads} \\\\\nSystem & {columns} \\\\\n\\midrule\n"
        + "".join(f"{row} \\\\\n" for row in rows)
        + "\\bottomrule\n\\end{tabular}\n"
    )


def _system_values(results: Results, result: SystemResult) -> dict[str, Any]:
    return {
        "system": result.system,
        "scenario": result.scenario,
        "n": result.verdicts.n,
        "wanted": result.wanted,
        "mean_preference_ratio": result.mean_preference_ratio,
        "mean_parity_line": result.mean_parity_line,
        "mean_ttr": result.mean_ttr,
        "signature": results.signature(result.scenario),
        "datasets": [_dataset_values(dataset) for dataset in result.datasets],
    }


def _dataset_values(result: DatasetResult) -> dict[str, Any]:
    return {
        "dataset": result.dataset,
        "n": result.verdicts.n,
        "candidate": result.verdicts.candidate,
        "equal": result.verdicts.equal,
        "reference": result.verdicts.reference,
        "preference_ratio": result.verdicts.preference_ratio,
        "parity_line": result.verdicts.parity_line,
        "ties_as_half": result.verdicts.ties_as_half,
        "wanted": result.wanted,
        "continuations": result.continuations,
        "recalled": result.recalled,
        "mean_ttr": result.mean_ttr,
        "original_ttr": result.original_ttr,
    }


def _latex_cells(result: SystemResult | None) -> str:
    if result is None:
        return "-- & -- & --"
    values = (result.mean_preference_ratio, result.mean_parity_line, result.mean_ttr)
    return " & ".join("--" if value is None else f"{100 * value:.1f}" for value in values)

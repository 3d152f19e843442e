"""Every table of preferences, recomputed from an export (CSV) alone: `python -I recompute.py export.csv` prints JSON.

It shares no line with the product and imports the standard library only; whoever doubts a number can read it whole.
"""

import csv
import json
import sys
from collections import Counter, defaultdict
from itertools import combinations
from math import sqrt
from pathlib import Path
from statistics import fmean

QUOTA = 3
SIDES = ("candidate", "equal", "reference")


def positive(row):
    return row["verdict"] != "reference"


def ratio(rows):
    return fmean(map(positive, rows))


def by(rows, *keys):
    groups = defaultdict(list)
    for row in rows:
        groups[tuple(row[key] for key in keys)].append(row)
    return groups


def wilson(share, n, z=1.959963984540054):
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return [middle - reach, middle + reach]


def quantile(values, share):
    ordered, place = sorted(values), share * (len(values) - 1)
    low = int(place)
    return ordered[low] + (place - low) * (ordered[min(low + 1, len(ordered) - 1)] - ordered[low])


def table_1(counted):
    table = {}
    for (system, scenario), rows in by(counted, "system", "scenario").items():
        datasets, parts = by(rows, "dataset").values(), Counter(row["verdict"] for row in rows)
        ties = [fmean(row["verdict"] == "equal" for row in one) for one in datasets]
        variances, clusters = [], []
        for one in datasets:
            passages = by(one, "passage_id").values()
            residuals = [sum(positive(row) - ratio(one) for row in passage) for passage in passages]
            clusters.append(len(passages))
            variances.append(clusters[-1] / (clusters[-1] - 1) * sum(r * r for r in residuals) / len(one) ** 2)
        table[f"{system}/{scenario}"] = {
            "preference_ratio": fmean(map(ratio, datasets)),
            "parity_line": fmean((1 + share) / 2 for share in ties),
            "ties_as_half": fmean(ratio(one) - share / 2 for one, share in zip(datasets, ties, strict=True)),
            "n": len(rows),
            **{side: parts[side] for side in SIDES},
            "standard_error": sqrt(sum(variances)) / len(datasets),
            "freedom": sum(variances) ** 2 / sum(v * v / (g - 1) for v, g in zip(variances, clusters, strict=True)),
            "ttr": {
                dataset: fmean({row["passage_id"]: float(row["candidate_ttr"]) for row in one}.values())
                for (dataset,), one in by(rows, "dataset").items()
            },
        }
    return table


def table_4(counted):
    long = [row for row in counted if row["scenario"] == "256"]
    return {
        system: {dataset: [ratio(rows), len(rows)] for (dataset,), rows in by(of_system, "dataset").items()}
        for (system,), of_system in by(long, "system").items()
    }


def comparisons(counted):
    found = []
    for (scenario,), rows in sorted(by(counted, "scenario").items()):
        sides = {system: by(of_system, "dataset", "passage_id") for (system,), of_system in by(rows, "system").items()}
        names = ["tiny, greedy", "tiny, nucleus", "tiny, hyperfitted"]
        for other, one in sorted(combinations(range(3), 2), key=lambda pair: pair[::-1]):
            found.append([names[one], names[other], scenario, *paired(sides[names[one]], sides[names[other]])])
    order, adjusted, running = sorted(range(len(found)), key=lambda at: found[at][4]), {}, 0.0
    for rank, at in enumerate(order):
        running = max(running, min(1.0, (len(found) - rank) * found[at][4]))
        adjusted[at] = running
    return [[*row, adjusted[at]] for at, row in enumerate(found)]


def paired(one, other):
    """Mean over datasets of the difference of ratios; the share of all flips of passages that differ as much; passages.

    Each side has QUOTA annotations on a passage, so that flipping the systems flips the sign of its difference.
    """
    shared = [key for key in one if key in other]
    steps = {key: sum(map(positive, one[key])) - sum(map(positive, other[key])) for key in shared}
    datasets = {dataset for dataset, _ in shared}
    difference = fmean(fmean(steps[key] / QUOTA for key in shared if key[0] == name) for name in datasets)
    ways = {0: 1}
    for step in steps.values():
        following = defaultdict(int)
        for total, count in ways.items():
            following[total + step] += count
            following[total - step] += count
        ways = following
    as_far = sum(count for total, count in ways.items() if abs(total) >= abs(sum(steps.values())))
    return difference, as_far / 2 ** len(shared), len(shared)


def agreement(counted):
    once = {(row["comparison_id"], row["annotator"]): row for row in counted}.values()
    table = {}
    for name, rows in [*((s, [r for r in once if r["scenario"] == s]) for s in ("128", "256")), ("both", list(once))]:
        units = [[row["verdict"] for row in unit] for unit in by(rows, "comparison_id").values()]
        totals = Counter(verdict for unit in units for verdict in unit)
        raw = fmean(fmean(a == b for a, b in combinations(unit, 2)) for unit in units)
        chance = sum((totals[side] / totals.total()) ** 2 for side in SIDES)
        decided = [row["verdict_shown"] for row in rows if row["verdict"] != "equal"]
        share = fmean(shown == "first" for shown in decided)
        table[name] = {
            "comparisons": len(units),
            "n": len(rows),
            "raw": raw,
            "alpha_nominal": alpha(units, totals, nominal),
            "alpha_ordinal": alpha(units, totals, ordinal),
            "kappa": (raw - chance) / (1 - chance),
            "first_share": share,
            "first_interval": wilson(share, len(decided)),
        }
    return table


def nominal(_totals, one, other):
    return one != other


def ordinal(totals, one, other):
    low, high = sorted((SIDES.index(one), SIDES.index(other)))
    return (sum(totals[side] for side in SIDES[low : high + 1]) - (totals[one] + totals[other]) / 2) ** 2


def alpha(units, totals, distance):
    n = totals.total()
    observed = sum(2 * sum(distance(totals, a, b) for a, b in combinations(u, 2)) / (len(u) - 1) for u in units) / n
    expected = sum(totals[a] * totals[b] * distance(totals, a, b) for a in SIDES for b in SIDES) / (n * (n - 1))
    return 1 - observed / expected


def robustness(every):
    table = {}
    for (system, scenario), rows in by(every, "system", "scenario").items():
        of = by(rows, "status")
        counted, skipped, surplus = of[("counted",)], len(of[("skipped",)]), of[("surplus",)]
        yes, n = sum(map(positive, counted)), len(counted)
        first = [row for row in counted if row["passage_exposure"] == "1"]
        table[f"{system}/{scenario}"] = {
            "preference_ratio": yes / n,
            "order_strata": fmean(map(ratio, by(counted, "shown_first").values())),
            "first_exposure": ratio(first),
            "first_exposure_n": len(first),
            "skip_rate": skipped / (n + len(surplus) + skipped),
            "skip_bounds": [yes / (n + skipped), (yes + skipped) / (n + skipped)],
            "surplus_rate": len(surplus) / (n + len(surplus)),
            "with_surplus": ratio([*counted, *surplus]),
        }
    return table


def figure_9_left(counted):
    groups = {"good": [], "split": [], "bad": []}
    for rows in by(counted, "system", "comparison_id").values():
        if len(rows) == QUOTA:
            group = {QUOTA: "good", 0: "bad"}.get(sum(map(positive, rows)), "split")
            groups[group].append(float(rows[0]["candidate_ttr"]))
    return {
        name: {
            "n": len(values),
            "mean": fmean(values),
            **{key: quantile(values, at) for key, at in (("quartile_1", 0.25), ("median", 0.5), ("quartile_3", 0.75))},
            "lowest": min(values),
            "hidden": sum(not quantile(values, 0.025) <= one <= quantile(values, 0.975) for one in values),
        }
        for name, values in groups.items()
    }


def main():
    with Path(sys.argv[1]).open(newline="") as file:
        every = list(csv.DictReader(file))
    counted = [row for row in every if row["status"] == "counted"]
    tables = (table_1, table_4, comparisons, agreement, figure_9_left)
    values = {table.__name__: table(counted) for table in tables} | {"robustness": robustness(every)}
    sys.stdout.write(json.dumps(values))


if __name__ == "__main__":
    main()

"""Carry out a recipe: make its checkpoints, evaluate its systems, and write down what came of it.

python -m hyperfitting.kitchen recipes/reproduce-small.toml --out results/reproduce-small
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from app.settings import Settings
from app.texts.reading import read_texts
from generation.checkpoint_folder import checkpoint_folder
from generation.own_tokens import OwnTokens
from hyperfitting.checkpoints import read_lineage
from hyperfitting.config import HyperfitConfig
from hyperfitting.data import Document, choose
from hyperfitting.evaluation import Evaluated, HeldOut, evaluate, held_out_passages
from hyperfitting.plan import Plan, admitted
from hyperfitting.recipes import BASE, DEMO_MODEL, PACKAGED, Contender, Recipe, RecipeError, Run
from hyperfitting.run import Watchers, hyperfit

REHEARSED_VALIDATION = 8


@dataclass(frozen=True)
class Kitchen:
    """A recipe being run: where its results go, and who hears of it."""

    recipe: Recipe
    out: Path
    report: Callable[[str], None]

    def run(self) -> dict[str, list[Evaluated]]:
        """Make what is missing and return what every system did, by its name."""
        for run in self.recipe.runs:
            self.make(run)
        return {contender.name: self.evaluate(contender) for contender in self.recipe.contenders}

    def base(self) -> Path:
        """The folder of the base checkpoint."""
        if self.recipe.base == DEMO_MODEL:
            from generation.smollm2 import prepare

            return prepare(Settings().cache_dir)
        return checkpoint_folder(self.recipe.base)

    def checkpoint(self, run: str) -> Path:
        """Where a run's checkpoint is, or will be."""
        return self.base() if run == BASE else self.out / "checkpoints" / file_name(run)

    def make(self, run: Run) -> None:
        """Hyperfit, unless it is done."""
        plan = self.plan(run)
        plan.out.parent.mkdir(parents=True, exist_ok=True)
        hyperfit(plan, Watchers([lambda step: self.report(f"{run.name}: {step}")]))

    def training_sets(self) -> dict[str, list[list[int]]]:
        """The sequences that each run learns, by its name."""
        tokens = OwnTokens(self.base())
        plans = {run.name: self.plan(run) for run in self.recipe.runs}
        return {name: choose(admitted(plan)[0], tokens, plan.config).training.tolist() for name, plan in plans.items()}

    def plan(self, run: Run) -> Plan:
        """What a run is to make; nothing that any system is evaluated on is learnt."""
        return Plan(
            base=self.base(),
            base_name=self.recipe.base,
            documents=self.documents(run.data),
            data_name=self.recipe.data[run.data],
            out=self.checkpoint(run.name),
            config=self.config(run),
            passages=[passage for name in self.recipe.held_out for passage in self._texts(self.recipe.held_out[name])],
        )

    def config(self, run: Run) -> HyperfitConfig:
        """The run's choices; a control on fresh data follows what the run before it did."""
        if run.fresh_as is None:
            return self._rehearsed(HyperfitConfig.from_json(run.choices))
        done = read_lineage(self.checkpoint(run.fresh_as))
        if done is None:
            raise RecipeError(f"The run {run.name} follows {run.fresh_as}, which has not been made.")
        size = run.choices.get("batch_size", HyperfitConfig.batch_size)
        config = HyperfitConfig.from_json(run.choices)
        return self._rehearsed(replace(config, samples=done.update * size, updates=done.update))

    def _rehearsed(self, config: HyperfitConfig) -> HyperfitConfig:
        """The run's own choices, unless this is a rehearsal."""
        most = self.recipe.most_updates
        if most is None:
            return config
        few = min(config.validation_samples, REHEARSED_VALIDATION)
        return replace(config, updates=min(most, config.total_updates), validation_samples=few, contexts=0)

    def documents(self, data: str) -> list[Document]:
        """The texts to train on."""
        source = self.recipe.data[data]
        if source == PACKAGED:
            from hyperfitting.wikipedia import introductions

            return introductions(Settings().cache_dir)
        return self._texts(source)

    def _texts(self, file: str) -> list[Document]:
        return [Document(text.text, text.source) for text in read_texts(self.recipe.root / file)]

    def held_out(self) -> list[HeldOut]:
        """The passages that every system continues."""
        tokens = OwnTokens(self.base())
        return [
            passage
            for dataset, file in self.recipe.held_out.items()
            for passage in held_out_passages(self.recipe.root / file, dataset, tokens, self.recipe.passages_per_dataset)
        ]

    def evaluate(self, contender: Contender) -> list[Evaluated]:
        """What a system does with the passages, made where it is missing."""
        file = self.out / "evaluated" / f"{file_name(contender.name)}.jsonl"
        return evaluate(
            self.checkpoint(contender.run),
            contender.decoding,
            self.held_out(),
            file,
            lambda line: self.report(f"{contender.name}: {line}"),
        )


def file_name(name: str) -> str:
    """A name as a file may have it.

    >>> file_name("quantity samples=16")
    'quantity-samples-16'
    """
    return re.sub(r"[^\w.]+", "-", name).strip("-")

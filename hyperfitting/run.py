"""One run from texts to a finished checkpoint, which appears under its name only when it is complete.

Until then everything is in a folder beside it, from which the same call goes on after any end.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from app.errors import ConflictError
from generation.own_tokens import OwnTokens
from hyperfitting.checkpoints import Lineage, code_version, complete, read_lineage, save_weights, weight_hashes
from hyperfitting.config import HyperfitConfig, Keep
from hyperfitting.curve import CURVE, CurvePoint, Text, append_point, keep_until, read_curve
from hyperfitting.data import Sequences, choose, data_sha256
from hyperfitting.model import check_base, load_model
from hyperfitting.plan import Plan, admitted, claim, is_same
from hyperfitting.sharding import check_batch, shard
from hyperfitting.state import restore_state, save_state
from hyperfitting.training import DivergedError, Share, Trainer
from hyperfitting.validation import Task, validate

TEXTS = 3
LOWEST = "lowest"


@dataclass(frozen=True)
class Step:
    """How far a run is."""

    update: int
    total: int
    loss: float
    tokens_per_second: float

    def __str__(self) -> str:
        return f"update {self.update} of {self.total}, loss {self.loss:.3f}, {self.tokens_per_second:.0f} tokens/s"


@dataclass
class Watchers:
    """Who hears of a run while it goes on."""

    on_step: list[Callable[[Step], None]] = field(default_factory=list)
    on_point: list[Callable[[CurvePoint], None]] = field(default_factory=list)


def hyperfit(plan: Plan, watchers: Watchers, share: Share | None = None) -> Path:
    """Make the checkpoint, or go on making it; the folder it is in. Raises a ToprankError with what to do."""
    finished = read_lineage(plan.out)
    if finished is not None and is_same(plan, finished):
        return plan.out
    if plan.out.exists():
        raise ConflictError(f"{plan.out} exists already and holds something else; choose another --out.")
    check_base(plan.base, plan.config)
    documents, overlap = admitted(plan)
    tokens = OwnTokens(plan.base)
    sequences = choose(documents, tokens, plan.config)
    share = share or Share()
    check_batch(plan.config, share)
    if share.rank == 0:
        claim(plan)
    share.wait()
    run = _Run(plan, watchers, tokens, sequences, share)
    run.train()
    return run.publish(overlap, left_out=len(plan.documents) - len(documents))


class _Run:
    """The parts of a run that belong together: what is trained, what watches, and where it is kept."""

    def __init__(self, plan: Plan, watchers: Watchers, tokens: OwnTokens, sequences: Sequences, share: Share) -> None:
        torch.manual_seed(plan.config.seed)
        self.plan, self.watchers, self.tokens, self.sequences = plan, watchers, tokens, sequences
        self.task = Task.of_images(tokens.palette, tokens.beginning_length) if tokens.palette else Task()
        model = place(load_model(plan.base, plan.config), plan.config, share)
        self.trainer = Trainer(model, sequences.training, plan.config, share)
        self.began, self.seconds, self.updates = time.monotonic(), 0.0, 0
        self.curve = self._go_on()

    def _go_on(self) -> list[CurvePoint]:
        """Take up what an earlier run left, and return its curve as far as it counts."""
        work, update = self.plan.work, -1
        if restore_state(work, self.trainer):
            update = self.trainer.update
        if self.trainer.share.rank == 0:
            keep_until(work / CURVE, update)
            if update < 0:
                shutil.rmtree(work / LOWEST, ignore_errors=True)
        self.trainer.share.wait()
        return read_curve(work / CURVE)

    def train(self) -> None:
        """Until the configuration says that it is enough."""
        trainer, config = self.trainer, self.plan.config
        if trainer.update == 0:
            self._watch()
        while not trainer.is_done:
            self._step()
            if trainer.is_done or trainer.update % config.validation_interval == 0:
                self._watch()
            if trainer.is_done or trainer.update % config.saving_interval == 0:
                save_state(self.plan.work, trainer)

    def _step(self) -> None:
        began = time.monotonic()
        try:
            loss = self.trainer.step()
        except DivergedError as error:
            kept = (
                "what was saved last is kept" if (self.plan.work / "state.json").exists() else "nothing was saved yet"
            )
            raise DivergedError(
                f"{error}; the run stopped and {kept} in {self.plan.work}. Lower --lr and choose another --out."
            ) from error
        self.seconds += time.monotonic() - began
        self.updates += 1
        step = Step(self.trainer.update, self.plan.config.total_updates, loss, self._speed() or 0.0)
        for hear in self.watchers.on_step:
            hear(step)

    def _watch(self) -> None:
        """Validate, keep the point and tell whoever watches."""
        trainer = self.trainer
        measured = validate(trainer.model, self.sequences.validation, self.plan.config, self.task)
        point = CurvePoint(
            update=trainer.update,
            epoch=trainer.update / self.plan.config.epoch_updates,
            train_loss=trainer.train_loss,
            validation_loss=measured.loss,
            entropy=measured.entropy,
            ttr_first_96=measured.ttr_first_96,
            ttr_last_96=measured.ttr_last_96,
            tokens_per_second=self._speed(),
            texts=self._texts(measured.continuations),
        )
        self._keep_lowest(point)
        self.curve.append(point)
        if trainer.share.rank == 0:
            append_point(self.plan.work / CURVE, point)
            for hear in self.watchers.on_point:
                hear(point)

    def _keep_lowest(self, point: CurvePoint) -> None:
        """Save the weights where the held-out loss is the lowest after an update so far."""
        earlier = [one.validation_loss for one in self.curve if one.update]
        if self.plan.config.keep is Keep.LAST or not point.update or point.validation_loss >= min(earlier, default=9e9):
            return
        self._save_weights(self.plan.work / LOWEST)

    def _save_weights(self, folder: Path) -> None:
        writes = self.trainer.share.rank == 0
        fresh = folder.with_name(f"{folder.name}.new")
        if writes:
            shutil.rmtree(fresh, ignore_errors=True)
        save_weights(fresh, self.trainer.model, self.plan.config, writes=writes)
        if writes:
            shutil.rmtree(folder, ignore_errors=True)
            fresh.rename(folder)

    def _texts(self, continuations: list[list[int]]) -> tuple[Text, ...]:
        contexts = self.sequences.validation[:TEXTS, : self.task.given].tolist()
        start = self.tokens.beginning_length if self.tokens.palette else 0  # an image is its pixels alone
        return tuple(
            Text(self.tokens.text(context[start:]), self.tokens.text_after(context, written))
            for context, written in zip(contexts, continuations[:TEXTS], strict=False)
        )

    def _speed(self) -> float | None:
        config = self.plan.config
        tokens = self.updates * min(config.batch_size, config.samples) * config.length
        return tokens / self.seconds if self.seconds else None

    def publish(self, overlap: str, *, left_out: int) -> Path:
        """Make the folder complete and give it its name."""
        plan, config = self.plan, self.plan.config
        made = plan.work / (LOWEST if config.keep is Keep.LOWEST_VALIDATION_LOSS else "last")
        if config.keep is Keep.LAST:
            self._save_weights(made)
        if self.trainer.share.rank:
            self.trainer.share.wait()
            return plan.out
        complete(made, plan.base, self._lineage(overlap, left_out), self.sequences.training_set)
        shutil.copyfile(plan.work / CURVE, made / CURVE)
        made.rename(plan.out)
        shutil.rmtree(plan.work)
        self.trainer.share.wait()
        return plan.out

    def _lineage(self, overlap: str, left_out: int) -> Lineage:
        plan, trainer = self.plan, self.trainer
        trained = [point for point in self.curve if point.update]
        kept = trained[-1]
        if plan.config.keep is Keep.LOWEST_VALIDATION_LOSS:
            kept = min(trained, key=lambda point: point.validation_loss)
        return Lineage(
            base=plan.base_name,
            base_sha256=weight_hashes(plan.base),
            data=plan.data_name,
            data_sha256=data_sha256(plan.documents),
            training_set_sha256=self.sequences.training_set.sha256,
            documents=len(plan.documents),
            documents_left_out=left_out,
            overlap=overlap,
            beginning=self.tokens.beginning,
            config=plan.config.as_json(),
            seed=plan.config.seed,
            update=kept.update,
            ended="at the last update"
            if trainer.update >= plan.config.total_updates
            else f"below the loss {plan.config.stop_at_loss}",
            train_loss=kept.train_loss,
            validation_loss=kept.validation_loss,
            code=code_version(),
            torch=torch.__version__,
            device=str(trainer.device),
            processes=trainer.share.of,
        )


def place(model: nn.Module, config: HyperfitConfig, share: Share) -> nn.Module:
    """The model where it is trained: a GPU if there is one; sharded where several processes train."""
    if share.of > 1:
        return shard(model, config.precision, share)
    return model.to("cuda" if torch.cuda.is_available() else "cpu")

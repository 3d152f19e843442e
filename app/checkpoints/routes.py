"""/checkpoints: the models that systems are made of, each with what it consists of and where it came from."""

from typing import Annotated, get_args
from uuid import UUID

from fastapi import APIRouter, Form
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from app.checkpoints.lineage import describe
from app.checkpoints.uploads import CANCELLED, cancel_upload, find_upload, unfinished_uploads
from app.dependencies import CurrentResearcher, DbSession
from app.domain.engine_settings import Dtype, EngineSettings, change_engine_settings, engine_settings_of
from app.domain.hyperfit_curves import hyperfitting_of, trained_ids
from app.domain.registry import find_with_files, sizes_of_checkpoints, validate_again
from app.domain.store import Store
from app.domain.systems import HUB_ID, add_hub_checkpoint, all_checkpoints
from app.forms import PageForm
from app.models import Person
from app.resources import resources_of
from app.templating import is_htmx, render, see_other

router = APIRouter(prefix="/checkpoints")
Devices = Annotated[int, Field(ge=1, le=1024)]


class HubForm(PageForm):
    """A checkpoint of the hub; folders of the server are for whoever has a shell there."""

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
    hub_id: Annotated[str, Field(pattern=f"^{HUB_ID}$")]
    instruct: bool = False


class LoadingForm(PageForm):
    """How workers load a checkpoint."""

    dtype: Dtype
    longest: Annotated[int, Field(ge=1, le=10_000_000)]
    tensor_parallel: Devices
    pipeline_parallel: Devices
    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)]
    enforce_eager: bool = False

    @property
    def settings(self) -> EngineSettings:
        """The same for the domain."""
        return EngineSettings(**self.model_dump(exclude={"csrf_token"}))


@router.get("")
def list_checkpoints(request: Request, _researcher: CurrentResearcher, session: DbSession) -> Response:
    """Every checkpoint, by name."""
    return render(
        request,
        "checkpoints/list.html",
        checkpoints=all_checkpoints(session),
        sizes=sizes_of_checkpoints(session),
        trained=trained_ids(session),
    )


@router.post("")
def submit_checkpoint(researcher: CurrentResearcher, session: DbSession, form: Annotated[HubForm, Form()]) -> Response:
    """Register it; workers fetch it when they need it."""
    made = add_hub_checkpoint(session, form.name.strip(), form.hub_id, instruct=form.instruct, by=researcher)
    return see_other(f"/checkpoints/{made.id}")


@router.get("/upload")
def show_upload(request: Request, researcher: CurrentResearcher, session: DbSession) -> Response:
    """Send a folder, and see which uploads are not finished."""
    return render(request, "checkpoints/upload.html", unfinished=unfinished_uploads(session, researcher.id))


@router.post("/upload/{upload_id}/cancel")
def cancel(
    request: Request,
    researcher: CurrentResearcher,
    session: DbSession,
    upload_id: UUID,
    _form: Annotated[PageForm, Form()],
) -> Response:
    """Forget an upload; its bytes go when nobody can come back to them."""
    cancel_upload(session, find_upload(session, researcher.id, upload_id), CANCELLED, by_id=researcher.id)
    session.commit()
    Store(resources_of(request).settings.store_dir).forget(upload_id)
    return see_other("/checkpoints/upload")


@router.get("/{checkpoint_id}")
def show_checkpoint(
    request: Request, _researcher: CurrentResearcher, session: DbSession, checkpoint_id: int
) -> Response:
    """One checkpoint; to htmx, which asks while a worker tries it, only where it stands."""
    checkpoint, files = find_with_files(session, checkpoint_id)
    run = hyperfitting_of(session, checkpoint)
    return render(
        request,
        "checkpoints/_standing.html" if is_htmx(request) else "checkpoints/show.html",
        checkpoint=checkpoint,
        files=files,
        size=sum(file.size for file in files),
        owner=session.get(Person, checkpoint.person_id) if checkpoint.person_id else None,
        run=run,
        lineage=describe(run.run.lineage if run else checkpoint.lineage),
        loading=engine_settings_of(checkpoint),
        dtypes=get_args(Dtype),
    )


@router.post("/{checkpoint_id}/loading")
def submit_loading(
    researcher: CurrentResearcher, session: DbSession, checkpoint_id: int, form: Annotated[LoadingForm, Form()]
) -> Response:
    """Change how workers load it."""
    change_engine_settings(session, find_with_files(session, checkpoint_id)[0], form.settings, by=researcher)
    return see_other(f"/checkpoints/{checkpoint_id}")


@router.post("/{checkpoint_id}/validate")
def try_again(
    researcher: CurrentResearcher, session: DbSession, checkpoint_id: int, _form: Annotated[PageForm, Form()]
) -> Response:
    """Let a worker try a checkpoint once more that failed."""
    validate_again(session, find_with_files(session, checkpoint_id)[0], by=researcher)
    return see_other(f"/checkpoints/{checkpoint_id}")

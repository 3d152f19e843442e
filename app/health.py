"""Whether the process lives, and whether it can do its work."""

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from app.dependencies import CurrentPerson, DbSession
from app.errors import UnavailableError
from app.migrate import is_current
from app.models.person import Role
from app.templating import see_other

FIRST_PAGES = {Role.ANNOTATOR: "/annotate", Role.RESEARCHER: "/studies", Role.ADMIN: "/people"}

router = APIRouter()


@router.get("/")
def first_page(person: CurrentPerson) -> Response:
    """Everybody's own first page."""
    return see_other(FIRST_PAGES[person.role])


@router.get("/healthz")
async def healthz() -> Response:
    """The process is alive."""
    return PlainTextResponse("ok\n")


@router.get("/readyz")
def readyz(session: DbSession) -> Response:
    """The database answers and stands at the newest migration; 503 otherwise."""
    if not is_current(session.connection()):
        raise UnavailableError("The database needs migrating: run `toprank db migrate`, then try again.")
    return PlainTextResponse("ready\n")

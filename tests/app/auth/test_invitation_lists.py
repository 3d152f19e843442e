"""Inviting from a list."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.auth.accounts import create_person
from app.auth.invitation_lists import MOST, InvitationListError, Invited, invite_all, links_csv, read_list
from app.auth.invitations import invite, invited_person
from app.models import Person
from app.models.person import Role
from tests.app.conftest import PASSWORD
from tests.factories import make_person

A, R = Role.ANNOTATOR, Role.RESEARCHER


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("ada@x.example", {"ada@x.example": A}),
        ("Ada@X.example , Researcher\n", {"ada@x.example": R}),
        ("\ufeffE-mail;Role\r\nada@x.example;researcher\r\n", {"ada@x.example": R}),
        ("ada@x.example\tresearcher\n\nbob@x.example,,\n", {"ada@x.example": R, "bob@x.example": A}),
        ("ada@x.example\nADA@x.example\n", {"ada@x.example": A}),
    ],
)
def test_a_list_is_read_as_spreadsheets_write_it(text: str, people: dict[str, Role]) -> None:
    assert read_list(text, role=A) == people


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ada@x.example\nbob", "line 2: 'bob' is no e-mail address"),
        ("ada@x.example,chief", "line 1: 'chief' is no role"),
        ("ada@x.example,researcher,Ada", "line 1: there is more"),
        ("ada@x.example\nada@x.example,admin", "line 2: ada@x.example stands there twice"),
        ("\n".join("?" * 7), "(and 2 more)"),
        ("email,role\n\n", "this one has 0"),
        ("\n".join(f"p{n}@x.example" for n in range(MOST + 1)), f"this one has {MOST + 1}"),
    ],
)
def test_a_wrong_list_says_which_line(text: str, says: str) -> None:
    with pytest.raises(InvitationListError) as error:
        read_list(text, role=A)
    assert says in str(error.value)


def test_who_is_there_is_left_alone_and_who_was_only_invited_gets_a_new_link(session: Session) -> None:
    create_person(session, email="ada@x.example", role=R, password=PASSWORD)
    _, old = invite(session, "bob@x.example", A, by=None)
    make_person(session, email="out@x.example", disabled_at="now()")
    invited = invite_all(session, "ada@x.example\nbob@x.example,researcher\nout@x.example\n", role=A, by=None)
    assert [(one.email, one.role, one.token is None) for one in invited] == [
        ("ada@x.example", R, True),
        ("bob@x.example", R, False),
        ("out@x.example", A, True),
    ]
    assert invited[1].token is not None
    assert invited[1].token != old
    assert invited_person(session, invited[1].token).email == "bob@x.example"
    assert len(session.scalars(select(Person)).all()) == 3


def test_the_table_of_links_runs_nothing_in_a_spreadsheet() -> None:
    table = links_csv([Invited("=a@x.example", A, "t"), Invited("b@x.example", R, None)], ["https://x/t", ""])
    assert table == "email,role,link\r\n'=a@x.example,annotator,https://x/t\r\nb@x.example,researcher,\r\n"

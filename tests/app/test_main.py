"""The frame around every page."""

from tests.app.conftest import Browser


def test_an_admin_starts_at_the_people_page(admin: Browser) -> None:
    assert admin.get("/").headers["location"] == "/people"
    page = admin.get("/people")
    assert page.status_code == 200
    assert admin.email in page.text

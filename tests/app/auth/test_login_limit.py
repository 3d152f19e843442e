"""Ten failed logins in five minutes, and no more."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.auth.login_limit import LoginLimitError, check_attempts, counted_address, record_failure
from app.main import create_app
from app.models import LoginAttempt
from app.settings import Settings
from tests.app.conftest import ORIGIN, Browser

ACCOUNT, ADDRESS = "ada@lab.example", "192.0.2.1"


def fail(session: Session, *, times: int, account: str = ACCOUNT, address: str = ADDRESS, ago: int = 0) -> None:
    at = datetime.now(UTC) - timedelta(seconds=ago)
    session.add_all(LoginAttempt(account=account, address=address, attempted_at=at) for _ in range(times))
    session.flush()


def test_nine_failures_do_not_stop_a_login(session: Session) -> None:
    fail(session, times=9)
    check_attempts(session, account=ACCOUNT, address=ADDRESS)


def test_ten_failures_stop_the_account_from_any_address(session: Session) -> None:
    fail(session, times=10)
    with pytest.raises(LoginLimitError):
        check_attempts(session, account=ACCOUNT, address="192.0.2.2")


def test_ten_failures_stop_the_address_for_any_account(session: Session) -> None:
    fail(session, times=10)
    with pytest.raises(LoginLimitError):
        check_attempts(session, account="grace@lab.example", address=ADDRESS)


def test_others_are_not_stopped(session: Session) -> None:
    fail(session, times=10)
    check_attempts(session, account="grace@lab.example", address="192.0.2.2")


def test_failures_are_forgotten_after_five_minutes(session: Session) -> None:
    fail(session, times=1, ago=310)
    fail(session, times=9)
    check_attempts(session, account=ACCOUNT, address=ADDRESS)


def test_failures_of_yesterday_are_deleted(session: Session) -> None:
    fail(session, times=3, ago=90_000)  # 25 hours
    record_failure(session, account=ACCOUNT, address=ADDRESS)
    assert session.scalar(select(func.count()).select_from(LoginAttempt)) == 1


def test_the_right_password_is_refused_too_after_ten_failures(anonymous: Browser, admin: Browser) -> None:
    answers = [anonymous.log_in(admin.email, "five words nobody guesses").status_code for _ in range(10)]
    refused = anonymous.log_in(admin.email)
    assert answers == [401] * 10
    assert refused.status_code == 429
    assert "Wait five minutes" in refused.text
    assert refused.headers["retry-after"] == "300"


def test_guesses_sent_at_once_are_counted_one_by_one(app: FastAPI, admin: Browser) -> None:
    browsers = [Browser(app) for _ in range(24)]
    for browser in browsers:
        assert browser.cookie
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda one: one.log_in(admin.email, "five words nobody guesses").status_code, browsers))
    assert sorted(answers) == [401] * 10 + [429] * 14


def test_ten_failures_stop_the_whole_network_of_an_ipv6_address(session: Session) -> None:
    fail(session, times=10, address=counted_address("2001:db8:0:1::1"))
    with pytest.raises(LoginLimitError):
        check_attempts(session, account="grace@lab.example", address=counted_address("2001:db8:0:1:ffff::2"))
    check_attempts(session, account="grace@lab.example", address=counted_address("2001:db8:0:2::1"))


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("a socket", "a socket"),
    ],
)
def test_one_sender_counts_as_one_address(host: str, counted: str) -> None:
    assert counted_address(host) == counted


def test_a_forwarded_address_is_believed_only_from_a_known_proxy(settings: Settings, admin: Browser) -> None:
    proxied = create_app(settings.model_copy(update={"trusted_proxies": ("testclient",)}))
    behind_proxy, direct = Browser(proxied), Browser(admin.app)  # type: ignore[arg-type]
    for browser, address in ((behind_proxy, "192.0.2.9"), (direct, "192.0.2.8")):
        browser.submit(
            "/login",
            email=admin.email,
            password="a wrong password",
            headers={"X-Forwarded-For": address, "Origin": ORIGIN},
        )
    with proxied.state.resources.requests.sessions() as session:
        addresses = set(session.scalars(select(LoginAttempt.address)))
    proxied.state.resources.close()
    assert addresses == {"192.0.2.9", "testclient"}

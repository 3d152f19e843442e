"""Which passwords are taken, and how they are kept."""

import pytest

from app.auth.passwords import PasswordError, check_strength, common_passwords, hash_password, is_right

EMAIL = "ada@lab.example"


@pytest.mark.parametrize(
    "password",
    [
        "abcde fghijk",  # exactly 12 characters
        "pq rst uvw xyz" * 9 + "ab",  # 14 * 9 + 2 = 128 characters
        "пять слов тут",  # any script
    ],
)
def test_a_password_of_12_to_128_characters_is_taken(password: str) -> None:
    check_strength(password, email=EMAIL)


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("abcde fghij", "12 to 128"),  # 11 characters
        ("pq rst uvw xyz" * 9 + "abc", "12 to 128"),  # 129 characters
        ("password1234", "first that anybody would try"),
        ("PassWord1234", "first that anybody would try"),
        ("abababababab", "first that anybody would try"),  # 2 distinct characters
        ("I am AdaLove, hello", "e-mail"),  # holds the name before the @
    ],
)
def test_a_password_that_is_easy_to_guess_is_refused(password: str, says: str) -> None:
    with pytest.raises(PasswordError, match=says):
        check_strength(password, email="adalove@lab.example")


def test_a_part_of_the_address_is_no_password() -> None:
    with pytest.raises(PasswordError, match="e-mail"):
        check_strength("@laboratory.example", email="ada@laboratory.example")


def test_a_short_name_may_occur_in_a_password() -> None:
    check_strength("five adamant zebras", email=EMAIL)  # "ada" has fewer than 4 characters


def test_every_common_password_would_else_be_long_enough() -> None:
    # a shorter one is refused for its length already, and would only make the list longer
    assert min(map(len, common_passwords())) >= 12


def test_the_hash_is_argon2id_and_never_twice_the_same() -> None:
    first, second = hash_password("four words nobody guesses"), hash_password("four words nobody guesses")
    assert first.startswith("$argon2id$")
    assert first != second


def test_only_the_password_itself_is_right() -> None:
    kept = hash_password("four words nobody guesses")
    assert is_right(kept, "four words nobody guesses")
    assert not is_right(kept, "four words nobody guesse")


def test_characters_composed_in_another_way_are_the_same_password() -> None:
    # U+00E9 against e + U+0301, as two keyboards may send it
    assert is_right(hash_password("caf\u00e9 au lait noir"), "cafe\u0301 au lait noir")


def test_an_account_without_a_password_has_no_right_one() -> None:
    assert not is_right(None, "nobody's password")


def test_a_broken_hash_lets_nobody_in() -> None:
    assert not is_right("not a hash", "four words nobody guesses")

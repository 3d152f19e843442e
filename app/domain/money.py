"""Sums of money as their currencies have them: yen have no cents, dinars a thousand fils."""

from functools import cache


@cache
def digits_of(currency: str) -> int:
    """How many digits a sum has behind the point (Unicode's CLDR); two where nobody knows the currency.

    >>> digits_of("USD"), digits_of("JPY"), digits_of("KWD")
    (2, 0, 3)
    """
    from babel.numbers import get_currency_precision  # a worker, which pays nobody, has no babel

    return get_currency_precision(currency)


def rounded(amount: float, currency: str) -> float:
    """The amount as it can be paid.

    >>> rounded(12.3456, "USD"), rounded(12.3456, "JPY")
    (12.35, 12.0)
    """
    return round(amount, digits_of(currency))


def written(amount: float, currency: str, thousands: str = ",") -> str:
    """A sum that was rounded, or a rate, which may be finer than what can be paid and is told as it is.

    >>> written(1234.5, "USD"), written(1200, "JPY"), written(1250.5, "JPY")
    ('1,234.50', '1,200', '1,250.50')
    """
    digits = digits_of(currency)
    if rounded(amount, currency) != amount:
        digits = max(digits, 2)
    return f"{amount:{thousands}.{digits}f}"

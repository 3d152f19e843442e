"""What a number is, in one line that travels with it, so that two numbers compare only when their lines agree."""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Signature:
    """How a number was made; its text form is printed beside the number.

    `definition` says what is computed; `n` counts what it is computed over (`unit`); the rest is None where it does
    not apply.

    >>> str(Signature("TTR", "distinct / all tokens", n=300, unit="texts", window="first 96: generated tokens 1-96"))
    'TTR|distinct / all tokens|n=300 texts|window=first 96: generated tokens 1-96'
    """

    metric: str
    definition: str
    n: int
    unit: str = "texts"
    window: str | None = None
    smoothing: str | None = None
    seed: int | None = None
    tokenizer: str | None = None

    def __str__(self) -> str:
        parts = [self.metric, self.definition, f"n={self.n} {self.unit}"]
        for field in fields(self)[4:]:
            value = getattr(self, field.name)
            if value is not None:
                parts.append(f"{field.name}={value}")
        return "|".join(parts)

import doctest

from metrics import signature
from metrics.signature import Signature


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(signature).failed == 0


def test_a_signature_says_only_what_applies():
    plain = Signature("Krippendorff's alpha", "nominal", n=300, unit="comparisons")
    assert str(plain) == "Krippendorff's alpha|nominal|n=300 comparisons"
    full = Signature("Self-BLEU", "pairwise maximum", n=2, smoothing="floor 0.1", seed=0, tokenizer="SmolLM2")
    assert str(full).endswith("n=2 texts|smoothing=floor 0.1|seed=0|tokenizer=SmolLM2")

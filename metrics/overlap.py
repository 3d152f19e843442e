"""How long a generated text recites the training set: longest runs, their distribution and Table 5's share.

A run is tokens in a row that stand in one training sample in the same order; it never crosses samples, and the context
is no part of the text. Table 2 and Fig. 3 look at the first 96 generated tokens (paper s4.2), Table 5 at all of them
(B.2).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.suffix_automaton import build_automaton, match_texts
from metrics.token_texts import Texts, TokenTexts

# Table 5 counts the texts with a run of more tokens than the citation blocker lets pass
CITATION_LENGTH = 5


@dataclass(frozen=True)
class Run:
    """Tokens `start` up to but not including `stop` of a text, which stand in a sample from `sample_start` on."""

    start: int
    stop: int
    sample: int
    sample_start: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, eq=False)
class Overlaps:
    """The runs of some texts that stand in a training set, which `overlaps` finds.

    `ending`, shape (tokens,): the length of the longest run that ends with each token of the texts, 0 where the token
    is in no sample; `where`: the token of the samples with which such a run ends, -1 for none.
    """

    texts: TokenTexts
    samples: TokenTexts
    ending: NDArray[np.int32]
    where: NDArray[np.int64]

    @property
    def longest(self) -> NDArray[np.int64]:
        """Length of the longest run of each text, in tokens, shape (texts,): what Fig. 3 shows the distribution of; 0
        for an empty text."""
        padded = np.append(self.ending, 0).astype(np.int64)
        longest: NDArray[np.int64] = np.maximum.reduceat(padded, self.texts.offsets[:-1])
        return np.where(self.texts.lengths > 0, longest, 0)

    @property
    def mean(self) -> float:
        """Average of the longest runs in tokens, as Table 2 gives it."""
        return float(self.longest.mean())

    @property
    def max(self) -> int:
        """The longest run of all in tokens, as Table 2 gives it."""
        return int(self.longest.max())

    def share_beyond(self, length: int = CITATION_LENGTH) -> float:
        """Share of the texts with a run of more than `length` tokens, in [0, 1]: Table 5 (paper B.2)."""
        return float((self.longest > length).mean())

    def distribution(self) -> NDArray[np.int64]:
        """How many texts have a longest run of 0, 1, 2 ... tokens (Fig. 3), shape (max + 1,)."""
        counts: NDArray[np.int64] = np.bincount(self.longest)
        return counts

    def runs(self, text: int, longer_than: int = CITATION_LENGTH) -> list[Run]:
        """Every run of a text of more than `longer_than` tokens that is not part of a longer one, in order of its
        start; runs may overlap, where each stands in another place of the training set."""
        first, stop = (int(self.texts.offsets[text + at]) for at in (0, 1))
        found = []
        for at in range(first, stop):
            # a run goes on where the next token's run is one longer; it ends here otherwise
            is_whole = at + 1 == stop or self.ending[at + 1] != self.ending[at] + 1
            if is_whole and self.ending[at] > longer_than:
                found.append(self._run(at - first, at))
        return found

    def _run(self, last: int, at: int) -> Run:
        """The run that ends with token `last` of its text, which is token `at` of all."""
        length, end = int(self.ending[at]), int(self.where[at])
        sample = int(np.searchsorted(self.samples.offsets, end, side="right")) - 1
        start = end + 1 - length - int(self.samples.offsets[sample])
        return Run(last + 1 - length, last + 1, sample, start)


def overlaps(texts: Texts, samples: Texts) -> Overlaps:
    """Find the runs of each text that stand in a sample, exactly, in time proportional to all that is read.

    Raises ValueError without texts or without a token in the samples, where no share is defined.
    """
    packed, training = TokenTexts.of(texts), TokenTexts.of(samples)
    if len(packed) == 0 or training.tokens.size == 0:
        raise ValueError("Overlap needs at least one text and one training sample.")
    ending, where = match_texts(build_automaton(packed), training)
    return Overlaps(packed, training, ending, where)

"""Every run of tokens of many texts, in the smallest automaton that knows them all (Blumer et al., 1985).

A state stands for the runs that end at the same places; its link leads to the longest run of a state that ends at more
of them. Reading a training set through it gives, at each token, the longest run up to here that some text holds, in
time proportional to what is read, loops included. The texts are few and the training set long: the automaton is of the
texts, stays in the cache, and the training set is read once and kept nowhere.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from metrics.ngrams import NONE, find_place
from metrics.token_texts import TokenTexts

_ROOT = np.int64(0)


class Automaton(NamedTuple):
    """`length` (longest run) and `link` by state; edges in a hash table, those of a state chained from `first_edge` by
    `next_edge`; `states` holds the number of states; `state_at`, shape (tokens,), is the state after each token."""

    keys: NDArray[np.int64]
    children: NDArray[np.int32]
    next_edge: NDArray[np.int32]
    first_edge: NDArray[np.int32]
    length: NDArray[np.int32]
    link: NDArray[np.int32]
    states: NDArray[np.int64]
    state_at: NDArray[np.int32]


def build_automaton(texts: TokenTexts) -> Automaton:
    """The automaton of all runs within the texts; at most two states and three edges for each token."""
    tokens = texts.tokens.size
    places = 1 << (4 * tokens + 1).bit_length()
    states = 2 * tokens + 2
    automaton = Automaton(
        keys=np.full(places, NONE, dtype=np.int64),
        children=np.full(places, NONE, dtype=np.int32),
        next_edge=np.full(places, NONE, dtype=np.int32),
        first_edge=np.full(states, NONE, dtype=np.int32),
        length=np.zeros(states, dtype=np.int32),
        link=np.full(states, NONE, dtype=np.int32),
        states=np.ones(1, dtype=np.int64),
        state_at=np.zeros(tokens, dtype=np.int32),
    )
    _read_texts(automaton, texts.tokens, texts.offsets)
    return automaton


def match_texts(automaton: Automaton, samples: TokenTexts) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """For each token of the texts, the length of the longest run ending with it that stands in a sample (0 if none),
    and the token of the samples with which a run of that length ends (-1): both of shape (tokens,)."""
    states = int(automaton.states[0])
    longest, where = np.zeros(states, dtype=np.int32), np.full(states, NONE, dtype=np.int64)
    _stream(automaton, samples.tokens, samples.offsets, longest, where)
    order = np.argsort(automaton.length[:states], kind="stable")
    _settle(automaton, order, longest, where)
    return longest[automaton.state_at], where[automaton.state_at]


@njit(cache=True)
def _read_texts(automaton: Automaton, tokens: NDArray[np.int32], offsets: NDArray[np.int64]) -> None:
    for text in range(len(offsets) - 1):
        state = _ROOT
        for at in range(offsets[text], offsets[text + 1]):
            state = _extend(automaton, state, np.int64(tokens[at]))
            automaton.state_at[at] = state


@njit(cache=True)
def _extend(automaton: Automaton, last: np.int64, token: np.int64) -> np.int64:
    """State of the text so far and one more token."""
    length, link = automaton.length, automaton.link
    place = find_place(automaton.keys, last, token)
    if automaton.keys[place] != NONE:
        # another text began like this one
        known = np.int64(automaton.children[place])
        return known if length[known] == length[last] + 1 else _split(automaton, last, known, token)
    new = _add_state(automaton, length[last] + 1)
    before = last
    while before != NONE:
        place = find_place(automaton.keys, before, token)
        if automaton.keys[place] != NONE:
            known = np.int64(automaton.children[place])
            exact = length[known] == length[before] + 1
            link[new] = known if exact else _split(automaton, before, known, token)
            return new
        _add_edge(automaton, place, before, token, new)
        before = np.int64(link[before])
    link[new] = _ROOT
    return new


@njit(cache=True)
def _split(automaton: Automaton, before: np.int64, known: np.int64, token: np.int64) -> np.int64:
    """Part the shorter runs of a state from its longer ones, which end at fewer places from now on."""
    part = _add_state(automaton, automaton.length[before] + 1)
    edge = automaton.first_edge[known]
    while edge != NONE:
        read = automaton.keys[edge] & 0xFFFFFFFF
        _add_edge(automaton, find_place(automaton.keys, part, read), part, read, automaton.children[edge])
        edge = automaton.next_edge[edge]
    automaton.link[part] = automaton.link[known]
    automaton.link[known] = part
    while before != NONE:
        place = find_place(automaton.keys, before, token)
        if automaton.children[place] != known:
            break
        automaton.children[place] = part
        before = np.int64(automaton.link[before])
    return part


@njit(cache=True)
def _add_state(automaton: Automaton, length: int) -> np.int64:
    state = automaton.states[0]
    automaton.length[state] = length
    automaton.states[0] += 1
    return np.int64(state)


@njit(cache=True)
def _add_edge(automaton: Automaton, place: np.int64, state: np.int64, token: np.int64, child: np.int64) -> None:
    automaton.keys[place] = (state << 32) + token
    automaton.children[place] = child
    automaton.next_edge[place] = automaton.first_edge[state]
    automaton.first_edge[state] = place


@njit(cache=True)
def _stream(
    automaton: Automaton,
    tokens: NDArray[np.int32],
    offsets: NDArray[np.int64],
    longest: NDArray[np.int32],
    where: NDArray[np.int64],
) -> None:
    """Write to each state the longest of its runs that the samples were seen to end with, and where."""
    for sample in range(len(offsets) - 1):
        state, run = _ROOT, 0
        for at in range(offsets[sample], offsets[sample + 1]):
            token = np.int64(tokens[at])
            place = find_place(automaton.keys, state, token)
            while automaton.keys[place] == NONE and state != _ROOT:
                state = np.int64(automaton.link[state])
                run = automaton.length[state]
                place = find_place(automaton.keys, state, token)
            if automaton.keys[place] == NONE:
                continue
            state = np.int64(automaton.children[place])
            run += 1
            if run > longest[state]:
                longest[state], where[state] = run, at


@njit(cache=True)
def _settle(
    automaton: Automaton, order: NDArray[np.int64], longest: NDArray[np.int32], where: NDArray[np.int64]
) -> None:
    """A run's ends are its ends too: up the links, whole runs of shorter states; down again, the best so far."""
    for state in order[:0:-1]:
        shorter = automaton.link[state]
        if longest[state] > 0 and shorter != _ROOT and longest[shorter] < automaton.length[shorter]:
            longest[shorter], where[shorter] = automaton.length[shorter], where[state]
    for state in order[1:]:
        if longest[state] == 0:
            longest[state], where[state] = longest[automaton.link[state]], where[automaton.link[state]]

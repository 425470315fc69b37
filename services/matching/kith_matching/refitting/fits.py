"""Weights refitted from how pairings went. Pure.

The parts pairings had are held against how they went: least squares with an intercept and no negative weight (Lawson
and Hanson 1974), drawn towards the weights in force (ridge, Hoerl and Kennard 1970), by as much as foretells best the
pairings of mentors that were left out (cross-validation by mentor: who is liked by all says nothing about parts).

Most evidence is thin, and parts often foretell nothing. So the refitted weights must foretell pairings of mentors they
have not seen better than the weights in force, and better than the mean does, by more than twice the standard error of
the difference.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_PAIRINGS, LEAST_MENTORS = 40, 10
FOLDS = 5
PULLS = np.geomspace(0.01, 100, 9)  # towards the weights in force, in variances of a part times pairings
SURE = 2.0  # standard errors


@dataclass(frozen=True)
class Fit:
    """What came of refitting.

    weights    (parts,) that sum to as much as those in force; these themselves where nothing else is `supported`
    supported  whether the refitted weights foretell better, see above
    errors     root mean square errors on pairings that were left out, 0 to 1: of the mean of the others, of the weights
               in force, and of the refitted ones; None where there is too little to tell
    """

    weights: Floats
    supported: bool
    errors: tuple[float, float, float] | None


def refit(parts: Floats, went: Floats, mentor: Ints, weights: Floats, *, seed: int = 0) -> Fit:
    """Refit weights from pairings.

    parts    (pairings, parts) 0 to 1
    went     (pairings,) 0 to 1
    mentor   (pairings,) whose each is, as a number
    weights  (parts,) in force
    The same seed gives the same folds. Below LEAST_PAIRINGS or LEAST_MENTORS nothing is supported, without errors.
    """
    if len(went) < LEAST_PAIRINGS or len(np.unique(mentor)) < LEAST_MENTORS:
        return Fit(weights, supported=False, errors=None)
    chance = np.random.default_rng(seed)
    shares = weights / weights.sum() if weights.sum() else np.full(len(weights), 1 / len(weights))
    errors = np.zeros((3, len(went)))
    for out in _folds(mentor, chance):
        x, y = parts[~out], went[~out]
        pull = _best_pull(x, y, mentor[~out], shares, chance)
        for k, slopes in enumerate((np.zeros_like(shares), _scale(x, y, shares) * shares, _slopes(x, y, shares, pull))):
            errors[k, out] = (_foretold(x, y, slopes, parts[out]) - went[out]) ** 2
    mean, now, then = (float(np.sqrt(each.mean())) for each in errors)
    supported = all(_surely_positive(errors[k] - errors[2], mentor) for k in (0, 1))
    slopes = _slopes(parts, went, shares, _best_pull(parts, went, mentor, shares, chance))
    fitted = slopes / slopes.sum() * weights.sum() if supported and slopes.sum() > 0 else weights
    return Fit(fitted, supported=supported, errors=(mean, now, then))


def _folds(mentor: Ints, chance: np.random.Generator) -> list[NDArray[np.bool_]]:
    """Which pairings are left out in each turn: all of a mentor's at once."""
    _, place = np.unique(mentor, return_inverse=True)
    fold = chance.permutation(np.arange(place.max() + 1) % FOLDS)
    return [fold[place] == k for k in range(FOLDS)]


def _best_pull(parts: Floats, went: Floats, mentor: Ints, shares: Floats, chance: np.random.Generator) -> float:
    errors = np.zeros(len(PULLS))
    for out in _folds(mentor, chance):
        x, y = parts[~out], went[~out]
        for k, pull in enumerate(PULLS):
            foretold = _foretold(x, y, _slopes(x, y, shares, float(pull)), parts[out])
            errors[k] += ((foretold - went[out]) ** 2).sum()
    return float(PULLS[np.argmin(errors)])


def _slopes(parts: Floats, went: Floats, shares: Floats, pull: float) -> Floats:
    """(parts,) how much more each part is worth, none negative."""
    from scipy.optimize import nnls  # noqa: PLC0415 -- 27 MiB and half a second that the service need not start with

    x, y = parts - parts.mean(axis=0), went - went.mean()
    strength = np.sqrt(pull * max(float((x**2).sum() / x.shape[1]), 1e-12))
    towards = _scale(parts, went, shares) * shares
    given = np.vstack([x, strength * np.eye(len(shares))]), np.concatenate([y, strength * towards])
    return np.asarray(nnls(*given)[0], dtype=np.float64)


def _scale(parts: Floats, went: Floats, shares: Floats) -> float:
    """By how much pairings went better per unit of the score in force; 0 where that foretells nothing."""
    score = (parts - parts.mean(axis=0)) @ shares
    spread = float(score @ score)
    return max(0.0, float(score @ (went - went.mean())) / spread) if spread > 0 else 0.0


def _foretold(parts: Floats, went: Floats, slopes: Floats, others: Floats) -> Floats:
    foretold: Floats = went.mean() + (others - parts.mean(axis=0)) @ slopes
    return foretold


def _surely_positive(differences: Floats, mentor: Ints) -> bool:
    """Whether the mean is more than `SURE` standard errors above 0; pairings of one mentor are not independent."""
    mean = float(differences.mean())
    _, place = np.unique(mentor, return_inverse=True)
    of_mentors = np.bincount(place, weights=differences - mean)
    return mean > SURE * float(np.sqrt((of_mentors**2).sum())) / len(differences)

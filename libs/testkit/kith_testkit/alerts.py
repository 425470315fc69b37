"""Alert rules tried where there is no promtool: the part of PromQL that our rules use, on promtool's own test files.

What it does not know it refuses. `rate` does not extrapolate to the edges of its window: our rules take ratios and
quantiles of rates, which do not feel it. Where promtool is there, the same files are tried with it too.
"""

import math
import operator
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]
Series = Mapping[Labels, Sequence[float | None]]
"""Samples, one every `step` seconds from 0; None where there is none."""

_LOOKBACK_SECONDS = 300
_UNITS = {"s": 1, "m": 60, "h": 3600}
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[0-9.]+[smh]\b|[0-9.]+|[A-Za-z_]\w*|=~|!~|==|!=|[<>]=?|[-(){}\[\],=/])')
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_MATCH: Mapping[str, Callable[[str, str], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "=~": lambda value, pattern: re.fullmatch(pattern, value) is not None,
    "!~": lambda value, pattern: re.fullmatch(pattern, value) is None,
}


class NotUnderstoodError(Exception):
    """The expression uses more of PromQL than this knows."""


def seconds(duration: str) -> int:
    return int(duration[:-1]) * _UNITS[duration[-1]]


def series(name: str) -> Labels:
    """The labels of a series as promtool's files write it: `up{pod="a"}`."""
    metric, _, rest = name.partition("{")
    return frozenset({("__name__", metric), *re.findall(r'(\w+)="([^"]*)"', rest)})


def samples(values: str) -> list[float | None]:
    """Samples as promtool's files write them: `1 _ 0x3 5+10x2` is 1, none, 0 four times, 5, 15, 25."""
    found: list[float | None] = []
    for each in values.split():
        start, grow, times = re.fullmatch(r"(_|-?[0-9.]+)(?:([+-][0-9.]+))?(?:x(\d+))?", each).groups()  # type: ignore[union-attr]
        numbers = range(int(times or 0) + 1)
        found.extend(None if start == "_" else float(start) + n * float(grow or 0) for n in numbers)
    return found


@dataclass
class Evaluation:
    """One expression at one moment, over series with a sample every `step` seconds."""

    data: Series
    step: int
    at: int

    def of(self, expression: str) -> Vector:
        self._tokens = [match.group(1) for match in _TOKEN.finditer(expression)]
        if "".join(self._tokens) != re.sub(r'\s+(?=(?:[^"]*"[^"]*")*[^"]*$)', "", expression):
            raise NotUnderstoodError(expression)
        found = self._unless()
        if self._tokens:
            raise NotUnderstoodError(f"{' '.join(self._tokens)} in {expression}")
        return found

    def _next(self, *expected: str) -> str:
        if not self._tokens or (expected and self._tokens[0] not in expected):
            raise NotUnderstoodError(f"{self._tokens[:3]} where {expected or 'more'} should be")
        return self._tokens.pop(0)

    def _peek(self, *words: str) -> bool:
        return bool(self._tokens) and self._tokens[0] in words

    def _unless(self) -> Vector:
        left = self._compared()
        while self._peek("unless"):
            self._next()
            self._next("on")
            names = self._names()
            there = {_only(labels, names) for labels in self._compared()}
            left = {labels: value for labels, value in left.items() if _only(labels, names) not in there}
        return left

    def _compared(self) -> Vector:
        left = self._divided()
        if self._peek(*_COMPARE):
            fits, number = _COMPARE[self._next()], float(self._next())
            left = {labels: value for labels, value in left.items() if fits(value, number)}
        return left

    def _divided(self) -> Vector:
        left = self._one()
        while self._peek("/"):
            self._next()
            right = self._one()
            left = {
                labels: value / right[labels] if right[labels] else math.nan
                for labels, value in left.items()
                if labels in right
            }
        return left

    def _one(self) -> Vector:
        word = self._next()
        if word in ("max", "sum"):
            self._next("by")
            names, groups = self._names(), defaultdict[Labels, list[float]](list)
            for labels, value in self._inner().items():
                groups[_only(labels, names)].append(value)
            return {labels: (max if word == "max" else math.fsum)(values) for labels, values in groups.items()}
        if word == "rate":
            self._next("(")
            metric, matchers = self._next(), self._matchers()
            self._next("[")
            window = seconds(self._next())
            self._next("]")
            self._next(")")
            return self._rates(metric, matchers, window)
        if word == "histogram_quantile":
            self._next("(")
            share = float(self._next())
            self._next(",")
            buckets = self._unless()
            self._next(")")
            return _quantiles(share, buckets)
        if not re.fullmatch(r"[a-z_]+", word) or self._peek("(", "by"):
            raise NotUnderstoodError(word)
        return self._instant(word, self._matchers())

    def _inner(self) -> Vector:
        self._next("(")
        found = self._unless()
        self._next(")")
        return found

    def _names(self) -> set[str]:
        self._next("(")
        names = set()
        while not self._peek(")"):
            names.add(self._next())
            if self._peek(","):
                self._next()
        self._next(")")
        return names

    def _matchers(self) -> list[tuple[str, str, str]]:
        found = []
        if self._peek("{"):
            self._next()
            while not self._peek("}"):
                found.append((self._next(), self._next(*_MATCH), self._next()[1:-1]))
                if self._peek(","):
                    self._next()
            self._next("}")
        return found

    def _chosen(self, metric: str, matchers: Sequence[tuple[str, str, str]]) -> Iterator[tuple[Labels, Any]]:
        for labels, values in self.data.items():
            known = dict(labels)
            if known["__name__"] == metric and all(_MATCH[how](known.get(name, ""), to) for name, how, to in matchers):
                kept = frozenset((name, value) for name, value in labels if name != "__name__")
                yield kept, [(n * self.step, value) for n, value in enumerate(values) if value is not None]

    def _instant(self, metric: str, matchers: Sequence[tuple[str, str, str]]) -> Vector:
        found = {}
        for labels, points in self._chosen(metric, matchers):
            recent = [value for at, value in points if self.at - _LOOKBACK_SECONDS < at <= self.at]
            if recent:
                found[labels] = recent[-1]
        return found

    def _rates(self, metric: str, matchers: Sequence[tuple[str, str, str]], window: int) -> Vector:
        found = {}
        for labels, points in self._chosen(metric, matchers):
            seen = [(at, value) for at, value in points if self.at - window <= at <= self.at]
            if len(seen) > 1:
                steps = pairwise(seen)
                grown = sum(later - before if later >= before else later for (_, before), (_, later) in steps)
                found[labels] = grown / (seen[-1][0] - seen[0][0])
        return found


def _only(labels: Labels, names: set[str]) -> Labels:
    return frozenset((name, value) for name, value in labels if name in names)


def _quantiles(share: float, buckets: Vector) -> Vector:
    groups = defaultdict[Labels, list[tuple[float, float]]](list)
    for labels, value in buckets.items():
        known = dict(labels)
        groups[_only(labels, known.keys() - {"le"})].append((float(known["le"].replace("+Inf", "inf")), value))
    return {labels: _quantile(share, sorted(each)) for labels, each in groups.items()}


def _quantile(share: float, buckets: Sequence[tuple[float, float]]) -> float:
    rank, low, below = share * buckets[-1][1], 0.0, 0.0
    if not buckets[-1][1]:
        return math.nan
    for bound, count in buckets:
        if count >= rank:
            return low if math.isinf(bound) else low + (bound - low) * (rank - below) / (count - below)
        low, below = bound, count
    return low


def firing(rule: Mapping[str, Any], data: Series, *, step: int, at: int) -> set[Labels]:
    """The labels of the alerts of a rule that fire at a moment, the rule's own labels among them."""
    since: dict[Labels, int] = {}
    for moment in range(0, at + 1, step):
        active = Evaluation(data, step, moment).of(rule["expr"])
        since = {labels: since.get(labels, moment) for labels in active}
    held = seconds(rule["for"]) if "for" in rule else 0
    return {labels | frozenset(rule["labels"].items()) for labels, began in since.items() if at - began >= held}

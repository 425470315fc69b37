"""Each alert fires when it should and not before: in promtool's own format, by promtool and by a small reader of it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from kith_testkit.alerts import Evaluation, NotUnderstoodError, firing, samples, seconds, series

pytestmark = pytest.mark.unit
HERE = Path(__file__).parent
FILE = HERE / "alerts_test.yaml"
CASES = yaml.safe_load(FILE.read_text())["tests"]
SPEC = yaml.safe_load((HERE.parents[1] / "deploy/k8s/components/monitoring/rules.yaml").read_text())["spec"]
RULES = {each["alert"]: each for group in SPEC["groups"] for each in group["rules"]}


def failures(rules, cases):
    """What the alerts do that a case does not expect."""
    found = []
    for case in cases:
        step = seconds(case["interval"])
        data = {series(each["series"]): samples(each["values"]) for each in case["input_series"]}
        for asked in case["alert_rule_test"]:
            expected = {frozenset(each["exp_labels"].items()) for each in asked["exp_alerts"]}
            got = firing(rules[asked["alertname"]], data, step=step, at=seconds(asked["eval_time"]))
            if got != expected:
                found.append((case["name"], asked["eval_time"], got))
    return found


def test_every_alert_fires_when_it_should_and_not_before():
    assert failures(RULES, CASES) == []


def test_every_alert_is_seen_to_fire_and_to_keep_quiet():
    asked = [each for case in CASES for each in case["alert_rule_test"]]
    for alert in RULES:
        expected = [bool(each["exp_alerts"]) for each in asked if each["alertname"] == alert]
        assert set(expected) == {True, False}, alert


THRESHOLDS = {
    "> 60": "> 6000",
    "> 120": "> 1",
    "> 0.01": "> 0.001",
    "> 2": "> 9",
    "> 0": "> 1",
    "!= 1": "> 1",
    "== 1": "== 7",
}


@pytest.mark.parametrize("alert", RULES)
def test_an_alert_that_is_wrong_is_found(alert):
    rule = RULES[alert]
    assert failures(RULES | {alert: rule | {"for": "30m"}}, CASES), "too late"
    expression = rule["expr"]
    for right, wrong in THRESHOLDS.items():
        expression = expression.replace(right, wrong)
    assert expression != rule["expr"]
    assert failures(RULES | {alert: rule | {"expr": expression}}, CASES), "another threshold"


def test_promtool_agrees(tmp_path):
    promtool = os.environ.get("PROMTOOL") or shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not here (Debian: prometheus); the same file is tried by kith_testkit.alerts")
    # What alerts say to people is not compared; that it can be put together, `check rules` says.
    (tmp_path / "whole.yaml").write_text(yaml.safe_dump(SPEC))
    bare = [{name: value for name, value in each.items() if name != "annotations"} for each in RULES.values()]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "kith", "rules": bare}]}))
    cases = yaml.safe_load(FILE.read_text())
    cases["tests"] = [{key: value for key, value in each.items() if key != "name"} for each in cases["tests"]]
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(cases))
    for words in (("check", "rules", "whole.yaml"), ("test", "rules", "tests.yaml")):
        result = subprocess.run([promtool, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr


def test_samples_and_series_are_read_as_promtool_writes_them():
    assert samples("1 _ 0x3 5+10x2 7-2x1 _x1") == [1, None, 0, 0, 0, 0, 5, 15, 25, 7, 5, None, None]
    assert series('up{pod="a", zone="x"}') == {("__name__", "up"), ("pod", "a"), ("zone", "x")}


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "avg by (a) (up)",
        "up or up",
        "up[5m]",
        "rate(up[5m]",
        "up offset 5m",
        "sum(up)",
        'up{a="b"',
        "up > up",
        "1e9 %",
        "absent(up)",
    ],
)
def test_what_it_does_not_know_it_refuses(expression):
    with pytest.raises((NotUnderstoodError, ValueError)):
        Evaluation({}, 60, 0).of(expression)

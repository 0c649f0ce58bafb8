"""Rules beside the test: the limit itself passes, one step beyond fails, and what cannot be answered is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from driftcli.core.errors import UsageError
from driftcli.core.report import Detectable, RuleResult
from driftcli.gate import rules
from tests.gate import _cases as cases

GOOD = cases.baseline(
    cases.features(np.zeros(50)),
    mean_loss=2.0,
    detectable=[{"corruption": name, "severity": 1} for name in ("jpeg", "fog", "jpeg")],
)
SEEN = (
    Detectable("jpeg", 2.0, 1.0, 0.9),
    Detectable("foreign", None, 0.1, 0.9),
    Detectable("brightness_shift", None, 1.0, 0.8, "brightness", 0.4),
)


def gate(**keys):
    return cases.settings(keys)


def judged(loss=2.0, **keys):
    batch = cases.features(np.zeros(4))
    error = np.array([[loss, 9]] * 4, np.float32)
    batch = replace(batch, views={"style": error + 5, **batch.views, "error": error})
    return rules.judge(gate(**keys), GOOD, batch, SEEN, None)


def test_no_rule_no_result():
    assert judged() == ()


@pytest.mark.parametrize(("loss", "failed"), [(2.0, False), (2.5, False), (2.51, True), (1.0, False)])
def test_the_loss_may_rise_by_the_limit(loss, failed):
    """Mean of the first error column against the baseline's 2.0, limit 25 %."""
    (result,) = judged(loss, max_loss_increase=0.25)
    assert (result.name, result.limit, result.failed) == ("max_loss_increase", 0.25, failed)
    assert result.value == pytest.approx(loss / 2 - 1)


@pytest.mark.parametrize(
    ("wanted", "reach", "failed"),
    [
        ("jpeg:2", 2.0, False),
        ("jpeg:1.9", 2.0, True),
        ("foreign:0.1", 0.1, False),
        ("foreign:0.05", 0.1, True),
        ("brightness:0.4", 0.4, False),
        ("brightness:0.3", 0.4, True),
        ("darken:3", None, True),
    ],
)
def test_what_must_be_detectable(wanted, reach, failed):
    """Severity of a corruption, share of foreign images, sd of a property; what is not there is not seen."""
    (result,) = judged(require_detectable=[wanted])
    name, limit = wanted.split(":")
    assert result == RuleResult(f"require_detectable {name}", reach, float(limit), failed)


def test_rules_come_in_order():
    names = [r.name for r in judged(require_detectable=["foreign:1", "jpeg:1"], max_loss_increase=1)]
    assert names == ["max_loss_increase", "require_detectable foreign", "require_detectable jpeg"]


@pytest.mark.parametrize(
    ("keys", "what", "hint"),
    [
        ({"require_detectable": ["darken:1"]}, "was not simulated", "or name one of: fog, jpeg"),
        ({"require_detectable": ["jpeg:1", "darken:1"]}, "was not simulated", "or name one of: fog, jpeg"),
        ({"require_detectable": ["jpg:1"]}, "'jpg' is not measured", "did you mean 'jpeg'?"),
        ({"require_detectable": ["xyzzy:1"]}, "'xyzzy' is not measured", "one of: fog, jpeg, brightness"),
    ],
)
def test_what_can_never_be_answered_is_refused(keys, what, hint):
    with pytest.raises(UsageError, match=what) as caught:
        rules.refuse_impossible(gate(**keys), GOOD)
    assert hint in caught.value.hint


def test_what_can_be_answered_is_not():
    rules.refuse_impossible(gate(require_detectable=["jpeg:1", "brightness:1"], max_loss_increase=0.1), GOOD)
    rules.refuse_impossible(gate(), replace(GOOD, facts={}))
    with pytest.raises(UsageError, match="needs an autoencoder"):
        rules.refuse_impossible(gate(max_loss_increase=0.1), replace(GOOD, facts={}))
    with pytest.raises(UsageError, match="was not simulated") as caught:
        rules.refuse_impossible(gate(require_detectable=["darken:1"]), replace(GOOD, facts={}))
    assert "or name one of" not in caught.value.hint


def test_reasons_in_words():
    assert rules.reason(RuleResult("max_loss_increase", 0.5, 0.2, failed=True)).startswith(
        "mean loss rose by 50.0%; limit 20.0%"
    )
    assert "mean loss; limit" in rules.reason(RuleResult("max_loss_increase", None, 0.2, failed=True))
    far = rules.reason(RuleResult("require_detectable jpeg", 2.0, 1.0, failed=True))
    assert far == (
        "require_detectable jpeg: a change of 1 cannot be seen with this batch and baseline, only one of 2"
    )
    assert rules.reason(RuleResult("require_detectable jpeg", None, 1.0, failed=True)).endswith(
        "and baseline"
    )

"""Within clusters a change of their shares alone raises no alarm; the mix of labels keeps to alpha too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from driftcli.config.settings import Settings
from driftcli.core.images import Ledger
from driftcli.gate import composition
from driftcli.gate.batch_test import run_gate
from driftcli.reading.reading import Reading
from driftcli.reference import clusters
from driftcli.reference.reference import Reference
from driftcli.reference.seen import Seen
from tests.calibration import _world as world
from tests.statistical import binomial_bound, kolmogorov_p

GATES = {"content": "on", "style": "on", "properties": "on"}
ALPHA = 0.05


def audited(baseline, batch, centroids, **gate):
    settings = Settings.model_validate({"gate": {"permutations": 199, "alpha": ALPHA, **gate}})
    reference = Reference(settings, {}, {}, {}, Seen(np.zeros(0, np.uint64)), {}, {}, {}, centroids)
    reading = Reading(batch, Ledger(len(batch), len(batch), {}, {}, 0), (), 0.0, batch.content, batch.pixels)
    mix = composition.mix_of(reference, baseline, batch)
    baseline, reading = composition.with_family(mix, settings, baseline, reading)
    return run_gate(settings, baseline, reading, mix)


def test_within_clusters_other_shares_are_no_drift():
    """100 audits of 30 images, 26 of them of the first cluster, alpha 0.05: bound 11. The plain gate fires in most."""
    p, plain, readings = [], [], []
    for i in range(100):
        rng = np.random.default_rng([61, i])
        learnt = world.images(rng, 80, cats=0.5)
        families, centroids = world.fit(learnt, GATES), clusters.learn(learnt.views, 2, i)
        baseline = world.calibrate(families, world.images(rng, 100, cats=0.5), i)
        crowd = world.images(rng, 300, cats=0.5)
        of_first = clusters.assign(crowd.views["content"], centroids["content/2"]) == 0
        chosen = np.concatenate([np.flatnonzero(of_first)[:26], np.flatnonzero(~of_first)[:4]])
        batch = replace(crowd.at(np.sort(chosen)), stratum=None)
        p.append(audited(baseline, batch, centroids, ignore_composition=True).verdict.p_value)
        if i < 20:
            outcome = audited(baseline, batch, centroids)
            plain.append(outcome.verdict.p_value)
            readings.append(outcome.composition.reading)
    assert (np.array(p) <= ALPHA).sum() <= binomial_bound(100, ALPHA)
    assert kolmogorov_p(np.array(p), 200) > 0.001
    assert (np.array(plain) <= ALPHA).sum() > 10
    assert readings.count("composition") > 10


def test_a_mix_of_labels_that_has_a_say_keeps_to_alpha():
    """150 clean audits with the share of cats as one more family, alpha 0.05: bound 14."""
    p = []
    for i in range(150):
        rng = np.random.default_rng([62, i])
        families = world.fit(world.images(rng, 80, cats=0.5), GATES)
        crowd = world.images(rng, 140, cats=0.5)
        order = rng.permutation(140)
        baseline = world.calibrate(families, crowd.at(order[:110]), i)
        outcome = audited(baseline, crowd.at(order[110:]), {})
        assert [f.name for f in outcome.verdict.families][-1] == "composition"
        p.append(outcome.verdict.p_value)
    assert (np.array(p) <= ALPHA).sum() <= binomial_bound(150, ALPHA)
    assert kolmogorov_p(np.array(p), 200) > 0.001

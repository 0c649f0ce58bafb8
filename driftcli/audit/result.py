"""From verdict to Report: everything the published result says, and nothing computed twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from driftcli.audit import harm, near_duplicates
from driftcli.audit.concepts import Concepts
from driftcli.audit.distributions import histograms
from driftcli.audit.gate_facts import GateFacts
from driftcli.audit.headline import Found, leading, only_mix
from driftcli.audit.image_findings import Explained
from driftcli.audit.inconclusive import undecided
from driftcli.audit.spots import Spots
from driftcli.config.settings import Settings
from driftcli.core import adequacy, amounts, sentences
from driftcli.core.addresses import shown
from driftcli.core.features import Features
from driftcli.core.findings import (
    ConceptsResult,
    Diagnosis,
    FileResult,
    HeadlineResult,
    PredictionsResult,
    RemovalResult,
)
from driftcli.core.report import (
    BatchFacts,
    FamilyResult,
    ReferenceFacts,
    Report,
    RuleResult,
)
from driftcli.core.times import now_utc
from driftcli.core.version import version
from driftcli.explain import corruption, mix, words
from driftcli.gate import good_days, overlap, predictions, rules
from driftcli.gate.batch_test import Outcome, sizes_of
from driftcli.gate.subset_test import Rerun
from driftcli.reading.reading import Reading
from driftcli.reference.families import Family
from driftcli.reference.reference import Baseline, Reference
from driftcli.stats.minp import Verdict

ORDER = {"pass": 0, "warn": 1, "drift": 2}


@dataclass(frozen=True)
class Draft:
    """What is known of a check before its verdict; `report` and `inconclusive` complete it."""

    artifact: str
    sources: Sequence[str]
    reference: Reference
    baseline: Baseline
    reading: Reading
    environment: dict[str, Any]
    spots: Spots | None = None
    """Where small defects are, if any were found."""

    @property
    def settings(self) -> Settings:
        """All settings of the check."""
        return self.reference.settings

    def inconclusive(self, what: str, hint: str, seconds: float) -> Report:
        """No honest answer: exit 3, the reason and what to do about it."""
        gate = undecided(self.settings.gate, "no verdict")
        return Report("inconclusive", 3, (what, hint), (), gate, **self._known(seconds))

    def report(self, outcome: Outcome, seconds: float) -> Report:
        """The whole result of an audit that reached a verdict."""
        verdict, settings = outcome.verdict, self.settings
        usable = np.flatnonzero(overlap.testable(self.reference, self.held_out, self.reading.features))
        fresh = self.reading.features.at(usable)
        gate = GateFacts(settings, self.baseline, outcome.independent, outcome.dependence)
        hurts = harm.judged(self.baseline, fresh, settings)
        judged = rules.judge(settings, self.baseline, fresh, gate.detectable[0], hurts.result)
        failed = settings.gate.fail_on != "none" and ORDER[verdict.outcome] >= ORDER[settings.gate.fail_on]
        failed = failed or any(rule.failed for rule in judged)
        families = self.baseline.families
        told = Explained(Rerun(self.reference, self.baseline, self.reading), verdict, self.spots)
        diagnosis = self._diagnosis(outcome)
        removal = told.removal()
        words = Concepts(self.reference, self.baseline, outcome)
        concepts = words.result(settings.gate.alpha)
        said = predictions.result(self.held_out, outcome.tested, verdict.families)
        headline = self._headline(outcome, diagnosis, removal, concepts, said)
        shown = told.images[: settings.report.max_images_in_result]
        return Report(
            verdict.outcome,
            int(failed),
            self._reasons(outcome, judged, diagnosis, headline),
            (*self._cautions(outcome), *filter(None, [told.caution()])),
            gate.decided(outcome),
            **self._known(seconds),
            rules=judged,
            families=verdict.families,
            groups=told.groups(),
            distributions=histograms(families, self.held_out.views, outcome.tested.views),
            diagnosis=diagnosis,
            images=harm.with_answers(
                told.naming_subjects(words.with_subjects(shown, self.reading.features)),
                self.reading.features,
                hurts.correctness,
            ),
            properties=told.properties(settings.report.max_images_in_result),
            scores=told.scores(),
            removal=removal,
            duplicates=told.duplicates(),
            notices=self._notices(outcome),
            composition=outcome.composition,
            concepts=concepts,
            headline=headline,
            predictions=said,
            harm=harm.with_known(hurts.result, self.held_out, headline.corruptions),
        )

    def _headline(
        self,
        outcome: Outcome,
        diagnosis: Sequence[Diagnosis],
        removal: RemovalResult | None,
        concepts: ConceptsResult | None,
        said: PredictionsResult | None,
    ) -> HeadlineResult:
        """The first sentence: decided from all that was found, said once."""
        return Found(
            outcome.verdict,
            {family.name: family.tells for family in self.baseline.families},
            diagnosis,
            outcome.composition,
            concepts,
            () if self.spots is None else tuple(self.spots.at.values()),
            len(self.reading.contents),
            said,
            len(removal.images) if removal is not None and removal.images else None,
        ).headline()

    @property
    def held_out(self) -> Features:
        """C, as the baseline keeps it."""
        return self.baseline.features

    def _known(self, seconds: float) -> dict[str, Any]:
        """The fields of a result that are the same whatever the verdict, or without one."""
        reading, facts = self.reading, self.baseline.facts
        count = len(reading.contents)
        in_reference = overlap.inside(reading, self.reference, self.held_out)
        name, images, groups = self.baseline.name, len(self.held_out), facts.get("groups")
        return {
            "batch": BatchFacts(
                count, reading.distinct, in_reference, tuple(map(shown, self.sources)), reading.digest
            ),
            "ledger": reading.ledger,
            "reference": ReferenceFacts(self.artifact, str(facts["digest"]), name, images, groups),
            "created": now_utc(),
            "tool": {"name": "driftcli", "version": version()},
            "files": tuple(FileResult(s.name, s.state, s.reason) for s in reading.skipped),
            "timing": {
                "seconds": round(seconds, 3),
                "cached": reading.remembered,
                "images_per_second": round(count / max(seconds, 1e-9), 2),
            },
            "environment": {**self.environment, "seed": self.settings.seed},
        }

    def _diagnosis(self, outcome: Outcome) -> tuple[Diagnosis, ...]:
        said: list[Diagnosis] = []
        for family in self.baseline.families:
            found = next(f for f in outcome.verdict.families if f.name == family.name)
            if found.gate == "on" and found.significant:
                said += self._in_words(outcome, family, found)
        return self._with_likeness(outcome, said)

    def _with_likeness(self, outcome: Outcome, said: list[Diagnosis]) -> tuple[Diagnosis, ...]:
        """A likeness comes before all that is measured; that none fits is no finding."""
        library = self.baseline.library
        if library is None or outcome.verdict.outcome == "pass":
            return tuple(said)
        like = corruption.diagnosis(library.nearest(outcome.tested.views), library)
        return tuple(said) if like is None else (like, *said)

    def _in_words(self, outcome: Outcome, family: Family, found: FamilyResult) -> tuple[Diagnosis, ...]:
        """What a family of named values says; nothing of the others."""
        if not family.named:
            return ()
        shares = words.level_shares(
            outcome.tested.views[family.view],
            self.held_out.views[family.view],
            family.columns,
            {**self.held_out.levels, **self.reading.features.levels},
        )
        return words.statements(
            found.statistics, family.columns, self.settings.gate.alpha, shares, family.name
        )

    def _reasons(
        self,
        outcome: Outcome,
        judged: Sequence[RuleResult],
        diagnosis: Sequence[Diagnosis],
        headline: HeadlineResult,
    ) -> tuple[str, ...]:
        """What is different, as the headline says it; then the figures, then whatever else is known."""
        verdict, reasons = outcome.verdict, []
        if verdict.outcome != "pass":
            reasons += [headline.statement, self._figures(verdict)]
            composition = outcome.composition
            mixed = None if composition is None else mix.reason(composition)
            reasons += [mixed] if mixed else []
            reasons += [] if only_mix(composition) else [d.statement for d in diagnosis[:3]]
        if verdict.outcome != "pass" and outcome.days is not None and outcome.days.days is not None:
            reasons.append(good_days.reason(outcome.days.days))
        elif verdict.outcome == "warn":
            reasons.append(f"no effect is above the tolerance {outcome.tolerance:.2g}")
        reasons += [rules.reason(rule) for rule in judged if rule.failed]
        return tuple(reasons)

    def _figures(self, verdict: Verdict) -> str:
        """As in "content and style differ from the baseline: p = 0.0002, alpha 0.01"; the leading family first."""
        which = [family.name for family in leading(verdict.families)]
        verb = "differs" if len(which) == 1 else "differ"
        alpha = self.settings.gate.alpha
        p = amounts.p_value(verdict.p_value, alpha)
        return f"{sentences.listed(which)} {verb} from the baseline: p = {p}, alpha {amounts.p_value(alpha)}"

    def _advice(self, outcome: Outcome, family: Family, found: FamilyResult) -> str:
        """An advisory family that differs, and how."""
        how = "; ".join(one.statement for one in self._in_words(outcome, family, found)[:2])
        p = amounts.p_value(found.p_value or 0.0, self.settings.gate.alpha)
        said = f"{found.name} differs too (advisory: no say in the verdict; p = {p})"
        return f"{said}: {how}" if how else said

    def _cautions(self, outcome: Outcome) -> tuple[str, ...]:
        """What may change what one does about this batch."""
        gate = self.settings.gate
        said: list[str] = [*self.reading.cautions]
        if gate.min_images < 8:  # noqa: PLR2004 - the contract's default
            said.append(f"--min-images was lowered to {gate.min_images}")
        said += overlap.cautions(self.reading, self.reference, self.held_out)
        copies = len(self.reading.contents) - self.reading.distinct
        if copies:
            said.append(f"{copies} images of the batch are copies of others in it; counted and kept")
        said += [
            self._advice(outcome, family, found)
            for family, found in zip(self.baseline.families, outcome.verdict.families, strict=True)
            if found.gate == "advisory" and found.significant and not family.worded
        ]
        if outcome.composition is not None:
            moved = mix.caution(outcome.composition, gate.alpha)
            said += [moved] if moved else []
        return (*said, *(self._doubts(outcome) if outcome.verdict.outcome != "pass" else ()))

    def _notices(self, outcome: Outcome) -> tuple[str, ...]:
        """What was known before, of the baseline, and what is usual; and all that could only have explained an alarm."""
        said, count, n = [], len(outcome.tested), len(self.held_out)
        said += self._few(outcome)
        if self.baseline.name == "holdout":
            said.append(
                "calibrated on images held back from the fit, not on a baseline of its own (driftcli baseline)"
            )
        relabellings = outcome.relabellings
        left = count - int(relabellings.batch_sizes[0])
        named = relabellings.kind == "groups" and outcome.dependence is None
        if named and relabellings.images < count + n:
            said.append(
                "groups differ in size and are compared with groups of as many images, so that larger ones give "
                f"only some of theirs: {count - left:,} of the batch's {count:,} images and "
                f"{relabellings.images - count + left:,} of the baseline's {n:,} entered the test"
            )
        elif left and relabellings.kind == "bins":
            said.append(f"{left} images are left out of the test: bins have equal sizes")
        return (*said, *(self._doubts(outcome) if outcome.verdict.outcome == "pass" else ()))

    def _few(self, outcome: Outcome) -> list[str]:
        """What to say of a baseline that is small for such a batch."""
        sizes, doubt = (
            sizes_of(outcome.relabellings),
            "this artifact's own false-alarm rate may differ from alpha",
        )
        if outcome.relabellings.kind == "groups":
            needed = adequacy.TIMES * sizes.batch
            what = "groups" if outcome.dependence is None else "independent images"
            few = f"the baseline counts as {sizes.held_out:,} {what} and the batch as {sizes.batch:,}, for which {needed:,} would be adequate"
            return [f"{few}: {doubt}"] if sizes.held_out < needed else []
        count, n = len(outcome.tested), len(self.held_out)
        if count <= adequacy.largest_batch(n):
            return []
        return [f"the baseline's {n:,} images are {adequacy.adequacy(n, count)}: {doubt}"]

    def _doubts(self, outcome: Outcome) -> list[str]:
        """Why the gate may have fired on good images: dependence, in the batch or among good groups."""
        if self.settings.input.group_by is not None:
            return []
        seen = outcome.neighbours
        said = [] if seen is None else [seen.sentence]
        if outcome.dependence is None:
            said.append(near_duplicates.caution(outcome.tested, self.held_out))
        if outcome.days is not None:
            said += good_days.cautions(outcome.days)
        else:
            said += self.baseline.facts.get("cautions", [])
        return [line for line in said if line]

"""The mathematics of the gate: relabellings, min-p, conformal ranks, evidence over time."""

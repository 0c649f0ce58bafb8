"""One batch against one baseline: preconditions, test, rules."""

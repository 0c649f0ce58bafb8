"""fit, baseline and check, and the result that they make."""

"""Where images are measured: in this process, or by actors of Ray."""

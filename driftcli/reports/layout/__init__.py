"""How sections are set: pages of text, Markdown, plots."""

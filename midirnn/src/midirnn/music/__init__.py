"""Generated songs beside a corpus, in the field's figures: ``midirnn evaluate --music``."""

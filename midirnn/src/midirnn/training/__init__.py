"""Lanes → step → scores → checkpoints, on one device or several."""

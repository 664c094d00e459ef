"""A public corpus into a folder, whole or not at all."""

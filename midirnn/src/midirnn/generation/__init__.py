"""A trained network plays: a record at a time, by the rules, to the length asked for."""

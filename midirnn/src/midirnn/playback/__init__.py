"""Events to sinks, each in its time."""

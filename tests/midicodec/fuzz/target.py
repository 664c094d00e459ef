"""Runs invariants.py under atheris, which ../test_fuzz.py starts."""

import sys

import atheris

# The core is instrumented by the compiler; of what is Python, only what looks at bytes is, for it
# gets many times slower by it.
with atheris.instrument_imports(include=["midicodec.chunks", "midicodec.smf_salvage"]):
    from invariants import CORE, check

assert CORE is not None, "the core that is to be tried was not built"
atheris.Setup(sys.argv, check)
atheris.Fuzz()

"""A device for the tests that is nobody else's, and examples that may take their time."""

import os
import stat
from pathlib import Path

import hypothesis
import pytest

# Machines are slow at times; no test asserts how long anything takes.
hypothesis.settings.register_profile("untimed", hypothesis.settings.default, deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture
def device(tmp_path_factory):
    """Make a device like /dev/null or /dev/full, away from /dev.

    The tests ask whether devices are written to or replaced. If they are replaced, root's tests
    must not have done that to the machine's own; for anybody else /dev is safe.
    """

    def make(name):
        real = Path("/dev", name)
        if os.geteuid() != 0:
            return real
        own = tmp_path_factory.mktemp("device") / name
        try:
            os.mknod(own, stat.S_IFCHR | 0o666, real.stat().st_rdev)
            own.open("wb").close()
        except OSError as error:
            pytest.skip(f"no devices can be made here: {error}")
        return own

    return make

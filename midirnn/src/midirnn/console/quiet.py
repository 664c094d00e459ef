"""Without what native libraries print: TensorFlow when it is loaded, ALSA when there is no sound.

They write straight to the process's stderr; the file descriptor is the one place to stop that.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator

from midirnn.errors import MidiRnnError

# One thread at a time, and that as often as it likes: what is called inside may hide it too.
_one_at_a_time = threading.RLock()


@contextlib.contextmanager
def native_stderr_hidden() -> Iterator[None]:
    """Hide the process's stderr; show it if the block raises what is not an error of midirnn's.

    The whole process's: keep the block short.
    """
    with _one_at_a_time, tempfile.TemporaryFile() as hidden:
        if sys.stderr is None:  # whoever started us closed it: there is nothing to hide
            yield
            return
        sys.stderr.flush()
        shown = os.dup(2)
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        except MidiRnnError:  # says itself what is wrong
            raise
        except BaseException:
            hidden.seek(0)
            os.write(shown, hidden.read())
            raise
        finally:
            os.dup2(shown, 2)
            os.close(shown)


def import_tensorflow() -> None:
    """Import TensorFlow and let it find its devices, showing what it prints only if it fails."""
    # Its C++ side writes about oneDNN and absent GPUs before any setting of its own is read.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with native_stderr_hidden():
        import tensorflow as tf

        tf.config.list_logical_devices()

"""What native code prints is hidden, unless something goes wrong that nobody expected."""

import os
import subprocess
import sys
import threading

import pytest

from midirnn.console.quiet import native_stderr_hidden
from midirnn.errors import MidiRnnError, SinkError


def native(text: str) -> None:
    """Print as a C library does: past ``sys.stderr``."""
    os.write(2, text.encode())


def fail_after(text: str, error: BaseException) -> None:
    with native_stderr_hidden():
        native(text)
        raise error


def test_what_is_printed_is_hidden_and_what_follows_is_not(
    capfd: pytest.CaptureFixture[str],
) -> None:
    native("before;")
    with native_stderr_hidden():
        native("noise")
        print("python's noise", file=sys.__stderr__, flush=True)
        subprocess.run(["sh", "-c", "echo a child\\'s noise >&2"], check=True)
    native("after")
    assert capfd.readouterr().err == "before;after"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_that_is_not_ours_shows_it(
    error: type[BaseException], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(error):
        fail_after("what the library said", error())
    native("; after")
    assert capfd.readouterr().err == "what the library said; after"


@pytest.mark.parametrize("error", [MidiRnnError, SinkError])
def test_an_error_of_ours_says_itself_what_is_wrong(
    error: type[MidiRnnError], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(error):
        fail_after("noise", error("there is no sound device"))
    native("after")
    assert capfd.readouterr().err == "after"


def test_one_inside_another_hides_as_long_as_the_outer_one(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def nest() -> None:
        with native_stderr_hidden():
            with native_stderr_hidden():
                native("noise")
            native("noise")
        native("after")

    thread = threading.Thread(target=nest, daemon=True)  # or the tests would hang with it
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert capfd.readouterr().err == "after"


def test_no_file_descriptor_is_lost() -> None:
    def count() -> int:
        return len(os.listdir("/dev/fd"))  # noqa: PTH208 — its own descriptor is among them

    before = count()
    for _ in range(20):
        with native_stderr_hidden():
            pass
        with pytest.raises(ValueError, match="no luck"), native_stderr_hidden():
            raise ValueError("no luck")
    assert count() == before


def test_two_threads_take_turns(capfd: pytest.CaptureFixture[str]) -> None:
    """Or one would take the other's hiding place for what is to be shown again."""
    inside, overlaps = 0, 0
    lock, start = threading.Lock(), threading.Barrier(4)

    def work() -> None:
        nonlocal inside, overlaps
        start.wait(10)
        for _ in range(20):
            with native_stderr_hidden():
                with lock:
                    inside += 1
                    overlaps += inside > 1
                native("noise")
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert overlaps == 0
    native("after")
    assert capfd.readouterr().err == "after"


def test_tensorflow_is_imported_without_a_word() -> None:
    code = "from midirnn.console.quiet import import_tensorflow as i; i(); import tensorflow"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={k: v for k, v in os.environ.items() if not k.startswith("TF_")},
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("", "")

"""The reader and writer tried on bytes that coverage finds, the core with address sanitizing.

``uv run pytest tests/midicodec/test_fuzz.py --fuzz-seconds 7200`` for hours. What is found once is
kept in ``crashes/``, and tried again here without any of that.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import midicodec

HERE = Path(__file__).parent
SOURCES = Path(midicodec.__file__).parent
LARGEST = 1500
"""Bytes of an input at most: larger ones are slower to try and reach nothing else."""
SEED = bytes.fromhex(
    "4d546864 00000006 0001 0002 0060"
    "4d54726b 00000024 00ff5103 07a120 00f005 41104202f7 8100f703 01f7f8 00ff0103616263 00ff5902 07ff 00ff2f00"  # noqa: E501
    "4d54726b 00000018 00c005 00903c40 81003c00 0091407f 00f8 8000e00040 00ff2f00"
)


def needed(what: str) -> None:
    """Skip what cannot be tried here, but not in CI, which installs what it needs."""
    if os.environ.get("CI"):
        pytest.fail(f"CI needs {what}")
    pytest.skip(f"fuzzing needs {what}")


def sanitized(folder: Path) -> Path:
    """Build midicodec with its core sanitized, and return the folder to import it from."""
    package = folder / "midicodec"
    shutil.copytree(SOURCES, package, ignore=shutil.ignore_patterns("*.so", "*.c", "__pycache__"))
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    for source in package.glob("*.pyx"):
        subprocess.run(
            [sys.executable, "-m", "cython", "-3", str(source)], check=True, capture_output=True
        )
        subprocess.run(
            ["clang", "-shared", "-fPIC", "-O1", "-g", "-fsanitize=address,fuzzer-no-link",
             "-I", sysconfig.get_path("include"), str(source.with_suffix(".c")),
             "-o", str(source.with_suffix(suffix))],
            check=True,
        )  # fmt: skip
    return folder


def test_any_bytes(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if not shutil.which("clang"):
        needed("clang and its compiler-rt")
    spec = importlib.util.find_spec("atheris")
    if spec is None or spec.origin is None:
        needed("atheris")
        return
    corpus, found = tmp_path / "corpus", tmp_path / "found"
    corpus.mkdir()
    found.mkdir()
    (corpus / "seed").write_bytes(SEED)
    real = HERE.parents[2] / "shared" / "corpus"
    seeds = [path for path in [*real.rglob("*.mid"), *(HERE / "crashes").iterdir()]
             if path.stat().st_size <= LARGEST]  # fmt: skip
    for number, seed in enumerate(seeds):
        (corpus / str(number)).write_bytes(seed.read_bytes())
    done = subprocess.run(
        [sys.executable, str(HERE / "fuzz" / "target.py"), str(corpus),
         f"-max_total_time={request.config.getoption('--fuzz-seconds')}",
         f"-artifact_prefix={found}/", "-timeout=20", f"-max_len={LARGEST}", "-rss_limit_mb=3000",
         "-print_final_stats=1"],
        env=os.environ | {
            "PYTHONPATH": str(sanitized(tmp_path)),
            "LD_PRELOAD": str(Path(spec.origin).parents[1] / "asan_with_fuzzer.so"),
            # Python itself gives much back only when its process ends.
            "ASAN_OPTIONS": "detect_leaks=0:quarantine_size_mb=16",
        },
        capture_output=True, text=True, errors="replace",
    )  # fmt: skip
    keep = "".join(f"\nkeep as crashes/{path.name}: {path.read_bytes().hex()}"
                   for path in found.iterdir())  # fmt: skip
    assert done.returncode == 0, done.stderr[-6000:] + keep
    assert "stat::number_of_executed_units" in done.stderr, done.stderr[-6000:]


CRASHES = sorted((HERE / "crashes").iterdir())


@pytest.mark.parametrize("path", CRASHES, ids=lambda path: path.name)
def test_what_was_found_once_stays_mended(path: Path) -> None:
    spec = importlib.util.spec_from_file_location("invariants", HERE / "fuzz" / "invariants.py")
    assert spec is not None
    assert spec.loader is not None
    invariants = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(invariants)
    invariants.check(path.read_bytes())

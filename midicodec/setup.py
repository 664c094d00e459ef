"""The native core, which pyproject.toml cannot describe; all else about the package stands there.

``optional``: where there is no compiler midicodec is installed without it, and does the same.
"""

from pathlib import Path

from setuptools import Extension, setup

CORE = ("_smf", "_messages")

setup(
    ext_modules=[
        Extension(
            f"midicodec.{name}",
            [f"src/midicodec/{name}.pyx"],
            extra_compile_args=["-O3"],
            depends=[str(path) for path in Path("src/midicodec").glob("*.pxi")],
            optional=True,
        )
        for name in CORE
    ]
)

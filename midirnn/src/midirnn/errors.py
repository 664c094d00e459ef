"""What can go wrong for a reason that the user can mend.

The command line prints any of these as one line on stderr and exits with status 2; their
messages therefore say what was expected, what came, where, and what to do.
"""


class MidiRnnError(Exception):
    """The root of midirnn's own errors."""


class ConfigError(MidiRnnError):
    """A setting, in a flag or a TOML file, has no such key or a value that does not fit."""


class CorpusError(MidiRnnError):
    """The given paths hold no music to train on or to evaluate with."""


class UnusableError(MidiRnnError):
    """One file is left out of a corpus: a ``reason`` to count by, and the ``detail`` of this one.

    ``offset`` is the byte of the file that is concerned, None where there is none.
    """

    def __init__(self, reason: str, detail: str, offset: int | None = None) -> None:
        super().__init__(reason, detail, offset)
        self.reason = reason
        self.detail = detail
        self.offset = offset

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


class DownloadError(MidiRnnError):
    """A corpus is unknown, cannot be fetched, or is not what it should be."""


class ArchiveError(MidiRnnError):
    """An archive is none, is damaged, or holds what is not unpacked for safety's sake."""


class RunError(MidiRnnError):
    """A run folder is missing, damaged, of another shape than expected, or in use."""


class GenerationError(MidiRnnError):
    """A network cannot be made to generate what was asked for."""


class PluginError(MidiRnnError):
    """A plugin is unknown, broken, or refuses its configuration."""


class SourceError(PluginError):
    """A source cannot open its input, or lost it. Sources raise this with a line for the user."""


class SinkError(PluginError):
    """A sink cannot open its output, or lost it. Sinks raise this with a line for the user."""

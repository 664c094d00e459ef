"""What a prepared corpus says of itself: its settings, and which inputs are in which shard.

An entry is written when its shard is: what lies in the folder besides counts for nothing.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from midicodec.files import replacing
from midirnn.errors import ConfigError, CorpusError
from midirnn.settings.config import CorpusConfig
from midirnn.settings.resolve import validate

FORMAT = 1
MANIFEST = "prepared.json"


@dataclass(frozen=True, slots=True)
class ShardInfo:
    """One shard in the manifest: where its inputs end, and what its two files hold."""

    inputs_end: int
    songs: int
    left_out: int
    song_file_bytes: int
    left_out_file_bytes: int


@dataclass(frozen=True)
class Manifest:
    """What a prepared corpus was made from, and how far that has come."""

    settings: CorpusConfig
    input_count: int
    inputs_sha256: str
    """Of the files' paths, sizes and times of change."""
    shard_bytes: int
    complete: bool = False
    shards: list[ShardInfo] = field(default_factory=list)

    @property
    def inputs_done(self) -> int:
        """How many of the inputs are in shards."""
        return self.shards[-1].inputs_end if self.shards else 0

    def save(self, folder: Path) -> None:
        """Write the manifest, whole or not at all."""
        values = {"format": FORMAT, **asdict(self)}
        values["settings"] = self.settings.model_dump(mode="json")
        with replacing(folder / MANIFEST, durable=True) as file:
            file.write(json.dumps(values, indent=1).encode())

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Read a corpus's manifest; raises :class:`CorpusError`."""
        path = folder / MANIFEST
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            found = values.pop("format")
            if found != FORMAT:
                raise CorpusError(
                    f"{folder} was prepared by another version of midirnn (format {found}, "
                    f"expected {FORMAT}); delete it and prepare it again"
                )
            settings = validate({"corpus": values.pop("settings")}, source=str(path)).corpus
            shards = [ShardInfo(**each) for each in values.pop("shards")]
            return cls(settings=settings, shards=shards, **values)
        except OSError as error:
            raise CorpusError(
                f"{folder} is not a prepared corpus: {error.strerror or error}"
            ) from error
        except (ConfigError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise damaged(path, error) from error


def damaged(path: Path, why: object) -> CorpusError:
    """Return the error that a file of a corpus is damaged."""
    return CorpusError(
        f"{path} is damaged ({why}); delete the corpus's folder and prepare it again"
    )


def is_prepared(path: Path) -> bool:
    """Return whether a path is the folder of a prepared corpus, finished or not."""
    return (path / MANIFEST).is_file()

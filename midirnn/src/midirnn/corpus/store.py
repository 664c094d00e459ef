"""A prepared corpus on disk: Arrow IPC files, one row a song, mapped into memory when read.

::

    prepared.json          settings, and which inputs are in which shard; "complete" when done
    songs/00000.arrow      a shard: one record batch, columns as in :func:`song_schema`
    left_out/00000.arrow   of the same inputs, the files that did not become songs
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
import numpy.typing as npt

from midicodec.files import replacing
from midicodec.records import RECORD_BYTES
from midirnn.corpus.manifest import Manifest, damaged
from midirnn.errors import CorpusError
from midirnn.plugin.interfaces import Events

if TYPE_CHECKING:
    import pyarrow as pa

Item = TypeVar("Item")

_OPEN = 64
"""How many shards stay mapped."""


def song_schema() -> pa.Schema:
    """Return the columns of a song; :doc:`docs/corpus.md` says what each is."""
    import pyarrow as pa

    fields: list[tuple[str, pa.DataType]] = [
        ("folder", pa.string()),
        ("path", pa.string()),
        ("split", pa.string()),
        ("content_sha256", pa.string()),
        ("notes_sha256", pa.string()),
        ("smf_type", pa.uint8()),
        ("division", pa.uint16()),
        ("record_count", pa.int64()),
        ("message_count", pa.int64()),
        ("note_count", pa.int64()),
        ("seconds", pa.float64()),
        ("slowest_bpm", pa.float64()),
        ("fastest_bpm", pa.float64()),
        ("time_signatures", pa.list_(pa.string())),
        ("channels", pa.list_(pa.uint8())),
        ("records", pa.binary()),
        ("delta_seconds", pa.list_(pa.float64())),
    ]
    return pa.schema([pa.field(name, kind) for name, kind in fields])


def left_out_schema() -> pa.Schema:
    """Return the columns of a file that is left out."""
    import pyarrow as pa

    return pa.schema(
        [
            ("folder", pa.string()),
            ("path", pa.string()),
            ("reason", pa.string()),
            ("detail", pa.string()),
            ("byte_offset", pa.int64()),
        ]
    )


def songs_path(folder: Path, shard: int) -> Path:
    """Return where a shard's songs lie."""
    return folder / "songs" / f"{shard:05d}.arrow"


def left_out_path(folder: Path, shard: int) -> Path:
    """Return where the table of what a shard's inputs left out lies."""
    return folder / "left_out" / f"{shard:05d}.arrow"


def write_table(path: Path, rows: dict[str, Any], schema: pa.Schema) -> int:
    """Write columns as one Arrow IPC file with one record batch; return its size in bytes."""
    import pyarrow as pa

    batch = pa.record_batch([rows[name] for name in schema.names], schema=schema)
    with replacing(path, durable=True) as file:
        with pa.ipc.new_file(file, schema) as writer:
            writer.write_batch(batch)
        return file.tell()


def joined(arrays: Sequence[npt.NDArray[Any]], kind: pa.DataType, width: int = 1) -> pa.Array:
    """Return arrays as one column of ``kind``, binary or a list, with one row each.

    Through numpy and without Python's numbers. ``width`` is how many bytes a row of them fills
    where the column is binary.
    """
    import pyarrow as pa

    ends = np.cumsum([0, *(len(each) * width for each in arrays)])
    if ends[-1] > np.iinfo(np.int32).max:
        raise CorpusError("a shard holds more than Arrow's 2 GB; prepare with smaller ones")
    offsets = pa.py_buffer(ends.astype(np.int32))
    data = np.concatenate(arrays) if arrays else np.empty(0, np.uint8)
    if pa.types.is_binary(kind):
        buffers = [None, offsets, pa.py_buffer(np.ascontiguousarray(data))]
        return pa.Array.from_buffers(kind, len(arrays), buffers)
    values = pa.array(data, type=kind.value_type)
    return pa.Array.from_buffers(kind, len(arrays), [None, offsets], children=[values])


def read_table(path: Path) -> pa.RecordBatch:
    """Map a file's one record batch into memory; raises :class:`CorpusError` if it is damaged."""
    import pyarrow as pa

    try:
        # Python maps it: a folder's name that is not UTF-8 cannot be told to Arrow.
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        with pa.ipc.open_file(pa.py_buffer(mapped)) as reader:
            if reader.num_record_batches != 1:
                raise ValueError(f"{reader.num_record_batches} record batches, not 1")
            batch = reader.get_batch(0)
            batch.validate()
            return batch
    except (OSError, ValueError) as error:  # ArrowInvalid is one of these
        raise damaged(path, error) from error


class _Shard:
    """One shard's songs as views of the mapped file."""

    def __init__(self, path: Path) -> None:
        batch = read_table(path)
        try:
            self._folders, self._names = batch.column("folder"), batch.column("path")
            records, times = batch.column("records"), batch.column("delta_seconds")
            _, ends, data = records.buffers()
            rows = len(records)
            self._bytes_at = np.frombuffer(ends, np.int32, rows + 1) if rows else np.zeros(1, int)
            self._records = np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8)
            self._times_at = times.offsets.to_numpy()
            self._times = times.values.to_numpy(zero_copy_only=True)
        except (KeyError, ValueError, AttributeError) as error:
            raise damaged(path, error) from error
        if (
            np.any(np.diff(self._bytes_at) != RECORD_BYTES * np.diff(self._times_at))
            or np.any(np.diff(self._times_at) < 0)
            or self._bytes_at[-1] > len(self._records)
            or self._times_at[-1] > len(self._times)
        ):
            raise damaged(path, "its songs' lengths do not fit")

    def song(self, row: int) -> Events:
        data = self._records[self._bytes_at[row] : self._bytes_at[row + 1]]
        times = self._times[self._times_at[row] : self._times_at[row + 1]]
        return Events(data.reshape(-1, RECORD_BYTES), times)

    def path(self, row: int) -> Path:
        return Path(self._folders[row].as_py(), self._names[row].as_py())


class Store:
    """A prepared corpus, open for reading; raises :class:`CorpusError` if it is not whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = Manifest.load(folder)
        if not self.manifest.complete:
            done, count = self.manifest.inputs_done, self.manifest.input_count
            raise CorpusError(
                f"{folder} is not finished: {done} of {count} files are prepared; "
                "the same midirnn prepare goes on from there"
            )
        self._check_sizes()
        self._starts = np.cumsum([0, *(each.songs for each in self.manifest.shards)])
        self._shard = lru_cache(maxsize=_OPEN)(lambda n: _Shard(songs_path(folder, n)))

    def __len__(self) -> int:
        """How many songs there are, of all splits."""
        return int(self._starts[-1])

    def song(self, row: int) -> Events:
        """Return the song in a row of the whole corpus: views, nothing is copied."""
        shard, row = self._locate(row)
        return shard.song(row)

    def path(self, row: int) -> Path:
        """Return the file that a row's song was read from."""
        shard, row = self._locate(row)
        return shard.path(row)

    def _locate(self, row: int) -> tuple[_Shard, int]:
        number = int(np.searchsorted(self._starts, row, side="right")) - 1
        return self._shard(number), row - int(self._starts[number])

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the songs' shards in order."""
        for number in range(len(self.manifest.shards)):
            yield read_table(songs_path(self.folder, number))

    def left_out(self) -> Iterator[pa.RecordBatch]:
        """Yield the shards of the table of files left out, in order."""
        for number in range(len(self.manifest.shards)):
            yield read_table(left_out_path(self.folder, number))

    def columns(self, *names: str) -> list[npt.NDArray[Any]]:
        """Return some of the small columns of all songs, as numpy arrays."""
        parts: list[list[npt.NDArray[Any]]] = [[] for _ in names]
        for batch in self.batches():
            for part, name in zip(parts, names, strict=True):
                part.append(batch.column(name).to_numpy(zero_copy_only=False))
        return [np.concatenate(part) if part else np.empty(0) for part in parts]

    def _check_sizes(self) -> None:
        for number, shard in enumerate(self.manifest.shards):
            for path, expected in (
                (songs_path(self.folder, number), shard.song_file_bytes),
                (left_out_path(self.folder, number), shard.left_out_file_bytes),
            ):
                found = path.stat().st_size if path.is_file() else None
                if found != expected:
                    what = "missing" if found is None else f"{found} bytes, not {expected}"
                    raise damaged(path, f"it is {what}")


class Rows(Sequence[Item]):
    """What there is in some of a store's rows, each read when it is asked for."""

    def __init__(self, read: Callable[[int], Item], rows: npt.NDArray[np.int64]) -> None:
        self._read = read
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Rows[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Rows[Item]:
        if isinstance(index, slice):
            return Rows(self._read, self._rows[index])
        return self._read(int(self._rows[index]))

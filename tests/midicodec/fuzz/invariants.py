"""What must hold of any bytes whatever.

The native core and Python read, refuse and write alike; what is read is written as it was; what is
salvaged never raises; nothing takes more memory than a small multiple of the bytes.
"""

import midicodec
from midicodec import native
from midicodec.smf_read import parse
from midicodec.smf_write import build

CORE = native.smf
MOST_BYTES_A_BYTE = 40


def columns(song: midicodec.Song) -> list[bytes]:
    return [array.tobytes() for array in (song.records, song.delta_ticks, song.track, song.starts)]


def read(data: bytes) -> midicodec.Song | str:
    try:
        return parse(data)
    except midicodec.SmfError as error:
        return str(error)


def in_python(function, *arguments, **options):
    native.smf = None
    try:
        return function(*arguments, **options)
    finally:
        native.smf = CORE


def check(data: bytes) -> None:
    song, other = read(data), in_python(read, data)
    if isinstance(song, str) or isinstance(other, str):
        assert song == other, (song, other)
        rest = parse(data, salvage=True)
        assert rest.defects
        assert rest.framing is None
        check_plain_form(rest)
        return
    assert columns(song) == columns(other)
    assert song.framing == other.framing
    assert sum(map(len, columns(song))) <= MOST_BYTES_A_BYTE * len(data) + 100
    # The constructor looks at every record; what was read must be what it accepts.
    again = midicodec.Song(
        song.records, song.delta_ticks, song.track,
        division=song.division, smf_type=song.smf_type,
    )  # fmt: skip
    assert again == song
    assert build(song) == data
    assert in_python(build, song) == data
    check_plain_form(song)
    midicodec.decode(song.records, song.delta_ticks, errors="skip")


def check_plain_form(song: midicodec.Song) -> None:
    """In plain form a song may get ends of tracks, and then stays as it is."""
    try:
        plain = build(song, canonical=True)
    except midicodec.EncodeError:
        return  # salvaged tracks may be too many
    assert in_python(build, song, canonical=True) == plain
    assert build(parse(plain)) == plain

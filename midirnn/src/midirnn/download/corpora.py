"""The public corpora that ``download`` knows by name.

Only what documentation confirms stands here: the address, the licence and the SHA-256 of each
archive, with the pages that they were taken from. What has no fixed archive, no checksum that
others have published or no stated licence is left out; its address can be given instead.
"""

from __future__ import annotations

from typing import NamedTuple


class Corpus(NamedTuple):
    """An archive of MIDI files that anybody may download, and where its facts come from."""

    name: str
    what: str
    url: str
    sha256: str
    megabytes: int
    """The archive's size, in millions of bytes, rounded."""
    midi_files: int
    licence: str
    page: str
    """Where its makers describe it, and state its licence."""
    facts: str
    """Where address, checksum, size and count were looked up; no page was within reach itself."""


_MAGENTA = "https://storage.googleapis.com/magentadata/datasets"
_LAKH = "http://hog.ee.columbia.edu/craffel/lmd"
_LAKH_PAGE = "https://colinraffel.com/projects/lmd/"
_CC_BY = "CC BY 4.0"

CORPORA = {
    each.name: each
    for each in (
        Corpus(
            "maestro",
            "MAESTRO 3.0.0: classical piano, played in competitions on a Disklavier",
            f"{_MAGENTA}/maestro/v3.0.0/maestro-v3.0.0-midi.zip",
            "70470ee253295c8d2c71e6d9d4a815189e35c89624b76d22fce5a019d5dde12c",
            58,
            1276,
            "CC BY-NC-SA 4.0 (not for commercial use)",
            "https://magenta.tensorflow.org/datasets/maestro",
            "muspy's datasets/maestro.py; public repositories that quote its page, which agree",
        ),
        Corpus(
            "groove",
            "Groove MIDI 1.0.0: drums, played by ten drummers to a click",
            f"{_MAGENTA}/groove/groove-v1.0.0-midionly.zip",
            "651cbc524ffb891be1a3e46d89dc82a1cecb09a57c748c7b45b844c4841dcc1e",
            3,
            1150,
            _CC_BY,
            "https://magenta.tensorflow.org/datasets/groove",
            "its page (licence, count); TensorFlow Datasets' datasets/groove/checksums.tsv",
        ),
        Corpus(
            "e-gmd",
            "Expanded Groove MIDI 1.0.0: Groove's drumming, replayed through 43 drum kits",
            f"{_MAGENTA}/e-gmd/v1.0.0/e-gmd-v1.0.0-midi.zip",
            "5e70a6f4d760385a5e5ec986a2f02179d96f61181a920e592876b577a75844d3",
            103,
            45537,
            _CC_BY,
            "https://magenta.tensorflow.org/datasets/e-gmd",
            "public repositories that verify it, which agree",
        ),
        Corpus(
            "lakh",
            "Lakh MIDI 0.1, LMD-full: songs of all kinds from the web; thousands are corrupt",
            f"{_LAKH}/lmd_full.tar.gz",
            "6fcfe2ac49ca08f3f214cec86ab138d4fc4dabcd7f27f491a838dae6db45a12b",
            1768,
            178561,
            _CC_BY,
            _LAKH_PAGE,
            "its page (licence); muspy's datasets/lmd.py; public repositories that count its files",
        ),
        Corpus(
            "lakh-matched",
            "Lakh MIDI 0.1, LMD-matched: songs found in the Million Song Dataset, some repeated",
            f"{_LAKH}/lmd_matched.tar.gz",
            "621ff830aed771f469e5bfa13dc12a33c6ed69090adeda63d0b5c47783af0191",
            1407,
            116189,
            _CC_BY,
            _LAKH_PAGE,
            "its page (licence); muspy's datasets/lmd.py; public repositories that count its files",
        ),
        Corpus(
            "lakh-clean",
            "Lakh MIDI 0.1, clean MIDI subset: songs filed by artist and title",
            f"{_LAKH}/clean_midi.tar.gz",
            "de1bb64cbc0cf35545a05b5c3e786aa6890cfa144edffc4b827ff41bf8c33dc5",
            234,
            17256,
            _CC_BY,
            _LAKH_PAGE,
            "its page (licence); public repositories that verify it, which agree",
        ),
        Corpus(
            "pdmx",
            "PDMX: public-domain scores from MuseScore, as MIDI (no human timing)",
            "https://zenodo.org/api/records/15571083/files/mid.tar.gz/content",
            "e444f9b466f02c9a054d31478c9886847f39c575a65ec45a0aaa1a5ee088c1d1",
            214,
            254035,
            "CC BY 4.0 (the collection); public domain or CC0 (each score, as its uploader says)",
            "https://zenodo.org/records/15571083",
            "public repositories that verify it, against the MD5 that its page publishes too",
        ),
    )
}
"""By name, in the order in which they are listed."""

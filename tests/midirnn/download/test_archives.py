"""Archives that anybody may have made: what is unpacked of them, and all that is not."""

from __future__ import annotations

import contextlib
import io
import random
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from midirnn.download.archives import Limits, Unpacked, unpack
from midirnn.errors import ArchiveError

SONG = b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0"
Make = Callable[..., Path]


@pytest.fixture(params=["zip", "tar", "tar.gz"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Return what makes an archive of names and bytes, in each format."""

    def archive(*members: tuple[str, bytes]) -> Path:
        path = tmp_path / f"archive.{request.param}"
        if request.param == "zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
                for name, data in members:
                    info = zipfile.ZipInfo(name)
                    info.filename = name  # as it is: zipfile would end it at a NUL
                    zipped.writestr(info, data)
        else:
            with tarfile.open(path, "w:gz" if request.param == "tar.gz" else "w") as tar:
                for name, data in members:
                    entry = tarfile.TarInfo(name)
                    entry.size = len(data)
                    tar.addfile(entry, io.BytesIO(data))
        return path

    return archive


def unpacked(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_midi_files_and_texts_about_them_are_unpacked(make: Make, tmp_path: Path) -> None:
    archive = make(
        ("a/one.mid", SONG), ("a/b/TWO.MIDI", SONG + b"2"), ("./three.kar", SONG),
        ("four.rmi", b""), ("LICENSE", b"mine"), ("a/Licence-CC.txt", b"too"),
        ("README.md", b"read"), ("a/info.csv", b"1,2"), ("a/one.wav", b"RIFF"), ("run.sh", b"rm"),
        ("license.exe", b"MZ"),
        ("__MACOSX/a/._one.mid", b"x"), ("a/._one.mid", b"x"),
    )  # fmt: skip
    assert unpack(archive, tmp_path / "out") == Unpacked(4, 3 * len(SONG) + 1, 6)
    assert unpacked(tmp_path / "out") == {
        "a/one.mid": SONG, "a/b/TWO.MIDI": SONG + b"2", "three.kar": SONG, "four.rmi": b"",
        "LICENSE": b"mine", "a/Licence-CC.txt": b"too", "README.md": b"read",
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "../evil.mid", "a/../../evil.mid", "a/../evil.mid", "/evil.mid", "//host/share/evil.mid",
        "..\\evil.mid", "a\\..\\..\\evil.mid", "\\evil.mid", "C:\\evil.mid", "C:evil.mid",
        "c:/evil.mid", "a/.. /evil.mid", "a/.../evil.mid", "../evil.txt", "/etc/passwd",
    ],
)  # fmt: skip
def test_a_name_that_leads_out_is_refused(make: Make, tmp_path: Path, name: str) -> None:
    archive = make(("good.mid", SONG), (name, SONG))
    (tmp_path / "in").mkdir()
    with pytest.raises(ArchiveError, match="would be unpacked"):
        unpack(archive, tmp_path / "in" / "out")
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {
        archive.name, "good.mid",
    }  # fmt: skip


def test_names_become_good_ones_on_any_system(make: Make, tmp_path: Path) -> None:
    archive = make(
        ("R.E.M./What? No: yes.mid", SONG), ("a\\b.mid", SONG), ("CON.mid", SONG),
        ("x\ty.mid", SONG),
    )  # fmt: skip
    unpack(archive, tmp_path / "out")
    assert set(unpacked(tmp_path / "out")) == {
        "R.E.M/What_ No_ yes.mid", "a/b.mid", "_CON.mid", "x_y.mid",
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_members_with_one_name_both_are_kept(make: Make, tmp_path: Path) -> None:
    archive = make(
        ("a.mid", b"1"), ("a.mid", b"2"), ("A.MID", b"3"), ("./a.mid", b"4"), ("a (5).mid", b"5"),
        ("a.mid", b"6"), ("a (2).mid", b"7"),
    )  # fmt: skip
    unpack(archive, tmp_path / "out")
    assert unpacked(tmp_path / "out") == {
        "a.mid": b"1", "a (2).mid": b"2", "A (3).MID": b"3", "a (4).mid": b"4",
        "a (5).mid": b"5", "a (6).mid": b"6", "a (2) (3).mid": b"7",
    }  # fmt: skip


def test_a_name_that_is_a_file_and_a_folder(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="a file and a folder at once"):
        unpack(make(("a.mid", SONG), ("a.mid/b.mid", SONG)), tmp_path / "out")
    with pytest.raises(ArchiveError, match="a file and a folder at once"):
        unpack(make(("a.mid/b.mid", SONG), ("a.mid", SONG)), tmp_path / "out2")


def test_a_bomb_is_stopped_when_it_has_unpacked_too_much(make: Make, tmp_path: Path) -> None:
    archive = make(("good.mid", SONG), ("bomb.mid", bytes(5_000_000)))
    limits = Limits(total_bytes=1_000_000, harmless_bytes=0)
    with pytest.raises(ArchiveError, match=r"unpacks to more than .* bytes, taken for a bomb"):
        unpack(archive, tmp_path / "out", limits)
    assert sum(len(data) for data in unpacked(tmp_path / "out").values()) <= 1_000_000


def test_a_bomb_is_known_by_its_ratio(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("bomb.mid", bytes(1 << 20))
    with pytest.raises(ArchiveError, match="taken for a bomb"):
        unpack(path, tmp_path / "out", Limits(harmless_bytes=1000))
    unpack(path, tmp_path / "out2")  # little is harmless, however well it packs


def test_too_many_members(make: Make, tmp_path: Path) -> None:
    archive = make(*((f"{number}.mid", SONG) for number in range(11)))
    with pytest.raises(ArchiveError, match="more than 10 members"):
        unpack(archive, tmp_path / "out", Limits(members=10))


def test_no_midi_files(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no MIDI file among its 1 members"):
        unpack(make(("a.txt", b""), ("README", b"")), tmp_path / "out")


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (tarfile.SYMTYPE, "/etc/passwd"), (tarfile.LNKTYPE, "good.mid"), (tarfile.FIFOTYPE, ""),
        (tarfile.LNKTYPE, "../../secret.mid"), (tarfile.CHRTYPE, ""), (tarfile.BLKTYPE, ""),
        (tarfile.GNUTYPE_SPARSE, ""),
    ],
)  # fmt: skip
def test_what_is_no_file_in_a_tar_is_refused(kind: bytes, target: str, tmp_path: Path) -> None:
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        for name in ("good.mid", "evil.mid"):
            entry = tarfile.TarInfo(name)
            if name == "evil.mid":
                entry.type, entry.linkname = kind, target
            tar.addfile(entry)
    with pytest.raises(ArchiveError, match=r"'evil\.mid' is a link, a device or the like"):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "out" / "evil.mid").exists()


def test_a_link_that_is_not_wanted_is_passed_over(tmp_path: Path) -> None:
    """Nor does a folder's name lead through it afterwards."""
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as tar:
        link = tarfile.TarInfo("latest")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        tar.addfile(link)
        song = tarfile.TarInfo("latest/song.mid")
        song.size = len(SONG)
        tar.addfile(song, io.BytesIO(SONG))
    assert unpack(path, tmp_path / "out").others == 1
    assert unpacked(tmp_path / "out") == {"latest/song.mid": SONG}
    assert not (tmp_path / "song.mid").exists()


def zip_of(path: Path, name: str, data: bytes = SONG, **attributes: int) -> Path:
    with zipfile.ZipFile(path, "w") as zipped:
        info = zipfile.ZipInfo("x" * len(name))
        for attribute, value in attributes.items():
            setattr(info, attribute, value)
        zipped.writestr(info, data)
    written = path.read_bytes().replace(b"x" * len(name), name.encode())
    path.write_bytes(written)
    return path


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_what_is_no_file_in_a_zip_is_refused(kind: int, tmp_path: Path) -> None:
    path = zip_of(
        tmp_path / "a.zip", "evil.mid", b"/etc/passwd", external_attr=(kind | 0o777) << 16
    )
    with pytest.raises(ArchiveError, match=r"'evil\.mid' is a link, a device or the like"):
        unpack(path, tmp_path / "out")


def test_a_name_with_a_nul_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"'evil\.mid\\x00\.txt' would be unpacked"):
        unpack(zip_of(tmp_path / "a.zip", "evil.mid\0.txt"), tmp_path / "out")
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        entry = tarfile.TarInfo("evil.mid")
        entry.pax_headers = {"path": "evil.mid\0.txt"}
        tar.addfile(entry)
    with pytest.raises(ArchiveError, match="would be unpacked"):
        unpack(path, tmp_path / "out2")


def test_an_encrypted_zip(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", "song.mid")
    data = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(magic) + offset] |= 1
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match=r"'song\.mid' is encrypted"):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compression_without_bounds_is_refused(method: int, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as zipped:
        zipped.writestr("song.mid", SONG)
    with pytest.raises(ArchiveError, match="neither stored nor deflated"):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize("name", ["song.mid", "film.avi"])
@pytest.mark.parametrize("size", [1 << 40, 8**11 - 1, -1, -(1 << 40)])
def test_a_tar_that_declares_what_it_has_not(name: str, size: int, tmp_path: Path) -> None:
    """tarfile itself would step over 2**40 bytes that are not there, or backwards for ever."""
    entry = tarfile.TarInfo(name)
    entry.size = size
    path = tmp_path / "huge.tar"
    path.write_bytes(entry.tobuf(tarfile.GNU_FORMAT) + bytes(10240))
    with pytest.raises(ArchiveError, match=r"taken for a bomb|says that it has -"):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize("size", [1 << 30, -512])
@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XGLTYPE])
def test_a_tar_whose_names_would_fill_the_memory(kind: bytes, size: int, tmp_path: Path) -> None:
    entry = tarfile.TarInfo("long")
    entry.type, entry.size = kind, size
    path = tmp_path / "huge.tar"
    path.write_bytes(entry.tobuf(tarfile.GNU_FORMAT) + bytes(10240))
    with pytest.raises(ArchiveError, match=f"a header says that it has {size} bytes"):
        unpack(path, tmp_path / "out")


def test_a_zip_whose_sizes_are_lies(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("bomb.mid", bytes(5_000_000))
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<I", 5_000_000), struct.pack("<I", 100)))
    with pytest.raises(ArchiveError, match="archive is damaged: Bad CRC-32"):
        unpack(path, tmp_path / "out")
    assert (tmp_path / "out" / "bomb.mid").stat().st_size <= 100


@pytest.mark.parametrize(
    "data", [b"", b"MThd", b"<html>404</html>", b"7z\xbc\xaf\x27\x1c" + bytes(600)]
)
def test_what_is_no_archive(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "page"
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match=r"expected a zip, tar or tar\.gz archive, found"):
        unpack(path, tmp_path / "out")


def test_a_truncated_archive_is_damaged(make: Make, tmp_path: Path) -> None:
    noise = random.Random(1).randbytes(40_000)
    archive = make(("a.mid", noise), ("b.mid", noise))
    archive.write_bytes(archive.read_bytes()[:60_000])
    with pytest.raises(ArchiveError, match="is damaged: "):
        unpack(archive, tmp_path / "out")


def test_a_gzip_s_own_checksum_is_compared(tmp_path: Path) -> None:
    path = tmp_path / "a.tgz"
    with tarfile.open(path, "w:gz") as tar:
        entry = tarfile.TarInfo("a.mid")
        entry.size = len(SONG)
        tar.addfile(entry, io.BytesIO(SONG))
    data = bytearray(path.read_bytes())
    data[-8] ^= 1
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match="is damaged: CRC check failed"):
        unpack(path, tmp_path / "out")


def test_whatever_a_byte_is_changed_to_nothing_else_is_raised(make: Make, tmp_path: Path) -> None:
    archive = make(("a/b.mid", SONG * 20), ("LICENSE", b"mine"), ("a/c.mid", SONG), ("d.csv", b"1"))
    whole = archive.read_bytes()
    drawn = random.Random(7)
    for number in range(300):
        data = bytearray(whole)
        for _ in range(drawn.randint(1, 4)):
            data[drawn.randrange(min(len(data), 4096))] = drawn.randrange(256)
        archive.write_bytes(data)
        with contextlib.suppress(ArchiveError):
            unpack(archive, tmp_path / str(number))
    inside = {path.resolve().relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")}
    assert inside <= {archive.name, *map(str, range(300))}

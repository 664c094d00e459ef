"""Corpora from a real HTTP server on the loopback that cuts, changes, lies and hangs."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pty
import re
import resource
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from midicodec.find import find_files
from midirnn.download.corpora import CORPORA, Corpus
from midirnn.download.fetch import RECORD, Wanted, download
from midirnn.errors import ArchiveError, DownloadError

Command = Callable[..., subprocess.CompletedProcess[str]]
SONG = b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0"
NOBODY = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}


def zipped(songs: int, *, size: int, seed: int = 0, method: int = zipfile.ZIP_STORED) -> bytes:
    """An archive of songs that are of ``size`` bytes and one kind each."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for number in range(songs):
            archive.writestr(f"songs/{number}.mid", SONG + bytes([seed + number]) * size)
        archive.writestr("songs/LICENSE", "anybody's")
        archive.writestr("songs/list.csv", "0.mid")
    return data.getvalue()


class Server(ThreadingHTTPServer):
    """Serves ``body`` at any path; what it does wrong is set by the test."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body = b""
        self.status = 200
        self.ranges = True
        self.etag: str | None = '"1"'
        self.modified: str | None = None
        self.length = True
        self.wrong_range = False
        self.longest_part: int | None = None
        self.cuts: list[int] = []
        """After how many bytes of the next answers' bodies the connection ends."""
        self.hang_at: int | None = None
        """Where in the file nothing comes any more, until ``going_on`` is set."""
        self.going_on = threading.Event()
        self.asked: list[str | None] = []
        """The ``Range`` of each request."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/songs.zip"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that is killed is what is tested."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, body, start = self.server, self.server.body, 0
        server.asked.append(self.headers["Range"])
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        same = self.headers["If-Range"] in (server.etag, server.modified)
        status = server.status
        if asked and server.ranges and same and status == 200:
            start = int(asked[1])
            status = 206 if start < len(body) else 416
        self.send_response(status)
        stop = len(body)
        if status == 206:
            if server.longest_part is not None:
                stop = min(stop, start + server.longest_part)
            first = start + server.wrong_range
            self.send_header("Content-Range", f"bytes {first}-{stop - 1}/{len(body)}")
        if server.etag:
            self.send_header("ETag", server.etag)
        if server.modified:
            self.send_header("Last-Modified", server.modified)
        if server.length:
            self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        end = start + server.cuts.pop(0) if server.cuts else stop
        if server.hang_at is not None and start <= server.hang_at < end:
            self.wfile.write(body[start : server.hang_at])
            server.going_on.wait(60)
            start = server.hang_at
        self.wfile.write(body[start:end])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in set(os.environ) - set(NOBODY):
        monkeypatch.delenv(name)
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        server.body = zipped(5, size=100_000)
        yield server
        server.going_on.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def fetch(server: Server, tmp_path: Path) -> Callable[..., Path]:
    """Download what the server has, its checksum known, into ``tmp_path/out``."""

    def run(sha256: str | None = None, *, known: bool = True) -> Path:
        if sha256 is None and known:
            sha256 = hashlib.sha256(server.body).hexdigest()
        return download(Wanted.parse(server.url, sha256), tmp_path / "out", lambda: True)

    return run


def midi_files(folder: Path) -> int:
    return sum(1 for _ in find_files([folder]))


def part_of(folder: Path) -> Path:
    """The partial archive in the one hidden folder."""
    (hidden,) = folder.glob(".songs.*.part")
    return hidden / "archive.part"


def started(server: Server, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "midirnn", "download", server.url, "-o", str(folder), "--yes"]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)


# --- the command ---------------------------------------------------------------------------------


def test_a_corpus_by_its_address(server: Server, midirnn: Command, tmp_path: Path) -> None:
    out, sha256 = tmp_path / "a" / "out", hashlib.sha256(server.body).hexdigest()
    done = midirnn("download", server.url, "-o", out, "--yes", "--sha256", sha256.upper())
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[0] == f"source   {server.url}"
    assert lines[1].startswith("licence  unknown to midirnn")
    assert lines[2:] == [
        f"unpacking into {out / 'songs'}",
        f"5 MIDI files (0.5 MB) in {out / 'songs'}; other files, passed over: 1"
    ]  # fmt: skip
    assert sorted(path.name for path in out.iterdir()) == ["songs"]
    assert sorted(path.name for path in (out / "songs").iterdir()) == [RECORD, "songs"]
    assert (out / "songs" / "songs" / "LICENSE").read_text() == "anybody's"
    record = json.loads((out / "songs" / RECORD).read_text())
    assert (record["url"], record["sha256"], record["checked"]) == (server.url, sha256, True)

    left = out / f".songs.{hashlib.sha256(server.url.encode()).hexdigest()[:8]}.part"
    left.mkdir()  # as if killed just before the end
    again = midirnn("download", server.url, "-o", out, "--yes")
    assert (again.returncode, again.stderr) == (0, f"{out / 'songs'} is there already\n")
    assert server.asked == [None]
    assert not left.exists()


def test_what_is_not_checked_is_said_to_be(
    server: Server, midirnn: Command, tmp_path: Path
) -> None:
    done = midirnn("download", server.url, "-o", tmp_path, "--yes")
    assert done.returncode == 0, done.stderr
    sha256 = hashlib.sha256(server.body).hexdigest()
    assert f"not checked, as no --sha256 was given; that of what came is {sha256}" in done.stderr
    assert json.loads((tmp_path / "songs" / RECORD).read_text())["checked"] is False


def test_ctrl_c_keeps_what_came_and_the_next_time_goes_on(
    server: Server, midirnn: Command, tmp_path: Path
) -> None:
    server.hang_at = 300_000
    process = started(server, tmp_path)
    wait_for(
        lambda: bool(list(tmp_path.glob(".*"))) and part_of(tmp_path).exists()
        and part_of(tmp_path).stat().st_size > 200_000,
        process,
    )  # fmt: skip
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "what is there is kept: the same command goes on from there\n" in said
    assert said.splitlines()[-1] == "interrupted"
    have = part_of(tmp_path).stat().st_size
    assert 200_000 < have <= 300_000
    assert not (tmp_path / "songs").exists()
    server.hang_at = None
    done = midirnn("download", server.url, "-o", tmp_path, "--yes")
    assert done.returncode == 0, done.stderr
    assert server.asked == [None, f"bytes={have}-"]
    assert f"going on after {have / 1e6:.1f} MB" in done.stderr
    assert midi_files(tmp_path) == 5


def test_killed_while_unpacking_nothing_is_taken_for_whole(
    server: Server, midirnn: Command, tmp_path: Path
) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for number in range(4000):
            entry = tarfile.TarInfo(f"{number}.mid")
            entry.size = len(SONG)
            tar.addfile(entry, io.BytesIO(SONG))
    server.body = data.getvalue()
    process = started(server, tmp_path)
    wait_for(lambda: bool(list(tmp_path.glob(".*/files/9.mid"))), process)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "songs").exists()
    assert midi_files(tmp_path) == 0
    done = midirnn("download", server.url, "-o", tmp_path, "--yes")
    assert done.returncode == 0, done.stderr
    assert server.asked == [None]  # the archive was whole
    assert midi_files(tmp_path) == 4000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["songs"]


def test_without_a_terminal_nobody_agrees(server: Server, midirnn: Command, tmp_path: Path) -> None:
    done = midirnn("download", server.url, "-o", tmp_path / "out", stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "midirnn: the licence must be agreed to: add --yes, or run it in a terminal"
    )
    assert server.asked == []
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("n", 2), ("", 2), ("\4", 130)])
def test_in_a_terminal_the_user_is_asked(
    server: Server, tmp_path: Path, answer: str, status: int
) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "midirnn", "download", server.url, "-o", str(tmp_path)]
    process = subprocess.Popen(command, stdin=theirs, stderr=subprocess.PIPE, text=True)
    os.close(theirs)
    os.write(ours, answer.encode() if answer == "\4" else f"{answer}\n".encode())
    _, said = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == status, said
    assert said.index("licence  ") < said.index("Download it on these terms? [y/N]: ")
    assert len(server.asked) == midi_files(tmp_path) / 5 == (status == 0)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["maestros", "-o", "x"], r"maestros: expected an http or https address, or one of maest"),
        (["file:///etc/passwd", "-o", "x"], "file:///etc/passwd: expected an http or https addr"),
        (["ftp://example.org/a.zip", "-o", "x"], "expected an http or https address"),
        (["http:///a.zip", "-o", "x"], "expected an http or https address"),
        (["http://[a.zip", "-o", "x"], "is no address"),
        (["http://example.org/a.zip", "-o", "x", "--sha256", "1"], "expected 64 hexadecimal"),
        (["maestro", "-o", "x", "--sha256", "0" * 64], "that of maestro is known"),
        (["maestro"], "-o FOLDER is missing"),
        (["maestro", "-o", "x"], "the licence must be agreed to"),
    ],
)  # fmt: skip
def test_what_cannot_be_begun_is_one_line(
    midirnn: Command, arguments: list[str], line: str, tmp_path: Path
) -> None:
    done = midirnn("download", *arguments, cwd=tmp_path, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert re.search(f"^midirnn: .*{line}", done.stderr.splitlines()[-1])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [[], ["--list"]])
def test_the_corpora_are_listed(midirnn: Command, arguments: list[str]) -> None:
    done = midirnn("download", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    for corpus in CORPORA.values():
        assert re.search(
            rf"^{corpus.name} .*\n .*{corpus.midi_files:,} files.*CC BY", done.stdout, re.M
        )


def test_help_and_list_import_nothing_heavy() -> None:
    code = (
        "import sys; from midirnn.cli import cli; cli.main(['download'], standalone_mode=False);"
        "print(*sorted({'requests', 'pooch', 'tensorflow', 'tqdm'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""


# --- names ---------------------------------------------------------------------------------------


def test_a_corpus_by_its_name(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    sha256 = hashlib.sha256(server.body).hexdigest()
    corpus = Corpus("tiny", "Noise", server.url, sha256, 1, 5, "CC0", "http://page", "here")
    monkeypatch.setitem(CORPORA, "tiny", corpus)
    with pytest.raises(DownloadError, match="was not agreed to"):
        download(Wanted.parse("tiny"), tmp_path, lambda: False)
    assert "licence  CC0" in capsys.readouterr().err
    target = download(Wanted.parse("tiny"), tmp_path, lambda: True)
    assert target == tmp_path / "tiny"
    record = json.loads((target / RECORD).read_text())
    assert (record["licence"], record["source"]) == ("CC0", "http://page")


def test_the_table_is_well_formed() -> None:
    for name, corpus in CORPORA.items():
        assert name == corpus.name
        assert Wanted.parse(name).sha256 == corpus.sha256
        assert re.fullmatch("[0-9a-f]{64}", corpus.sha256)
        assert re.match("https?://", corpus.url)
        assert corpus.page.startswith("https://")
        assert corpus.licence
        assert corpus.facts
    assert len({corpus.sha256 for corpus in CORPORA.values()}) == len(CORPORA)


def test_the_docs_list_the_same() -> None:
    page = (Path(__file__).parents[3] / "docs" / "download.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| [")]
    assert rows == [
        f"| [{each.name}]({each.page}) | {each.what} | {each.midi_files:,} "
        f"| {each.megabytes:,} | {each.licence} |"
        for each in CORPORA.values()
    ]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://a/b/songs.zip", "songs"), ("https://a/my%20songs.tar.gz?x=1", "my_songs"),
        ("http://a/", "corpus"), ("http://a/..%2f..%2fetc.tgz", "etc"), ("http://a/.part", "part"),
        ("http://a/v1.2", "v1.2"), ("http://a/%2e%2e", "corpus"),
    ],
)  # fmt: skip
def test_an_address_gives_a_name(url: str, name: str) -> None:
    assert Wanted.parse(url).name == name


# --- the server ----------------------------------------------------------------------------------


def test_a_connection_that_is_lost_is_taken_up_again(
    server: Server, fetch: Callable[..., Path]
) -> None:
    server.cuts = [200_000, 100_000]
    assert midi_files(fetch()) == 5
    assert server.asked == [None, "bytes=200000-", "bytes=300000-"]


def test_a_server_that_serves_small_parts_is_asked_for_the_next(
    server: Server, fetch: Callable[..., Path]
) -> None:
    server.cuts, server.longest_part = [200_000], 150_000
    assert midi_files(fetch()) == 5
    assert server.asked == [None, "bytes=200000-", "bytes=350000-", "bytes=500000-"]


def test_without_an_etag_the_date_tells(server: Server, fetch: Callable[..., Path]) -> None:
    server.cuts = [200_000]
    server.etag, server.modified = None, "Wed, 25 Nov 2026 00:00:00 GMT"
    assert midi_files(fetch()) == 5
    assert server.asked == [None, "bytes=200000-"]


def test_a_weak_etag_does_not_tell_whether_a_file_is_the_same(
    server: Server, fetch: Callable[..., Path]
) -> None:
    server.cuts, server.etag = [200_000], 'W/"1"'
    with pytest.raises(DownloadError, match=r"lost after 200000 bytes .*; try again"):
        fetch()
    assert midi_files(fetch()) == 5
    assert server.asked == [None, None]


def test_a_server_without_ranges_is_asked_for_all_of_it(
    server: Server, fetch: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    server.cuts, server.ranges = [200_000], False
    assert midi_files(fetch()) == 5
    assert server.asked == [None, "bytes=200000-"]
    assert "starting over" in capsys.readouterr().err


def lose_the_server(server: Server, fetch: Callable[..., Path], after: int) -> None:
    """Have ``after`` bytes, and nothing more."""
    server.cuts = [after, 0]
    with pytest.raises(DownloadError, match=f"lost after {after} bytes .* goes on from there"):
        fetch()
    server.asked.clear()


def test_a_file_that_changed_in_between_is_fetched_anew(
    server: Server, fetch: Callable[..., Path], tmp_path: Path
) -> None:
    lose_the_server(server, fetch, 200_000)
    server.body, server.etag = zipped(5, size=100_000, seed=1), '"2"'
    assert midi_files(fetch()) == 5
    assert server.asked == ["bytes=200000-"]


@pytest.mark.parametrize("how", ["wrong range", "other etag", "other size"])
def test_a_part_that_is_not_the_rest_is_not_appended(
    server: Server, fetch: Callable[..., Path], how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_the_server(server, fetch, 200_000)
    if how == "wrong range":
        server.wrong_range = True
    if how == "other size":
        server.body = zipped(6, size=100_000)
    if how == "other etag":  # a server that does not look at If-Range
        before = server.etag
        server.etag = '"2"'
        server.modified = before
    assert midi_files(fetch()) == (6 if how == "other size" else 5)
    assert server.asked == ["bytes=200000-", None]


def test_a_partial_file_longer_than_the_whole_is_not_gone_on_with(
    server: Server, fetch: Callable[..., Path], tmp_path: Path
) -> None:
    lose_the_server(server, fetch, 200_000)
    part_of(tmp_path / "out").write_bytes(bytes(len(server.body) + 1))
    assert midi_files(fetch()) == 5
    assert server.asked == [None]


def test_a_partial_file_that_is_whole_is_not_asked_for(
    server: Server, fetch: Callable[..., Path], tmp_path: Path
) -> None:
    lose_the_server(server, fetch, 200_000)
    part_of(tmp_path / "out").write_bytes(server.body)
    assert midi_files(fetch()) == 5
    assert server.asked == []


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b'{"url": 1}', b'{"url": "", "validator": "", "size": ""}', b"\xff"],
)
def test_a_damaged_note_of_what_is_there_means_to_start_over(
    server: Server, fetch: Callable[..., Path], tmp_path: Path, damage: bytes
) -> None:
    lose_the_server(server, fetch, 200_000)
    part_of(tmp_path / "out").with_name("archive.part.json").write_bytes(damage)
    assert midi_files(fetch()) == 5
    assert server.asked == [None]


def test_a_body_of_unknown_length(server: Server, fetch: Callable[..., Path]) -> None:
    server.length = False
    assert midi_files(fetch()) == 5


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_a_refusal_is_told(server: Server, fetch: Callable[..., Path], status: int) -> None:
    server.status = status
    with pytest.raises(DownloadError, match=f"songs.zip: expected status 200, .* answers {status}"):
        fetch()


def test_nobody_there(tmp_path: Path, server: Server) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/a.zip"
    with pytest.raises(DownloadError, match=r"a\.zip: no connection \(Connection refused\)"):
        download(Wanted.parse(url), tmp_path, lambda: True)


def test_a_wrong_checksum_names_both_and_leaves_nothing(
    server: Server, fetch: Callable[..., Path], tmp_path: Path
) -> None:
    expected, found = "ab" * 32, hashlib.sha256(server.body).hexdigest()
    with pytest.raises(DownloadError, match=f"expected sha256:{expected} but got {found}"):
        fetch(expected)
    assert not (tmp_path / "out" / "songs").exists()
    assert {path.name for path in (tmp_path / "out").rglob("*") if path.is_file()} <= {"lock"}
    assert midi_files(fetch()) == 5


def test_what_is_no_archive_is_asked_for_again(
    server: Server, fetch: Callable[..., Path], tmp_path: Path
) -> None:
    whole, server.body = server.body, b"<html>come back later</html>"
    with pytest.raises(ArchiveError, match=r"songs\.zip: expected a zip, tar"):
        fetch(known=False)
    server.body = whole
    assert midi_files(fetch(known=False)) == 5


# --- the folder ----------------------------------------------------------------------------------


def test_another_of_that_name_is_not_overwritten(
    server: Server, fetch: Callable[..., Path], tmp_path: Path
) -> None:
    target = fetch()
    other = server.url.replace("songs.zip", "other/songs.zip")
    with pytest.raises(DownloadError, match=r"songs was downloaded from http.*: remove it, or"):
        download(Wanted.parse(other), tmp_path / "out", lambda: True)
    with pytest.raises(DownloadError, match="remove it, or"):
        fetch("ab" * 32)
    next(target.rglob("*.mid")).unlink()
    with pytest.raises(DownloadError, match="has 4 MIDI files, 5 were unpacked: remove it to"):
        fetch()
    (target / RECORD).unlink()
    with pytest.raises(DownloadError, match="not by midirnn download: choose another folder"):
        fetch()


def test_two_at_once(server: Server, fetch: Callable[..., Path], tmp_path: Path) -> None:
    server.hang_at = 100_000
    first = threading.Thread(target=fetch)
    first.start()
    while not server.asked:
        time.sleep(0.001)
    with pytest.raises(DownloadError, match="another process is downloading"):
        fetch()
    server.going_on.set()
    first.join()
    assert midi_files(tmp_path / "out") == 5


def test_a_file_where_the_folder_should_be(
    server: Server, fetch: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(OSError, match="out"):
        fetch()


@pytest.mark.parametrize("most", [300_000, 700_000])
def test_a_full_disk_is_told_and_gone_on_from(
    server: Server, midirnn: Command, tmp_path: Path, most: int
) -> None:
    """Files may not grow larger than ``most``: first the archive is too large, then a song."""
    if most == 700_000:
        server.body = zipped(1, size=900_000, method=zipfile.ZIP_DEFLATED)

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    arguments = ("download", server.url, "-o", tmp_path, "--yes")
    done = midirnn(*arguments, preexec_fn=limited)
    assert done.returncode == 2
    assert re.search(rf"^midirnn: {re.escape(str(tmp_path))}.*: File too large$", done.stderr, re.M)
    assert not (tmp_path / "songs").exists()
    done = midirnn(*arguments)
    assert done.returncode == 0, done.stderr
    assert server.asked == ([None, "bytes=300000-"] if most == 300_000 else [None])

"""One file over HTTP that goes on where an earlier try ended: pooch's downloader that resumes."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import NamedTuple

import requests
import tqdm
import urllib3

from midicodec.files import replacing
from midirnn import __version__
from midirnn.console.say import say
from midirnn.errors import DownloadError

_TIMEOUTS_SECONDS = (15.0, 60.0)
"""To connect, and between two pieces of a body."""
_CHUNK_BYTES = 1 << 16
_LOST = (requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError)


class _State(NamedTuple):
    """What a partial file is a part of."""

    url: str
    validator: str
    """A strong ETag or a date, which the server is asked to compare; "" if it gave neither."""
    size: int | None
    """Of the whole, in bytes, if the server said it."""


class ResumingDownloader:
    """Called by pooch to fetch a URL; what is there of it already is not fetched again.

    It keeps what it has in ``partial``, and in a file beside it what that is a part of. It asks
    for the rest only, on condition that the file is the same (``If-Range``), and starts over if
    the server has another one by now, gave nothing to tell by, or does not serve parts. A
    connection that is lost is taken up again, as long as each brings something.
    """

    def __init__(self, partial: Path) -> None:
        self._partial = partial
        self._beside = partial.with_name(f"{partial.name}.json")

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        """Fetch ``url`` into ``output_file``. Raises :class:`DownloadError` and OSError."""
        while True:
            before = self._have()
            try:
                self._fetch(url)
                break
            except _LOST as error:
                if self._state(url) is None or self._have() <= before:
                    raise DownloadError(self._lost(url, error)) from error
            except requests.RequestException as error:
                raise DownloadError(f"{url}: {_reason(error)}") from error
        self._partial.replace(output_file)
        self._beside.unlink()

    def _fetch(self, url: str) -> None:
        """Fetch what is missing. A lost connection raises one of ``_LOST``."""
        state = self._state(url)
        start = self._have() if state is not None else 0
        if state is not None and start == state.size:
            return
        headers = {"User-Agent": f"midirnn/{__version__}", "Accept-Encoding": "identity"}
        if state is not None:
            headers |= {"Range": f"bytes={start}-", "If-Range": state.validator}
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUTS_SECONDS) as answer:
            if state is not None and answer.status_code in (206, 416):
                if not _goes_on(answer, start, state):
                    say("the server's file is not the one that was begun: starting over")
                    self._forget()
                    self._fetch(url)
                    return
                say(f"going on after {start / 1e6:.1f} MB")
            elif answer.status_code == 200:
                if state is not None:
                    say("the server has another file by now, or serves no parts: starting over")
                start, state = 0, self._begin(url, answer)
            else:
                raise DownloadError(
                    f"{url}: expected status 200, the server answers "
                    f"{answer.status_code} {answer.reason or ''}".rstrip()
                )
            self._receive(answer, start, state)

    def _receive(self, answer: requests.Response, start: int, state: _State) -> None:
        """Append the answer's body, byte for byte as it was sent, to the partial file."""
        bar = tqdm.tqdm(
            total=state.size, initial=start, unit="B", unit_scale=True, dynamic_ncols=True,
            leave=False, disable=None,
        )  # fmt: skip
        try:
            with bar, self._partial.open("r+b" if start else "wb") as file:
                file.seek(start)
                for chunk in answer.raw.stream(_CHUNK_BYTES, decode_content=False):
                    file.write(chunk)
                    bar.update(len(chunk))
        except OSError as error:  # a full disk does not say what was being written
            raise OSError(error.errno, error.strerror, os.fspath(self._partial)) from error
        if state.size is not None and self._have() != state.size:
            raise urllib3.exceptions.ProtocolError(
                f"{self._have()} bytes came of the {state.size} that were announced"
            )

    def _begin(self, url: str, answer: requests.Response) -> _State:
        """Forget what was there and note what is about to come."""
        self._forget()
        etag = answer.headers.get("ETag", "")
        strong = "" if etag.startswith("W/") else etag
        length = answer.headers.get("Content-Length", "")
        state = _State(
            url,
            strong or answer.headers.get("Last-Modified", ""),
            int(length) if length.isdecimal() else None,
        )
        with replacing(self._beside) as file:
            file.write(json.dumps(state._asdict()).encode())
        return state

    def _state(self, url: str) -> _State | None:
        """Return what the partial file is a part of, if it is one of ``url`` that can go on."""
        try:
            state = _State(**json.loads(self._beside.read_bytes()))
            fits = self._have() and (state.size is None or self._have() <= state.size)
        except (FileNotFoundError, TypeError, ValueError):  # none, or a damaged one
            return None
        return state if state.url == url and state.validator and fits else None

    def _have(self) -> int:
        return self._partial.stat().st_size if self._partial.exists() else 0

    def _forget(self) -> None:
        # In this order: what is left if we are killed in between is never taken for a part.
        self._partial.unlink(missing_ok=True)
        self._beside.unlink(missing_ok=True)

    def _lost(self, url: str, error: Exception) -> str:
        have = self._have()
        if not have:
            return f"{url}: no connection ({_reason(error)})"
        again = "the same command goes on from there" if self._state(url) else "try again"
        return f"{url}: the connection was lost after {have} bytes ({_reason(error)}); {again}"


def _goes_on(answer: requests.Response, start: int, state: _State) -> bool:
    """Return whether an answer to a request for a range is the rest of what was begun."""
    part = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", answer.headers.get("Content-Range", ""))
    if answer.status_code != 206 or part is None or int(part[1]) != start:
        return False
    if part[3] != "*" and state.size is not None and int(part[3]) != state.size:
        return False
    named = "ETag" if state.validator.startswith('"') else "Last-Modified"
    return answer.headers.get(named, state.validator) == state.validator


def _reason(error: BaseException) -> str:
    """Return what is at the bottom of an error: requests and urllib3 wrap it several times."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__

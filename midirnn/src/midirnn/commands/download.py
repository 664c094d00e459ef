"""The verb ``download``: parse, call, print."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.argument("name_or_url", metavar="[NAME|URL]", required=False)
@click.option("-o", "--out", "folder", type=click.Path(path_type=Path), help="Where it goes to.")
@click.option("--list", "listed", is_flag=True, help="List the corpora that have a name.")
@click.option("--sha256", metavar="HEX", help="What to expect of a URL.")
@click.option("--yes", is_flag=True, help="Agree to the licence without being asked.")
def download(
    name_or_url: str | None, folder: Path | None, listed: bool, sha256: str | None, yes: bool
) -> None:
    """Download a public corpus into a folder of its own below -o; without a name, list them.

    Interrupted, the same command goes on where it was. Archives (zip, tar, tar.gz) are unpacked:
    their MIDI files and licence texts.
    """
    if listed or name_or_url is None:
        from midirnn.download.corpora import CORPORA

        for each in CORPORA.values():
            click.echo(f"{each.name:<13} {each.what}")
            click.echo(f"{'':<13} {each.midi_files:,} files, {each.megabytes:,} MB; {each.licence}")
        return
    if folder is None:
        raise click.UsageError("-o FOLDER is missing: where the corpus goes to")
    from midirnn.download.fetch import Wanted
    from midirnn.download.fetch import download as fetch

    fetch(Wanted.parse(name_or_url, sha256), folder, lambda: yes or _asked())


def _asked() -> bool:
    """Return whether the user agrees. Raises :class:`DownloadError` if there is none to ask."""
    from midirnn.errors import DownloadError

    if sys.stdin is None or not sys.stdin.isatty():
        raise DownloadError("the licence must be agreed to: add --yes, or run it in a terminal")
    return click.confirm("Download it on these terms?", err=True)

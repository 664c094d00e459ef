"""Draws a MIDI file as a piano roll: ``python docs/piano_roll.py song.mid docs/demo.svg``.

This is how the picture in README.md is made, from the song that ``midirnn demo`` writes.
"""

import sys
from pathlib import Path

import midicodec

SECONDS, WIDTH, HEIGHT = 30, 960, 260
LOW, HIGH = 24, 96
DRUMS = 9
COLOURS = ("#2f6fde", "#d9822b", "#3a9d5d", "#9b59b6")


def notes(song: midicodec.Song) -> list[tuple[float, float, int, int]]:
    """Return each note's start and end in seconds, its channel and its pitch."""
    found, sounding = [], {}
    for record, start in zip(song.records.tolist(), song.start_seconds.tolist(), strict=True):
        _, status, pitch, velocity, _ = record
        kind, channel = status & 0xF0, status & 0x0F
        if kind not in (0x80, 0x90):
            continue
        began = sounding.pop((channel, pitch), None)
        if began is not None:
            found.append((began, start, channel, pitch))
        if kind == 0x90 and velocity:
            sounding[channel, pitch] = start
    return found


def main(source: str, target: str) -> None:
    """Write the picture of a song's first seconds."""
    unit_x, unit_y = WIDTH / SECONDS, HEIGHT / (HIGH - LOW)
    shapes = []
    for start, end, channel, pitch in notes(midicodec.load(source)):
        if start >= SECONDS or channel == DRUMS or not LOW <= pitch < HIGH:
            continue
        width = max((min(end, SECONDS) - start) * unit_x - 1, 1)
        shapes.append(
            f'<rect x="{start * unit_x:.1f}" y="{(HIGH - 1 - pitch) * unit_y:.1f}" '
            f'width="{width:.1f}" height="{unit_y:.1f}" fill="{COLOURS[channel % 4]}"/>'
        )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">'
    ground = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#f7f5f0"/>'
    Path(target).write_text("\n".join([head, ground, *shapes, "</svg>"]) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

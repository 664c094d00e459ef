"""The verb ``plugins``: parse, call, print."""

from __future__ import annotations

import json
import sys

import click

from midirnn.commands.options import EXIT_BAD_INPUT


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--check", is_flag=True, help="Exit with status 2 if any plugin is broken.")
def plugins(as_json: bool, check: bool) -> None:
    """List the plugins there are, of every kind, and what is broken."""
    from midirnn.plugin.manager import plugin_manager

    manager = plugin_manager()
    if as_json:
        click.echo(json.dumps(manager.describe(), indent=1))
    else:
        for each in manager.registered():
            click.echo(f"{each.kind:<13} {each.name:<18} {each.summary}")
            click.echo(f"{'':<13} {'':<18} {each.distribution} {each.version}; {each.options}")
        for broken in manager.broken:
            click.echo(f"broken        {broken.entry_point:<18} {broken.cause}")
            click.echo(f"{'':<13} {'':<18} {broken.distribution} {broken.version}")
    if check and manager.broken:
        sys.exit(EXIT_BAD_INPUT)

"""`newsletter up`: everything on one machine in one command."""

import os
import time
from contextlib import ExitStack

import click

from newsletter.cli.embedded import datadir
from newsletter.cli.embedded.launcher import Launcher
from newsletter.core.processes import end_with_parent
from newsletter.core.settings import load_settings


@click.command()
@click.option("--verbose", "-v", is_flag=True, help="Show what each part logs, not only its warnings.")
@click.option(
    "--with-parent", is_flag=True, help="Stop when the program that started this one ends; for make and tests."
)
def up(verbose: bool, with_parent: bool) -> None:
    """Start everything on this machine: web server, workers, message broker and local mailbox."""
    started = time.monotonic()
    if with_parent:
        end_with_parent()
    settings = load_settings()
    datadir.open_data_dir(settings.data_dir)
    with ExitStack() as stack:
        stack.callback(os.close, datadir.hold(settings.data_dir))
        Launcher(settings, stack, verbose=verbose).run(started)

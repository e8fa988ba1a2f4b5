"""Running a study, and where it stands: a bar in terminals and notebooks, a callback, or nothing."""

from __future__ import annotations

import os
import sys
from typing import Any, Callable, Union

from . import _core

ProgressLike = Union[None, bool, str, Callable[[_core.Progress], Any]]


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:02.0f} min"


def _line(p: _core.Progress, width: int = 30) -> str:
    full = int(p.fraction * width)
    left = "" if p.remaining < 0 else f"about {_duration(p.remaining)} left"
    return f"{100 * p.fraction:3.0f} % [{'#' * full}{'.' * (width - full)}] {left}  {p.what}"


class TerminalBar:
    """One line on standard error, rewritten; nothing is shown of what takes less than half a second."""

    def __init__(self) -> None:
        self.shown = False

    def __call__(self, p: _core.Progress) -> None:
        if p.seconds < 0.5:
            return
        sys.stderr.write("\r\033[K" + _line(p))
        sys.stderr.flush()
        self.shown = True

    def close(self) -> None:
        if self.shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


class NotebookBar:
    """One output of the cell, updated."""

    def __init__(self) -> None:
        from IPython.display import display

        self._display, self._handle = display, None

    def __call__(self, p: _core.Progress) -> None:
        if p.seconds < 0.5:
            return
        shown = {"text/plain": _line(p), "text/html": f'<progress value="{p.fraction:.4f}" max="1"></progress> <code>{_line(p, 0)}</code>'}
        if self._handle is None:
            self._handle = self._display(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)

    def close(self) -> None:
        if self._handle is not None:
            self._handle.update({"text/plain": "", "text/html": ""}, raw=True)


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return type(shell).__name__ == "ZMQInteractiveShell"


def sink_of(progress: ProgressLike) -> Any:
    """A callable of one Progress, or None."""
    if callable(progress):
        return progress
    if progress is None:
        return NotebookBar() if _in_notebook() else TerminalBar() if sys.stderr is not None and sys.stderr.isatty() else None
    if progress is True or progress == "bar":
        return NotebookBar() if _in_notebook() else TerminalBar()
    if progress is False or progress == "none":
        return None
    raise _core.StudyError(f"progress must be True, False, None (a bar where somebody looks), 'bar', 'none' or a callable, not {progress!r}")


def run(
    self: _core.Study,
    folder: str | os.PathLike[str] | None = None,
    *,
    threads: int = 0,
    progress: ProgressLike = None,
    checkpoint_every: float = 30.0,
) -> _core.Results:
    """Runs the study.

    folder    what the program keeps under -o: study.toml, results.h5, verdicts.csv, report/; unfinished work too. Ctrl-C (KeyboardInterrupt) then loses
              nothing: the same call, `resume(folder)` or `meso resume` goes on, to the bits of a run that never stopped
    threads   0: all; changes the speed, never the digits
    progress  None: a bar where somebody looks (a terminal, a notebook); True, False, or a callable of one Progress
    """
    if isinstance(threads, bool) or not isinstance(threads, int) or not 0 <= threads <= 4096:
        raise _core.StudyError(f"threads must be a whole number from 0 (all) to 4096, not {threads!r}")
    if isinstance(checkpoint_every, bool) or not isinstance(checkpoint_every, (int, float)) or not checkpoint_every >= 0:
        raise _core.StudyError(f"checkpoint_every must be seconds, not {checkpoint_every!r}")
    sink = sink_of(progress)
    try:
        return self._run(None if folder is None else os.fspath(folder), threads, sink, float(checkpoint_every))
    finally:
        if hasattr(sink, "close"):
            sink.close()

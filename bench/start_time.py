#!/usr/bin/python3
"""Processor time of the program's start: `meso list` must stay under 20 ms, and never load what it does not need.

    bench/start_time.py build/apps/meso/meso [runs]

The least and the median over the runs, in ms, of `list` and of `--version` (what the dynamic loader takes).
"""

import os
import sys

program, runs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 60
for verb in ("list", "--version"):
    used = []
    for _ in range(runs):
        child = os.posix_spawn(program, [program, verb], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
        _, status, resources = os.wait4(child, 0)
        if status != 0:
            sys.exit(f"{program} {verb} ended with {status}")
        used.append(1e3 * (resources.ru_utime + resources.ru_stime))
    used.sort()
    print(f"meso {verb:10} {used[0]:6.1f} ms least, {used[runs // 2]:6.1f} ms median of {runs}")

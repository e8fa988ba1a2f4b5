#!/usr/bin/python3
"""What an ensemble of about a second costs more through Python than through the program: paired runs of one study, in turns.

    PYTHONPATH=build/python bench/python_overhead.py build/apps/meso/meso [pairs]

Python: wall time of the whole call `case.run(...)`. Program: the seconds that its results file gives for the study alone, without its start and its files. The median of
the paired ratios and the interval that holds it with 95 % (sign test) are printed.
"""

import subprocess
import sys
import tempfile
import time

import mesoscope as meso

program, pairs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20
n, times, seed = 27000, "0:20:41", 1  # about a second on one core
case = meso.system("schlogl")(volume=20.0)


def by_python() -> float:
    start = time.perf_counter()
    case.run("ssa", times=times, trajectories=n, seed=seed, threads=1)
    return time.perf_counter() - start


def by_program() -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "run", "schlogl", "--set", "volume=20", "--level", "ssa", "--times", times, "-n", str(n), "--seed", str(seed), "--threads", "1", "--progress", "none", "-o", folder]
        subprocess.run(command, check=True, capture_output=True)
        return meso.Results.load(folder).provenance["seconds"]


by_python(), by_program()  # pages, caches
ratios, seconds = [], []
for pair in range(pairs):
    if pair % 2:
        p, c = by_python(), by_program()
    else:
        c, p = by_program(), by_python()
    ratios.append(p / c)
    seconds.append(c)
ratios.sort()
k = max(0, int(pairs / 2 - 0.98 * pairs**0.5))
print(f"{pairs} pairs of {sorted(seconds)[pairs // 2]:.2f} s: Python / program = {ratios[pairs // 2]:.4f}, 95 % [{ratios[k]:.4f}, {ratios[pairs - 1 - k]:.4f}]")

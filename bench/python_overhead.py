#!/usr/bin/python3
"""What an ensemble of about a second costs more through Python than through the program: paired runs of one study, in turns.

    PYTHONPATH=build/python bench/python_overhead.py build/apps/meso/meso [pairs] [--processor-time]

Python: wall time of the whole call `case.run(...)`. Program: the seconds that its results file gives for the study alone, without its start and its files. On a loaded machine
wall times say nothing; --processor-time takes that of the call, and of the program less that of `meso --version`. The median of the paired ratios, the
interval that holds it with 95 % (sign test) and the ratio of the least disturbed runs (the smallest times) are printed.
"""

import resource
import subprocess
import sys
import tempfile
import time

import mesoscope as meso

arguments = [a for a in sys.argv[1:] if a != "--processor-time"]
program, pairs = arguments[0], int(arguments[1]) if len(arguments) > 1 else 20
processor = "--processor-time" in sys.argv
n, times, seed = 27000, "0:20:41", 1  # about a second on one core
case = meso.system("schlogl")(volume=20.0)
command = [program, "run", "schlogl", "--set", "volume=20", "--level", "ssa", "--times", times, "-n", str(n), "--seed", str(seed), "--threads", "1", "--progress", "none"]


def children(arguments: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(arguments, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def by_python() -> float:
    clock = time.process_time if processor else time.perf_counter
    start = clock()
    case.run("ssa", times=times, trajectories=n, seed=seed, threads=1)
    return clock() - start


def by_program() -> float:
    if processor:
        return children(command) - start_up
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*command, "-o", folder], check=True, capture_output=True)
        return meso.Results.load(folder).provenance["seconds"]


start_up = sorted(children([program, "--version"]) for _ in range(9))[4]
by_python(), by_program()  # pages, caches
ratios, seconds, calls = [], [], []
for pair in range(pairs):
    if pair % 2:
        p, c = by_python(), by_program()
    else:
        c, p = by_program(), by_python()
    ratios.append(p / c)
    seconds.append(c)
    calls.append(p)
ratios.sort()
k = max(0, int(pairs / 2 - 0.98 * pairs**0.5))
print(f"{pairs} pairs of {sorted(seconds)[pairs // 2]:.2f} s{' of processor time' if processor else ''}: Python / program = {ratios[pairs // 2]:.4f}, 95 % [{ratios[k]:.4f}, {ratios[pairs - 1 - k]:.4f}]; least {min(calls):.3f} / {min(seconds):.3f} = {min(calls) / min(seconds):.4f}")

#!/usr/bin/python3
"""What a verdict costs by leaps and by exact simulation: processor time for the same standard errors, in turns, on one thread.

    bench/leap_cost.py build/apps/meso/meso docs/leaps-stochkit-dimer.toml [trajectories [pairs]]

Each turn runs `ssa` and `tau-leap` (at each epsilon) with the same number of trajectories, as the study asks. A verdict at a given margin needs a given standard error, so that its
cost is time * error^2; the ratio of these, geometric mean over the observables of the study, is printed with the median and the range over the turns. The start of
the program (its pilot trajectories too) is measured with 2 trajectories and subtracted.
"""

import json
import math
import resource
import statistics
import subprocess
import sys

program, study = sys.argv[1], sys.argv[2]
trajectories, pairs = int(sys.argv[3]) if len(sys.argv) > 3 else 1024, int(sys.argv[4]) if len(sys.argv) > 4 else 5
levels = {"ssa": "ssa", "tau-leap 0.1": "tau-leap:offer=always", "tau-leap 0.2": "tau-leap:offer=always,epsilon=0.2"}


def run(level: str, n: int) -> tuple[float, dict[str, float]]:
    def children() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    before = children()
    ran = subprocess.run([program, "run", study, "--level", level, "-n", str(n), "--threads", "1", "--json", "--progress", "none"], check=True, capture_output=True, text=True)
    seconds = children() - before
    observables = json.loads(ran.stdout)["points"][0]["levels"][0]["observables"]
    return seconds, {name: o["std_error"][-1] for name, o in observables.items()}


start = {name: min(run(level, 2)[0] for _ in range(3)) for name, level in levels.items()}
seconds: dict[str, list[float]] = {name: [] for name in levels}
errors: dict[str, dict[str, float]] = {}
for _ in range(pairs):
    for name, level in levels.items():
        taken, errors[name] = run(level, trajectories)
        seconds[name].append(taken - start[name])

print(f"{study}: {trajectories} trajectories, {pairs} turns")
for name in levels:
    known = [o for o in errors["ssa"] if errors["ssa"][o] > 0 and errors[name][o] > 0]
    square = math.exp(statistics.fmean(2 * math.log(errors[name][o] / errors["ssa"][o]) for o in known))
    gains = sorted(s / (t * square) for s, t in zip(seconds["ssa"], seconds[name]))
    print(f"  {name:13} {statistics.median(seconds[name]):8.3f} s  errors^2 {square:.3f} of those of ssa  a verdict costs 1 / {statistics.median(gains):.2f} [{gains[0]:.2f}, {gains[-1]:.2f}] of that by ssa")

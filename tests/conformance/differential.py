"""Compare this project's traces of made-up programs with the real Twisted's.

    differential.py [--family F] [--count N] [--seed S] [--first N]
                    [--binary PATH] [--no-shrink] [--show N] [FILE ...]

makes up programs (generate.py), or reads them from files, runs them with the
oracle (oracle.py) and with the `conformance` binary, compares the traces by
value, and prints what differs, made as small as it will go.

Of a dropped Deferred, Twisted reports the error once Python has collected it,
which a traceback somewhere may put off: where the only difference is in which
event a report is counted, the program is counted as `late` and passes.  So
does one that differs and leans on an accident of Twisted's (`accident`, see
Oracle), and one that the oracle skips.

Exit codes: 0 all the same, 1 some differ, 2 wrong usage or no binary,
3 no Twisted to compare with (pip install twisted).
"""

import argparse
import collections
import gc
import importlib.util
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import generate
import shrink

HERE = pathlib.Path(__file__).resolve().parent
BATCH = 500             # programs for one run of the binary
TIMEOUT = 60            # seconds for a batch, which takes one or two
CONTEXT = 4             # events shown around the first that differs


class Oracle:
    """The real Twisted, by way of oracle.py."""

    def __init__(self):
        spec = importlib.util.spec_from_file_location("oracle", HERE / "oracle.py")
        self.module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        self.module.globalLogBeginner.beginLoggingTo([lambda event: None],
                                                     redirectStandardIO=False)

        self.accident = False
        self.watch_for_results_in_between()
        self.watch_for_lists_that_do_not_forward()

    def forget(self):
        """Let go of what Twisted keeps of the last trigger that failed: the
        binary, too, is about to begin anew."""
        self.module._ThreePhaseEvent.fireEvent.__globals__["_systemEventHandler"].failure = None
        gc.collect()

    def watch_for_results_in_between(self):
        """Notice when a Deferred is awaited or returned while its own callbacks
        run.  Twisted then takes what happens to be its result in between."""
        machine, deferred = self.module.Machine, self.module.defer.Deferred
        take, awaiting = machine.take, deferred.__await__

        def watched_take(machine, d):
            taken = take(machine, d)
            self.accident = self.accident or taken._runningCallbacks
            return taken

        def watched_await(waiting):
            self.accident = self.accident or waiting._runningCallbacks
            return awaiting(waiting)

        machine.take, deferred.__await__ = watched_take, watched_await

    def watch_for_lists_that_do_not_forward(self):
        """Notice when a list is cancelled that has fired and waits.  The oracle
        refuses such an op; but a list of that list cancels it all the same."""
        deferred_list = self.module.defer.DeferredList
        cancel = deferred_list.cancel

        def watched_cancel(cancelled):
            if cancelled.called and cancelled._chainedTo is not None:
                self.accident = True
            return cancel(cancelled)

        deferred_list.cancel = watched_cancel

    def trace(self, program):
        """The trace; None of a program that it skips or that is no program."""
        self.accident = False
        try:
            trace = self.module.FAMILIES[program["family"]](program)
        except self.module.Skip:
            return None
        except (AssertionError, KeyError):
            return None     # a rule of ownership is broken
        return json.loads(json.dumps(trace))


class Binary:
    """The `conformance` binary."""

    def __init__(self, path):
        self.path = path

    def traces(self, programs):
        """By number of the program: its trace, or what went wrong, a text."""
        found, start = {}, 0
        while start < len(programs):
            # Where a program ends the whole binary, the next goes on after it.
            done, complaint = self.batch(programs[start:])
            for n, trace in done.items():
                found[start + n] = trace
            if complaint is None:
                break
            culprit = start + 1 + max(done, default=-1)
            found[culprit] = complaint
            start = culprit + 1
        return found

    def batch(self, programs):
        with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile("w+") as taken, \
                tempfile.TemporaryFile("w+") as complaints:
            for n, program in enumerate(programs):
                given.write(json.dumps({**program, "id": n}) + "\n")
            given.seek(0)
            complaint = None
            try:
                code = subprocess.run([self.path], stdin=given, stdout=taken, stderr=complaints,
                                      timeout=TIMEOUT).returncode
                if code not in (0, 1):
                    complaint = "the binary ended with code %d" % code
            except subprocess.TimeoutExpired:
                complaint = "the binary did not end in %d seconds" % TIMEOUT
            taken.seek(0)
            complaints.seek(0)
            done = {}
            for line in taken:
                if line.endswith("\n"):
                    reply = json.loads(line)
                    done[reply["id"]] = reply["trace"]
            for line in complaints:
                head, _, tail = line.partition(": program ")
                number, _, text = tail.partition(": ")
                if head.startswith("conformance: line ") and number.isdigit():
                    done[int(number)] = text.strip()
            return done, complaint


def same(a, b):
    """Equality of JSON in which 0 equals 0.0, but not false."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return a == b


def without_times_of_reports(trace):
    """The trace with the errors of `dropped` in the last event only."""
    return [event[:2] if event[0] == "dropped" else event for event in trace]


def verdict(expected, got, accident):
    if not isinstance(got, list):
        return "differ"
    if same(expected, got):
        return "same"
    if accident:
        return "accident"
    late = same(without_times_of_reports(expected), without_times_of_reports(got))
    return "late" if late else "differ"


def describe(program, expected, got):
    """The program, and the events around the first that differs."""
    lines = ["program %s, family %s" % (program["id"], program["family"])]
    lines += ["    " + json.dumps(op) for op in program.get("ops", ())]
    lines += ["    %s: %s" % (key, json.dumps(program[key])) for key in program
              if key not in ("id", "family", "ops")]
    if not isinstance(got, list):
        return "\n".join(lines + ["  Twisted's trace: %s" % json.dumps(expected),
                                  "  ours: %s" % (got or "nothing")])
    at = next((n for n, (a, b) in enumerate(zip(expected, got)) if not same(a, b)),
              min(len(expected), len(got)))
    lines.append("differs at event %d:" % at)
    for name, events in (("Twisted", expected), ("ours", got)):
        lines.append("  %s (%d events):" % (name, len(events)))
        for n in range(max(0, at - CONTEXT), min(len(events), at + CONTEXT + 1)):
            mark = "->" if n == at else "  "
            lines.append("  %s %3d %s" % (mark, n, json.dumps(events[n])))
    return "\n".join(lines)


def compare(oracle, binary, programs, counts):
    """Those that differ, each with Twisted's trace and with ours."""
    oracle.forget()
    wanted = [(program, oracle.trace(program), oracle.accident) for program in programs]
    counts["skipped"] += sum(trace is None for _, trace, _ in wanted)
    wanted = [item for item in wanted if item[1] is not None]
    ours = binary.traces([program for program, _, _ in wanted])
    differing = []
    for n, (program, trace, accident) in enumerate(wanted):
        found = verdict(trace, ours.get(n), accident)
        counts[found] += 1
        if found == "differ":
            differing.append((program, trace, ours.get(n)))
    return differing


def programs_of(arguments):
    if arguments.files:
        for name in arguments.files:
            for line in open(name, encoding="utf-8"):
                if line.strip():
                    program = json.loads(line)
                    program.pop("expect", None)
                    yield program
        return
    for number in range(arguments.first, arguments.first + arguments.count):
        for family in arguments.family or generate.FAMILIES:
            yield generate.program(family, arguments.seed, number)


def find_binary():
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent.parent / "target"))
    built = [target / profile / "conformance" for profile in ("release", "debug")]
    built = [path for path in built if path.exists()]
    return max(built, key=lambda path: path.stat().st_mtime, default=None)


def arguments_of(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", metavar="FILE", help="programs to compare instead")
    parser.add_argument("--family", choices=generate.FAMILIES, action="append",
                        help="may be given again; all, unless given")
    parser.add_argument("--count", type=int, default=1000, help="programs for each family")
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    parser.add_argument("--seed", default="0")
    parser.add_argument("--binary", type=pathlib.Path, help="the newest that cargo built")
    parser.add_argument("--no-shrink", action="store_true", help="print programs as they are")
    parser.add_argument("--show", type=int, default=1, help="how many that differ to print")
    arguments = parser.parse_args(argv)
    arguments.binary = arguments.binary or find_binary()
    if arguments.binary is None or not arguments.binary.exists():
        parser.error("no binary: run `cargo build -p conformance`, or say --binary")
    return arguments


def main(argv=None):
    arguments = arguments_of(argv)
    try:
        oracle = Oracle()
    except ImportError as error:
        print("cannot compare: Twisted is not installed (%s)" % error, file=sys.stderr)
        return 3
    binary = Binary(arguments.binary)

    differing, counts = [], collections.Counter()
    programs = programs_of(arguments)
    while batch := list(itertools.islice(programs, BATCH)):
        differing += compare(oracle, binary, batch, counts)
    for program, trace, ours in differing[:arguments.show]:
        print(describe(program, trace, ours))
        if not arguments.no_shrink:
            small = shrink.shrink(
                program, lambda candidates: compare(oracle, binary, candidates, collections.Counter()))
            for found in compare(oracle, binary, [small], collections.Counter()):
                print("made smaller:\n" + describe(*found))
    print(", ".join("%d %s" % (counts[name], name)
                    for name in ("same", "late", "accident", "skipped", "differ")))
    if counts["same"] == 0:
        print("nothing was the same: was anything compared?", file=sys.stderr)
        return 1 if differing else 2
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())

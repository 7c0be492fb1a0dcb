"""Make up conformance programs of all families.

    generate.py [--family F] [--count N] [--seed S] [--first N]

prints N programs, one JSON line each, without traces.  A program depends on
the family, the seed and its number only, so that one can be made again with
--first NUMBER --count 1.

They are longer and stranger than the vectors: callbacks that make, pause,
list, race and await Deferreds of their own, coroutines that await coroutines,
races of races, locks released from inside of what waits for them.  They obey
the rules of ownership in FORMAT.md: see Scope.
"""

import argparse
import json
import random

import boxes
import descriptions
import services
import streams
from shapes import Shapes
from times import Times

FAMILIES = ("deferred", "pause", "sync", "clock", "triggers", "framing", "endpoint", "amp",
            "client_service", "strings")
ERRORS = ("E0", "E1", "E2")
DEPTH = 4           # how deep callbacks nest in callbacks
BUDGET = 140        # how many ops a program has, about

# How often each op is made, for its family; a program's mood changes it.
COMMON = {"new": 14, "succeed": 4, "fail": 4, "add": 30, "callback": 14, "errback": 8,
          "cancel": 9, "coroutine": 9, "list": 5, "gather": 3, "race": 4, "chain": 4,
          "drop": 3, "pattern": 6}
WEIGHTS = {
    "deferred": COMMON,
    "pause": {**COMMON, "pause": 10, "unpause": 11},
    "sync": {**COMMON, "acquire": 14, "release": 14, "run": 9, "put": 9, "get": 9, "object": 3},
    "clock": {**COMMON, "drop": 0, "chain": 2, "coroutine": 5, "pattern": 2,
              "advance": 34, "pump": 6, "call_later": 20, "call_cancel": 4, "call_reset": 4,
              "call_delay": 4, "call_active": 3, "pending": 4, "defer_later": 10, "timeout": 10,
              "loop": 12, "loop_stop": 6, "loop_reset": 5, "cooperate": 10, "task_pause": 4,
              "task_resume": 4, "task_stop": 3},
    # Python's frames keep Deferreds of failed triggers: see frames.rs for those
    # of these ops.  More kinds of op would be more ways to be kept.
    "triggers": {"new": 14, "succeed": 3, "fail": 3, "callback": 12, "errback": 10,
                 "trigger": 40, "remove_trigger": 10, "fire_event": 14},
}


class Scope:
    """What a stretch of ops may use as values: the Deferreds that it made.

    The ops of the program are a scope, and so is what a callback or a step of
    a coroutine does.  A callback returns a Deferred of its own scope or of one
    around it; from then on nobody uses that as a value, whether or not the
    callback ever runs.
    """

    def __init__(self, outer=None, busy=None):
        self.outer = outer
        self.busy = busy        # the Deferred of the outer scope being added to
        self.hand = []          # numbers, in the order in which they were made
        self.paused = {}

    def depth(self):
        return 0 if self.outer is None else 1 + self.outer.depth()


class Program(Shapes, Times):
    """A program in the making."""

    ERRORS = ERRORS

    def __init__(self, family, rng):
        super().__init__()
        self.rng = rng
        self.family = family
        self.weights = {op: weight * rng.choice((0.3, 1, 1, 1, 2.5))
                        for op, weight in WEIGHTS[family].items()}
        self.numbers = 0
        self.ids = 0
        self.emits = 0
        self.ops_made = 0
        self.cancellable = []   # all numbers, whoever has them
        self.fireable = []      # those with an end that programs fire
        self.news = set()
        self.unfired = []
        self.objects = {"lock": [], "queue": []}
        self.timid = set()      # queues whose get may fail
        self.top = Scope()

    # -- choosing

    def chance(self, probability):
        return self.rng.random() < probability

    def value(self):
        return self.rng.choice((None, "", "a", "xyz", "\u00e9", 0, self.rng.randrange(100)))

    def take(self, scope, count=1):
        """Hand over some that the scope has."""
        taken = self.rng.sample(scope.hand, min(count, len(scope.hand)))
        for k in taken:
            scope.hand.remove(k)
        return taken

    def made(self, scope, kind, d, in_hand=True):
        self.cancellable.append(d)
        if kind in ("new", "succeed", "fail"):
            self.fireable.append(d)
        if kind == "new":
            self.news.add(d)
            self.unfired.append(d)
        if in_hand:
            scope.hand.append(d)

    def number(self):
        self.numbers += 1
        return self.numbers - 1

    # -- ops; each gives a list of ops, empty where it cannot be done

    def new(self, scope):
        d = self.number()
        op = {"op": "new", "d": d}
        if self.chance(0.4):
            op["canceller"] = self.rng.choice(
                ({}, {"callback": self.value()}, {"errback": self.rng.choice(ERRORS)}))
        self.made(scope, "new", d)
        return [op]

    def succeed(self, scope):
        d = self.number()
        self.made(scope, "succeed", d)
        return [{"op": "succeed", "d": d, "value": self.value()}]

    def fail(self, scope):
        d = self.number()
        self.made(scope, "fail", d)
        return [{"op": "fail", "d": d, "error": self.rng.choice(ERRORS)}]

    def target(self):
        """What to fire: more often than not, something that has not been."""
        if self.unfired and self.chance(0.8):
            d = self.rng.choice(self.unfired)
            if self.chance(0.7):
                self.unfired.remove(d)
            return d
        return self.rng.choice(self.fireable) if self.fireable else None

    def callback(self, scope):
        d = self.target()
        return [] if d is None else [{"op": "callback", "d": d, "value": self.value()}]

    def errback(self, scope):
        d = self.target()
        return [] if d is None else [{"op": "errback", "d": d, "error": self.rng.choice(ERRORS)}]

    def cancel(self, scope):
        if not self.cancellable:
            return []
        recent = self.cancellable[-6:] if self.chance(0.5) else self.cancellable
        return [{"op": "cancel", "d": self.rng.choice(recent)}]

    def add(self, scope, d=None):
        if d is None:
            if not scope.hand:
                return []
            d = self.rng.choice(scope.hand[-4:] if self.chance(0.6) else scope.hand)
        self.ids += 1
        op = {"op": "add", "d": d, "id": self.ids,
              "on": self.rng.choice(("callback", "callback", "errback", "both", "callbacks"))}
        op["do"] = self.action(scope, d)
        if op["on"] == "callbacks":
            op["do_err"] = self.action(scope, d)
        return [op]

    def action(self, outer, d):
        scope, action = Scope(outer, d), {}
        if self.chance(0.45):
            before = self.inner(scope)
            if before:
                action["before"] = before
        ret = self.ret(scope)
        if ret is not None:
            action["ret"] = ret
        return action

    def ret(self, scope):
        kind = self.rng.choices(("same", "value", "fail", "deferred"), (6, 4, 4, 6))[0]
        if kind == "value":
            return {"value": self.value()}
        if kind == "fail":
            return {"fail": "CancelledError" if self.chance(0.05) else self.rng.choice(ERRORS)}
        if kind == "deferred":
            k = self.to_return(scope)
            if k is not None:
                return {"deferred": k}
        return "same" if self.chance(0.2) else None

    def to_return(self, scope):
        """One of the scope's own, or of a scope around it that is not busy."""
        busy = set()
        while scope is not None:
            free = [k for k in scope.hand if k not in busy]
            if free and (scope.outer is None or self.chance(0.6)):
                k = self.rng.choice(free)
                scope.hand.remove(k)
                return k
            busy.add(scope.busy)
            scope = scope.outer
        return None

    def inner(self, scope):
        """The ops of a callback, or of a step of a coroutine."""
        ops = []
        if scope.depth() <= DEPTH:
            for _ in range(self.rng.choice((1, 1, 2, 3, 5))):
                ops += self.op(scope)
        return ops

    def pause(self, scope):
        if not scope.hand:
            return []
        d = self.rng.choice(scope.hand)
        scope.paused[d] = scope.paused.get(d, 0) + 1
        return [{"op": "pause", "d": d}]

    def unpause(self, scope):
        paused = [d for d in scope.hand if scope.paused.get(d)]
        if not paused:
            return []
        d = self.rng.choice(paused)
        scope.paused[d] -= 1
        return [{"op": "unpause", "d": d}]

    def chain(self, scope):
        if not scope.hand:
            return []
        d = self.rng.choice(scope.hand)
        targets = [k for k in scope.hand if k != d and k in self.news]
        return [{"op": "chain", "d": d, "to": self.rng.choice(targets)}] if targets else []

    def drop(self, scope):
        # What was dropped may still be fired and cancelled, in vain.
        return [{"op": "drop", "d": d} for d in self.take(scope)]

    def coroutine(self, scope, awaits=None):
        if awaits is None:
            awaits = self.take(scope, self.rng.choice((0, 1, 1, 2, 3)))
        body = []
        for k in awaits:
            body += self.steps(scope)
            step = {"await": k}
            if self.chance(0.5):
                step["catch"] = True
            body.append(step)
        body += self.steps(scope)
        end = self.rng.random()
        if end < 0.2:
            body.append({"raise": self.rng.choice(ERRORS)})
        elif end < 0.6:
            body.append({"return": self.value()})
        d = self.number()
        self.made(scope, "coroutine", d)
        return [{"op": "coroutine", "d": d, "body": body}]

    def steps(self, scope):
        steps = []
        while self.chance(0.45):
            if self.chance(0.5):
                self.emits += 1
                steps.append({"emit": self.emits})
            else:
                ops = self.inner(Scope(scope))
                if ops:
                    steps.append({"do": ops})
        return steps

    def list(self, scope):
        of = self.take(scope, self.rng.choice((0, 1, 2, 3, 4)))
        d = self.number()
        op = {"op": "list", "d": d, "of": of}
        for flag in ("fire_on_one_callback", "fire_on_one_errback", "consume_errors"):
            if self.chance(0.35):
                op[flag] = True
        self.made(scope, "list", d)
        return [op]

    def gather(self, scope):
        of = self.take(scope, self.rng.choice((0, 1, 2, 3)))
        d = self.number()
        op = {"op": "gather", "d": d, "of": of}
        if self.chance(0.4):
            op["consume_errors"] = True
        self.made(scope, "gather", d)
        return [op]

    def race(self, scope, of=None):
        if of is None:
            of = self.take(scope, self.rng.choice((0, 1, 2, 3)))
        d = self.number()
        self.made(scope, "race", d)
        return [{"op": "race", "d": d, "of": of}]

    # -- locks, semaphores, queues; made by the program itself, not in callbacks

    def object(self, scope):
        if scope.outer is not None:
            return []
        name = "o%d" % (len(self.objects["lock"]) + len(self.objects["queue"]))
        kind = self.rng.choice(("lock", "semaphore", "queue"))
        op = {"op": kind, "o": name}
        if kind == "semaphore":
            op["tokens"] = self.rng.choice((1, 2, 3))
        if kind == "queue":
            if self.chance(0.4):
                op["size"] = self.rng.choice((0, 1, 2))
            if self.chance(0.3):
                op["backlog"] = self.rng.choice((0, 1, 2))
                self.timid.add(name)
        self.objects["queue" if kind == "queue" else "lock"].append(name)
        return [op]

    def object_op(self, kind, **op):
        names = self.objects[kind]
        return {**op, "o": self.rng.choice(names)} if names else None

    def acquire(self, scope):
        op = self.object_op("lock", op="acquire")
        if op is None:
            return []
        op["d"] = self.number()
        self.made(scope, "acquire", op["d"])
        return [op]

    def release(self, scope):
        op = self.object_op("lock", op="release")
        return [] if op is None else [op]

    def run(self, scope):
        op = self.object_op("lock", op="run") if scope.hand else None
        if op is None:
            return []
        (op["with"],) = self.take(scope)
        op["d"] = self.number()
        self.made(scope, "run", op["d"])
        return [op]

    def put(self, scope):
        op = self.object_op("queue", op="put")
        return [] if op is None else [{**op, "value": self.value()}]

    def get(self, scope):
        op = self.object_op("queue", op="get")
        if op is None:
            return []
        op["d"] = self.number()
        # Where the get may fail there may be no such Deferred to add to.
        self.made(scope, "get", op["d"], in_hand=op["o"] not in self.timid)
        return [op]

    # -- the whole

    def op(self, scope):
        if self.ops_made >= BUDGET:
            return []
        self.ops_made += 1
        kind = self.rng.choices(list(self.weights), list(self.weights.values()))[0]
        return getattr(self, kind)(scope)

    def ops(self):
        ops = []
        if self.family == "sync":
            for _ in range(self.rng.choice((1, 2, 3))):
                ops += self.object(self.top)
        length = self.rng.choice((4, 8, 12, 20, 40, 60))
        while len(ops) < length and self.ops_made < BUDGET:
            ops += self.op(self.top)
        if self.chance(0.6):
            # Let what still waits go on, in any order.
            for d in self.rng.sample(self.unfired, len(self.unfired)):
                ops += self.fire(d)
        return ops


def program(family, seed, number):
    """The program of that number: the same for the same arguments."""
    rng = random.Random("%s/%s/%s" % (family, seed, number))
    made = {"amp": boxes.amp, "framing": streams.framing,
            "endpoint": streams.endpoint,
            "client_service": services.client_service,
            "strings": descriptions.strings}.get(family)
    body = made(rng) if made else {"ops": Program(family, rng).ops()}
    return {"id": "%s-%s-%s" % (family, seed, number), "family": family, **body}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--family", choices=FAMILIES, action="append",
                        help="may be given again; all, unless given")
    parser.add_argument("--count", type=int, default=100, help="programs for each family")
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    parser.add_argument("--seed", default="0")
    arguments = parser.parse_args()
    for family in arguments.family or FAMILIES:
        for number in range(arguments.first, arguments.first + arguments.count):
            print(json.dumps(program(family, arguments.seed, number), separators=(",", ":")))


if __name__ == "__main__":
    main()

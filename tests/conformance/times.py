"""Ops of families clock and triggers, for generate.py."""

DELAYS = (0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4)
INTERVALS = DELAYS[1:8]
EVENTS = ("startup", "shutdown", "Event1")


class Times:
    """Part of a Program in the making: what goes by the clock, and events.

    Calls, loops, tasks and triggers are looked up by name, and the oracle knows
    nothing of what was not made: so those that are used are of the program's
    own ops, which come before.
    """

    def __init__(self):
        self.calls, self.loops, self.tasks, self.triggers = [], [], [], []

    def name(self, scope, names, prefix):
        """A new name or number; known to others if the program's own op makes it."""
        self.ids += 1
        name = self.ids if prefix is None else "%s%d" % (prefix, self.ids)
        if scope.outer is None:
            names.append(name)
        return name

    def nested(self, scope):
        """Ops that are run later."""
        return self.inner(type(scope)(scope)) if self.chance(0.5) else []

    def known(self, names, **op):
        return [{**op, "id" if isinstance(names[0], int) else op["op"][0]: self.rng.choice(names)}] \
            if names else []

    # -- the clock

    def advance(self, scope):
        return [{"op": "advance", "seconds": self.rng.choice(DELAYS)}]

    def pump(self, scope):
        seconds = [self.rng.choice(DELAYS[:6]) for _ in range(self.rng.choice((1, 2, 4, 8)))]
        return [{"op": "pump", "seconds": seconds}]

    def call_later(self, scope):
        ops = self.nested(scope)
        return [{"op": "call_later", "id": self.name(scope, self.calls, None),
                 "delay": self.rng.choice(DELAYS), "do": ops}]

    def call_cancel(self, scope):
        return self.known(self.calls, op="call_cancel")

    def call_active(self, scope):
        return self.known(self.calls, op="call_active")

    def call_reset(self, scope):
        return self.known(self.calls, op="call_reset", seconds=self.rng.choice(DELAYS))

    def call_delay(self, scope):
        return self.known(self.calls, op="call_delay", seconds=self.rng.choice(DELAYS))

    def pending(self, scope):
        return [{"op": "pending"}]

    def defer_later(self, scope):
        d = self.number()
        self.made(scope, "defer_later", d)
        op = {"op": "defer_later", "d": d, "delay": self.rng.choice(DELAYS)}
        if self.chance(0.3):
            return [{**op, "fail": self.rng.choice(self.ERRORS)}]
        return [{**op, "value": self.value()}]

    def timeout(self, scope):
        if not scope.hand:
            return []
        return [{"op": "timeout", "d": self.rng.choice(scope.hand),
                 "delay": self.rng.choice(DELAYS)}]

    # -- loops

    def loop(self, scope):
        name = self.name(scope, self.loops, "l")
        plan = {}
        for n in range(1, 8):
            if self.chance(0.3):
                plan[str(n)] = self.loop_step(scope, name)
        op = {"op": "loop", "l": name, "interval": self.rng.choice(INTERVALS), "plan": plan}
        if self.chance(0.1):
            # As fast as can be, but not for ever.
            op["interval"] = 0
            plan[str(self.rng.choice((1, 3, 9)))] = {"fail": self.rng.choice(self.ERRORS)}
        for flag, default in (("now", True), ("with_count", False)):
            if self.chance(0.4):
                op[flag] = not default if self.chance(0.8) else default
        op["d"] = self.number()
        self.made(scope, "loop", op["d"])
        return [op]

    def loop_step(self, scope, name):
        step = {}
        if self.chance(0.5):
            before = self.nested(scope)
            if self.chance(0.4):
                before = before + [{"op": self.rng.choice(("loop_stop", "loop_reset")), "l": name}]
            step["before"] = before
        kind = self.rng.random()
        if kind < 0.2:
            step["fail"] = self.rng.choice(self.ERRORS)
        elif kind < 0.6 and scope.hand:
            (step["deferred"],) = self.take(scope)
        return step

    def loop_stop(self, scope):
        return self.known(self.loops, op="loop_stop")

    def loop_reset(self, scope):
        return self.known(self.loops, op="loop_reset")

    # -- tasks

    def cooperate(self, scope):
        steps = []
        for _ in range(self.rng.choice((0, 1, 2, 4, 8))):
            waits = scope.hand and self.chance(0.3)
            steps.append({"deferred": self.take(scope)[0]} if waits else {})
        op = {"op": "cooperate", "t": self.name(scope, self.tasks, "t"), "steps": steps}
        if self.chance(0.25):
            op["fail"] = self.rng.choice(self.ERRORS)
        op["d"] = self.number()
        self.made(scope, "cooperate", op["d"])
        return [op]

    def task_pause(self, scope):
        return self.known(self.tasks, op="task_pause")

    def task_resume(self, scope):
        return self.known(self.tasks, op="task_resume")

    def task_stop(self, scope):
        return self.known(self.tasks, op="task_stop")

    # -- events

    def trigger(self, scope):
        op = {"op": "trigger", "event": self.rng.choice(EVENTS),
              "phase": self.rng.choice(("before", "before", "during", "after"))}
        ops = self.nested(scope)
        if ops:
            op["do"] = ops
        kind = self.rng.random()
        if kind < 0.2:
            op["fail"] = self.rng.choice(self.ERRORS)
        elif kind < 0.55 and scope.hand:
            (op["deferred"],) = self.take(scope)
        op["id"] = self.name(scope, self.triggers, None)
        return [op]

    def remove_trigger(self, scope):
        return self.known(self.triggers, op="remove_trigger")

    def fire_event(self, scope):
        return [{"op": "fire_event", "event": self.rng.choice(EVENTS)}]

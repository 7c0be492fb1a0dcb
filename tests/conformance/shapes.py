"""Shapes that chance alone would seldom make, for generate.py."""


class Shapes:
    """Part of a Program in the making: several ops that belong together."""

    def pattern(self, scope):
        return self.rng.choice((self.busy_one, self.busy_one, self.waiting_line,
                                self.race_of_races, self.coroutine_of_coroutines))(scope)

    def busy_one(self, scope):
        """A Deferred with much added to it, often fired at once."""
        ops = self.new(scope)
        d = scope.hand[-1]
        for _ in range(self.rng.choice((2, 3, 5))):
            ops += self.add(scope, d)
        return ops + (self.fire(d) if self.chance(0.6) else [])

    def fire(self, d):
        kind = self.rng.choice(("callback", "callback", "errback", "cancel"))
        if kind == "callback":
            return [{"op": "callback", "d": d, "value": self.value()}]
        if kind == "errback":
            return [{"op": "errback", "d": d, "error": self.rng.choice(self.ERRORS)}]
        return [{"op": "cancel", "d": d}]

    def waiting_line(self, scope):
        """A Deferred that waits for one that waits for one ..."""
        ops, last = [], None
        for _ in range(self.rng.choice((2, 3, 5))):
            ops += self.new(scope)
            d = scope.hand[-1]
            if last is not None:
                scope.hand.remove(last)
                self.ids += 1
                ops.append({"op": "add", "d": d, "id": self.ids, "on": "both",
                            "do": {"ret": {"deferred": last}}})
                if self.chance(0.4):
                    ops += self.add(scope, d)
            last = d
        return ops

    def race_of_races(self, scope):
        """A race of a race and of something chained to another."""
        ops, of = [], []
        for _ in range(2):
            ops += self.new(scope) + self.new(scope)
            ops += self.race(scope, [scope.hand.pop(), scope.hand.pop()])
            if self.chance(0.5):
                race = scope.hand[-1]
                ops += self.new(scope)
                ops.append({"op": "chain", "d": race, "to": scope.hand[-1]})
            of.append(scope.hand.pop())
        return ops + self.race(scope, of)

    def coroutine_of_coroutines(self, scope):
        """A coroutine that awaits coroutines."""
        ops, awaits = [], []
        for _ in range(self.rng.choice((1, 2, 3))):
            ops += self.new(scope)
            ops += self.coroutine(scope, [scope.hand.pop()])
            awaits.append(scope.hand.pop())
        return ops + self.coroutine(scope, awaits)

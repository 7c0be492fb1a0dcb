"""Make a program that differs as small as it will go.

Greedily: of all programs that are a little smaller, the first that still
differs is the next one to make smaller, until none does.
"""

import collections

import boxes
import descriptions
import streams


def shrink(program, compare):
    """The smallest found.  `compare` gives those of some programs that differ,
    each with two traces."""
    while True:
        candidates = smaller_programs(program)
        # The smallest come first and one is enough, so not all are run at once.
        for start in range(0, len(candidates), 40):
            differing = compare(candidates[start:start + 40])
            found = [candidate for candidate, _, ours in differing if is_a_trace(ours)] \
                or [candidate for candidate, _, ours in differing if is_a_crash(ours)]
            if found:
                program = found[0]
                break
        else:
            return program


def smaller_programs(program):
    if program["family"] == "amp":
        return boxes.smaller(program)
    if program["family"] == "strings":
        return descriptions.smaller(program)
    if "ops" not in program:
        return streams.smaller(program)
    return [{**program, "ops": ops} for ops in smaller_lists(program["ops"], smaller_op)
            if balanced(ops)]


def balanced(ops):
    """Whether nothing is unpaused that was not paused."""
    paused = collections.Counter()
    for op in walk(ops):
        paused[op.get("d")] += {"pause": 1, "unpause": -1}.get(op["op"], 0)
        if paused[op.get("d")] < 0:
            return False
    return True


def walk(item):
    """All ops, with those of callbacks and coroutines, in the order of the text."""
    if isinstance(item, list):
        for part in item:
            yield from walk(part)
    elif isinstance(item, dict):
        if "op" in item:
            yield item
        for part in item.values():
            yield from walk(part)


def is_a_trace(ours):
    return isinstance(ours, list)


def is_a_crash(ours):
    """Whether the binary broke; else it found the program itself at fault, as
    it is when an op that another needs is gone."""
    return isinstance(ours, str) and (ours.startswith("panicked") or ours.startswith("the binary"))


def smaller_lists(items, smaller_item):
    """Lists with some of the items gone, or with one made smaller."""
    size = len(items) // 2
    while size > 1:
        for start in range(0, len(items), size):
            yield items[:start] + items[start + size:]
        size //= 2
    for n in range(len(items)):
        yield items[:n] + items[n + 1:]
    for n, item in enumerate(items):
        for smaller in smaller_item(item):
            yield items[:n] + [smaller] + items[n + 1:]


def smaller_op(op):
    for key in ("canceller", "fire_on_one_callback", "fire_on_one_errback", "consume_errors",
                "size", "backlog", "with_count", "now", "fail", "deferred"):
        if key in op:
            yield without(op, key)
    if op.get("canceller"):
        yield {**op, "canceller": {}}
    for key in ("do", "do_err"):
        for action in smaller_action(op.get(key)):
            yield {**op, key: action}
    if op.get("on") in ("both", "callbacks"):
        yield {**without(op, "do_err"), "on": "callback"}
        yield {**without(op, "do_err"), "on": "errback", "do": op.get("do_err", op["do"])}
    for n, step in op.get("plan", {}).items():
        yield {**op, "plan": without(op["plan"], n)}
        for smaller in smaller_action(step):
            yield {**op, "plan": {**op["plan"], n: smaller}}
    for key, smaller in (("steps", lambda step: [{}] if step else []), ("seconds", lambda _: [])):
        if isinstance(op.get(key), list):
            for items in smaller_lists(op[key], smaller):
                yield {**op, key: items}
    for of in smaller_lists(op.get("of", []), lambda number: []):
        yield {**op, "of": of}
    for body in smaller_lists(op.get("body", []), smaller_step):
        yield {**op, "body": body}


def smaller_action(action):
    if not action:
        return
    if isinstance(action, list):
        yield from smaller_lists(action, smaller_op)
        return
    yield {}
    for key in ("ret", "fail", "deferred"):
        if key in action:
            yield without(action, key)
    if "before" in action:
        yield without(action, "before")
        for ops in smaller_lists(action["before"], smaller_op):
            yield {**action, "before": ops}


def smaller_step(step):
    if "catch" in step:
        yield without(step, "catch")
    if "do" in step:
        for ops in smaller_lists(step["do"], smaller_op):
            yield {**step, "do": ops}


def without(mapping, key):
    smaller = dict(mapping)
    smaller.pop(key, None)
    return smaller

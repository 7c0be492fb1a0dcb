"""Programs of family client_service, made up."""

# How often each op is made, in one mood or another.
MOODS = (
    {"start": 4, "stop": 3, "when_connected": 5, "accept": 8, "refuse": 4, "lose": 5,
     "prepared": 4, "unprepared": 2, "advance": 8},
    {"start": 8, "stop": 8, "when_connected": 3, "accept": 6, "refuse": 2, "lose": 6,
     "prepared": 2, "unprepared": 1, "advance": 4},
    {"start": 1, "stop": 1, "when_connected": 8, "accept": 2, "refuse": 8, "lose": 1,
     "prepared": 1, "unprepared": 4, "advance": 10},
)
DELAYS = (0, 0.5, 1, 1.5, 2, 4, 6, 8)


def client_service(rng):
    mood = rng.choice(MOODS)
    number, ops = 0, [{"op": "start"}] if rng.random() < 0.8 else []
    for name in rng.choices(list(mood), mood.values(), k=rng.choice((4, 8, 14, 25, 40))):
        op = {"op": name}
        if name in ("stop", "when_connected"):
            op["d"] = number
            number += 1
        if name == "when_connected":
            op["fail_after"] = rng.choice((None, None, 0, 1, 2, 3))
        if name in ("refuse", "unprepared"):
            op["error"] = rng.choice(("E0", "E1", "E2"))
        if name == "advance":
            op["by"] = rng.choice((0.25, 0.5, 1, 2, 4, 10))
        ops.append(op)
    return {"delays": [rng.choice(DELAYS) for _ in range(rng.randrange(1, 5))],
            "prepare": rng.choice((None, "ok", "fail", "wait", "wait")), "ops": ops}

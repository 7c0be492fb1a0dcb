"""Programs of family strings, made up."""

SERVERS = {
    "tcp": ["port", "interface", "backlog"],
    "tcp6": ["port", "backlog", "interface"],
    "unix": ["address", "mode", "backlog", "lockfile"],
    "stdio": [],
    "haproxy": [],
    "nope": ["port"],
}
CLIENTS = {
    "tcp": ["host", "port", "timeout", "bindAddress"],
    "unix": ["path", "timeout", "lockfile", "checkPID"],
    "nope": ["host"],
}
VALUES = ["80", "0", "1", " 7 ", "+5", "-1", "8_0", "0600", "600", "0o17", "65535", "65536", "",
          "127.0.0.1", r"\:\:1", ":", "/run/a", r"/run/a\:b", "eighty", "é", r"x\=y", "yes", "2",
          "\t9\n", "1__0", "_1", r"\\", "\\"]


def strings(rng):
    if rng.random() < 0.1:
        return {"quote": "".join(rng.choice("a:\\=é /") for _ in range(rng.randrange(8)))}
    if rng.random() < 0.6:
        return {"server": description(rng, SERVERS)}
    return {"client": description(rng, CLIENTS)}


def description(rng, kinds):
    kind = rng.choice(sorted(kinds))
    names = kinds[kind]
    if kind == "haproxy" and rng.random() < 0.9:
        return rng.choice(("haproxy:", "HAProxy:")) + description(rng, kinds)
    parts = [rng.choice((kind, kind, kind, kind.upper()))]
    for n in range(rng.choice((0, 1, 1, 2, 2, 3, 4, 5))):
        value = rng.choice(VALUES)
        # The oracle does not see that a backlog is below 0 where it has no name.
        if rng.random() < 0.5 and value != "-1":
            parts.append(value)
        else:
            parts.append(f"{name(rng, names)}={value}")
    if rng.random() < 0.05:
        rng.shuffle(parts)
    return ":".join(parts)


def name(rng, names):
    if names and rng.random() < 0.9:
        return rng.choice(names)
    return rng.choice(("nope", "self", "reactor", "factory", "ö", r"po\rt", ""))


def smaller(program):
    """Programs that are a little smaller."""
    (key, text), = ((k, v) for k, v in program.items() if k in ("server", "client", "quote"))
    return [{**program, key: text[:n] + text[n + 1:]} for n in range(len(text))]

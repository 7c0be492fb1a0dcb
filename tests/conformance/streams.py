"""Programs of families framing and endpoint, made up and made smaller."""

CLASSES = ("LineReceiver", "LineReceiver", "LineReceiver", "LineOnlyReceiver", "NetstringReceiver",
           "Int8StringReceiver", "Int16StringReceiver", "Int32StringReceiver")
PREFIX = {"Int8StringReceiver": 1, "Int16StringReceiver": 2, "Int32StringReceiver": 4}
DELIMITERS = (b"\r\n", b"\n", b"\0", b"||", b"aa", b"aba", b"abaab", b"\r\r\n", b"a\r\na")
PAUSABLE = ("LineReceiver", *PREFIX)
WORDS = ("tcp", "unix", "80", "host", "interface", "", "\u00f6", "\\\\", "\\:", "\\=", "\\a", "a b",
         "127.0.0.1", "\U0001f600", "port")


def framing(rng):
    """What a program of that family says, but for its id."""
    kind = rng.choice(CLASSES)
    body = {"class": kind, "plan": {}}
    delimiter = b"\r\n"
    if kind.startswith("Line") and rng.random() < 0.5:
        delimiter = rng.choice(DELIMITERS)
        body["delimiter"] = delimiter.hex()
    if rng.random() < 0.7:
        body["max_length"] = rng.choice((1, 2, 3, 5, 8, 9, 10, 11, 16, 99, 100, 101))
    if kind == "LineReceiver":
        body["raw_size"] = rng.choice((1, 2, 3, 7, 20, 50))
    limit = body.get("max_length", 40)
    stream = b"".join(item(rng, kind, delimiter, limit) for _ in range(rng.randrange(1, 25)))
    if rng.random() < 0.3:
        stream = spoil(rng, stream)
    plan(rng, kind, body["plan"])
    body["chunks"] = [chunk.hex() for chunk in cut(rng, stream)]
    if any("pause" in reaction for reaction in body["plan"].values()):
        for _ in range(rng.randrange(8)):
            body["chunks"].insert(rng.randrange(len(body["chunks"]) + 1), "resume")
        body["chunks"] += ["resume"] * rng.randrange(6)
    return body


def item(rng, kind, delimiter, limit):
    """A line or a string, mostly one that may be."""
    length = rng.choice((0, 1, 2, limit - 1, limit, limit, rng.randrange(limit + 1), limit + 1))
    if rng.random() < 0.95:
        length = min(length, limit)
    text = bytes(rng.choice(b"aaaaaaaaaab\r\n|\0 c,:059\xff") for _ in range(length))
    if kind.startswith("Line"):
        return text + delimiter
    if kind == "NetstringReceiver":
        return b"%d:%s," % (length, text)
    return length.to_bytes(PREFIX[kind], "big") + text


def spoil(rng, stream):
    """A few bytes other than they were, more, or gone."""
    stream = bytearray(stream)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(stream) + 1)
        stream[at:at + rng.randrange(3)] = bytes(rng.choice(b"0123459:,\r\na\0\xff")
                                                 for _ in range(rng.randrange(3)))
    return bytes(stream)


def plan(rng, kind, reactions):
    """What is done at some of the lines.  After a close nothing is sent: what
    becomes of that is the transport's affair."""
    for n in range(rng.choice((0, 0, 3, 8, 20))):
        reaction = {}
        if rng.random() < 0.4:
            reaction["send"] = bytes(rng.choice(b"ab\r\n,") for _ in range(rng.randrange(6))).hex()
        if kind in PAUSABLE and rng.random() < 0.3:
            reaction["pause"] = 1
        if kind == "LineReceiver" and rng.random() < 0.3:
            reaction["raw"] = 1
        if kind in PREFIX and rng.random() < 0.25:
            reaction["take"] = rng.choice((0, 0, 1, 2, 4, 9, 100))
        if rng.random() < 0.05:
            reaction["lose"] = 1
        if reaction:
            reactions[str(n)] = reaction
        if "lose" in reaction:
            break


def cut(rng, stream):
    sizes = rng.choice(((1,), (1, 2, 3), (1, 5, 30), (10, 100), (1000,)))
    while stream:
        size = rng.randrange(1, rng.choice(sizes) + 1)
        yield stream[:size]
        stream = stream[size:]


def endpoint(rng):
    return {"description": "".join(rng.choice((rng.choice(WORDS), ":", ":", "="))
                                   for _ in range(rng.randrange(14)))}


def smaller(program):
    """Programs that are a little smaller."""
    if program["family"] == "endpoint":
        text = program["description"]
        return [{**program, "description": text[:n] + text[n + 1:]} for n in range(len(text))]
    chunks, found = program["chunks"], []
    for n in range(len(chunks)):
        found.append({**program, "chunks": chunks[:n] + chunks[n + 1:]})
    for n, chunk in enumerate(chunks):
        if chunk != "resume":
            for at in range(0, len(chunk), 2):
                rest = chunk[:at] + chunk[at + 2:]
                found.append({**program, "chunks": chunks[:n] + [rest] + chunks[n + 1:]})
        if n and "resume" not in chunks[n - 1:n + 1]:
            joined = chunks[n - 1] + chunk
            found.append({**program, "chunks": chunks[:n - 1] + [joined] + chunks[n + 1:]})
    for n in program["plan"]:
        rest = {k: v for k, v in program["plan"].items() if k != n}
        found.append({**program, "plan": rest})
    return found

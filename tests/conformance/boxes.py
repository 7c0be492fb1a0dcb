"""Programs of family amp, made up."""

SCALARS = ("Integer", "String", "Unicode", "Boolean", "Float", "Decimal", "DateTime")
TEXTS = ("", "a", "h\u00e9", "\u20ac", "\U0001f600", " x ", "a\0b", "\ud7ff", "'\"")
FLOATS = ("0.0", "-0.0", "0.1", "1e-05", "0.0001", "0.00012345", "1e+16", "9999999999999998.0",
          "1e+300", "5e-324", "1.7976931348623157e+308", "inf", "-inf", "nan", "123456789.125",
          "2.5e-07", "1e+22", "1e+23", "4.35", "0.30000000000000004")
DECIMALS = ("0", "-0", "0.00", "1E+5", "1.5", "-12.500", "1E-7", "0.000001", "0.0000001", "NaN",
            "-NaN", "sNaN", "NaN123", "Infinity", "-Infinity", "123456789012345678901234567890.5",
            "1E+999999999999999999", "1E-1999999999999999997", "0E+3", "0E-9", "00012.50",
            "12.50E+3", "1.E2", ".5", "+3")
SPOILED = ("", " ", "-", "+", "_", "1_0", "_1", "1_", "1__0", "0x10", "1e5", "1.", ".5", ".", "e5",
           "1e", "1e+", " 7 ", "\t7\n", "\v7\f", "\x1c7", "7\0", "+7", "-0", "007", "--1", "+ 1",
           "nan", "-nan", "NaN0", "NaN007", "nan_1", "snan9", "inf", "+INF", "Infinity", "infinit",
           "True", "False", "true", "None", "1_000.5_0", "1_.5", "1._5", "1e1_0", "1E5", "1E+05",
           "9" * 30, "-" + "9" * 40, "1e400", "1e-400", "h\u00e9", "\u0663", "1\u00a0", "1,5",
           "1E999999999999999999", "1E1000000000000000000", "10E999999999999999999",
           "1E-1999999999999999997", "1E-1999999999999999998", "0E1000000000000000000",
           "1E" + "9" * 25, "0." + "0" * 12 + "1", "123.456e-2", "123.456e7", "Infinity1", "__5__")
DATES = ("2024-02-29T10:11:12.000013+02:00", "2023-02-29T10:11:12.000013+02:00",
         "2024-02-29T10:11:12.000013-00:30", "0001-01-01T00:00:00.000000-00:00",
         "9999-12-31T23:59:59.999999+14:00", "0000-01-01T00:00:00.000000-00:00",
         "2024x02x29x10x11x12x000013+02x00", "2024-02-29 10:11:12.000013+02:00",
         " 202-02- 9T 0:+1:12.0_0013+02:00", "2024-02-29T24:11:12.000013+02:00",
         "2024-02-29T10:60:12.000013+02:00", "2024-02-29T10:11:60.000013+02:00",
         "2024-02-29T10:11:12.000013Z02:00", "2024-02-29T10:11:12.000013+0a:00",
         "2024-02-29T10:11:12.000013+23:59", "2024-02-29T10:11:12.000013-23:59",
         "2024-02-29T10:11:12.000013+-5:00", "2024-02-29T10:11:12.-00013+02:00",
         "2024-02-29T10:11:12.000013+02:0", "20240-02-29T10:11:12.00001+02:00",
         "1_24-02-29T10:11:12.000013+02:00", "2024-02-29T10:11:12.\x1c00013+02:00"[:32])


def amp(rng):
    """What a program of that family says, but for its id."""
    kind = rng.random()
    if kind < 0.4:
        fields = arguments(rng, 0)
        return {"fields": fields, "encode": values(rng, fields, 0.97)}
    if kind < 0.8:
        fields = arguments(rng, 0)
        stream = b"".join(box(rng, fields) for _ in range(rng.choice((1, 1, 2, 3))))
        return {"fields": fields, "decode": cut(rng, stream)}
    stream = b"".join(any_box(rng) for _ in range(rng.randrange(1, 6)))
    if rng.random() < 0.4:
        stream = spoil(rng, stream)
    return {"decode": cut(rng, stream)}


def arguments(rng, depth):
    count = rng.choice((1, 1, 2, 3, 5))
    return [[rng.choice("abcxyzXYZ_") + str(n), argument(rng, depth)] for n in range(count)]


def argument(rng, depth, in_list=False):
    roll = rng.random()
    if depth < 2 and roll < 0.15:
        made = {"type": "ListOf", "of": argument(rng, depth + 1, True)}
    elif depth < 2 and roll < 0.3:
        made = {"type": "AmpList", "fields": arguments(rng, depth + 1)}
    else:
        made = {"type": rng.choice(SCALARS)}
    if not in_list and rng.random() < 0.25:
        made["optional"] = True
    return made


def values(rng, fields, present):
    made = {}
    for name, spec in fields:
        chance = 0.6 if spec.get("optional") else present
        if rng.random() < chance:
            made[name] = value(rng, spec)
        elif spec.get("optional") and rng.random() < 0.3:
            made[name] = None
    return made


def value(rng, spec):
    kind = spec["type"]
    if kind == "ListOf":
        return [value(rng, spec["of"]) for _ in range(rng.choice((0, 1, 2, 4)))]
    if kind == "AmpList":
        return [values(rng, spec["fields"], 0.99) for _ in range(rng.choice((0, 1, 2, 3)))]
    return {
        "Integer": lambda: str(rng.choice((0, 1, -1, 10**40, -2**63, rng.randrange(-10**6, 10**6)))),
        "String": lambda: long(rng, rng.randbytes(rng.choice((0, 1, 7, 40)))).hex(),
        "Unicode": lambda: rng.choice(TEXTS),
        "Boolean": lambda: rng.random() < 0.5,
        "Float": lambda: rng.choice(FLOATS) if rng.random() < 0.5 else number(rng),
        "Decimal": lambda: rng.choice(DECIMALS),
        "DateTime": lambda: [rng.randrange(1, 10000), rng.randrange(1, 13), rng.randrange(1, 29),
                             rng.randrange(24), rng.randrange(60), rng.randrange(60),
                             rng.randrange(10**6), rng.choice((0, 1, -1, 60, -300, 845, -1439, 1439))],
    }[kind]()


def long(rng, text):
    """Once in a while as long as may be, or longer."""
    return text if rng.random() < 0.99 else text + bytes(rng.choice((65535, 65536)) - len(text))


def number(rng):
    return repr(rng.uniform(-1, 1) * 10.0 ** rng.randrange(-20, 25))


def prefixed(text):
    return len(text).to_bytes(2, "big") + text


def box(rng, fields):
    """A box that may well have what the fields say."""
    wire = b""
    for name, spec in fields if rng.random() < 0.8 else rng.sample(fields, len(fields)):
        if rng.random() < (0.6 if spec.get("optional") else 0.95):
            wire += prefixed(name.encode()) + prefixed(string(rng, spec))
        if rng.random() < 0.05:
            wire += prefixed(b"more") + prefixed(b"x")
        if rng.random() < 0.03:
            wire += prefixed(name.encode()) + prefixed(string(rng, spec))
    return wire + b"\0\0"


def string(rng, spec):
    """What one may take for a value of the type, whether or not it is."""
    kind = spec["type"]
    if kind == "ListOf":
        items = b"".join(prefixed(string(rng, spec["of"])) for _ in range(rng.choice((0, 1, 2, 3))))
        return clip(rng, items)
    if kind == "AmpList":
        return clip(rng, b"".join(box(rng, spec["fields"]) for _ in range(rng.choice((0, 1, 2)))))
    if rng.random() < 0.2:
        return rng.choice(SPOILED).encode()
    if rng.random() < 0.03:
        return rng.randbytes(rng.randrange(6))
    return {
        "Integer": lambda: rng.choice((str(rng.randrange(-10**9, 10**9)), rng.choice(SPOILED))),
        "String": lambda: rng.randbytes(rng.randrange(9)).hex(),
        "Unicode": lambda: rng.choice(TEXTS),
        "Boolean": lambda: rng.choice(("True", "False")),
        "Float": lambda: rng.choice((rng.choice(FLOATS), number(rng), rng.choice(SPOILED))),
        "Decimal": lambda: rng.choice((rng.choice(DECIMALS), rng.choice(SPOILED))),
        "DateTime": lambda: rng.choice(DATES),
    }[kind]().encode()


def clip(rng, wire):
    """Once in a while without its end, or with a byte changed."""
    if rng.random() < 0.1 and wire:
        return wire[:rng.randrange(len(wire))]
    return spoil(rng, wire) if rng.random() < 0.1 else wire


def any_box(rng):
    keys = [rng.randbytes(rng.choice((1, 2, 9, 254, 255) if rng.random() < 0.2 else (1, 2, 3)))
            for _ in range(rng.randrange(6))]
    return b"".join(prefixed(k) + prefixed(rng.randbytes(rng.randrange(30))) for k in keys) + b"\0\0"


def spoil(rng, wire):
    wire = bytearray(wire)
    for _ in range(rng.choice((1, 1, 3))):
        at = rng.randrange(len(wire) + 1)
        wire[at:at + rng.randrange(2)] = rng.choice((b"", b"\0", b"\1", b"\xff", b"a", b"\0\0"))
    return bytes(wire)


def smaller(program):
    """Programs that say less."""
    found = []
    fields = program.get("fields", [])
    for at in range(len(fields) if len(fields) > 1 else 0):
        found.append({**program, "fields": fields[:at] + fields[at + 1:]})
    chunks = program.get("decode", [])
    if len(chunks) > 1:
        found.append({**program, "decode": ["".join(chunks)]})
    for at in range(len(chunks)):
        found.append({**program, "decode": chunks[:at] + chunks[at + 1:]})
    return found


def cut(rng, wire):
    """Into chunks, of one byte or of many."""
    longest = rng.choice((1, 2, 7, 40, len(wire) + 1))
    chunks = []
    while wire:
        size = rng.randrange(1, longest + 1)
        chunks.append(wire[:size].hex())
        wire = wire[size:]
    return chunks

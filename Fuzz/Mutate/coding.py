"""The values in a checkpoint's sections as plain Python, and back (docs/checkpoint.md)."""
import struct
import zlib

NOTHING, BOOL, NATURAL, INTEGER, FLOAT, DOUBLE, TEXT, RECORD, MAP, LIST, EMPTY, BYTES, HALVES, WORDS, LONGS = range(15)
COLUMN = {BYTES: "B", HALVES: "H", WORDS: "I", LONGS: "Q"}
SHAPES, CAPTURE_FILE = 1, 7


class Number(int):
    """An integer that may be negative: another kind than a natural number."""


class Column(list):
    """Numbers of one width."""

    kind = BYTES


class Names(dict):
    """A map, which says its own names."""


def sections(data):
    """[kind, version, name, body] of each."""
    (length,) = struct.unpack_from("<I", data, 12)
    (count,) = struct.unpack_from("<I", data, 20)
    at, body, found = 24, 20 + length, []
    for _ in range(count):
        kind, version, size, _, name = struct.unpack_from("<HHQIH", data, at)
        found.append([kind, version, data[at + 18 : at + 18 + name], data[body : body + size]])
        at, body = at + 18 + name, body + size
    return found


def build(found, version):
    table = struct.pack("<I", len(found))
    for kind, own, name, body in found:
        table += struct.pack("<HHQIH", kind, own, len(body), zlib.crc32(body), len(name)) + name
    head = b"WEFTCKPT" + struct.pack("<III", version, len(table), zlib.crc32(table))
    return head + table + b"".join(section[3] for section in found)


class Reader:
    def __init__(self, data, shapes=()):
        self.data, self.at, self.shapes = data, 0, shapes

    def take(self, form):
        (value,) = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def compact(self):
        value = shift = 0
        while True:
            byte = self.take("B")
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def text(self):
        count = self.compact()
        self.at += count
        return self.data[self.at - count : self.at].decode()

    def value(self, kind):
        if kind == NOTHING:
            return None
        if kind == BOOL:
            return self.take("B") != 0
        if kind == NATURAL:
            return self.compact()
        if kind == INTEGER:
            number = self.compact()
            return Number(number >> 1 if number & 1 == 0 else -(number >> 1) - 1)
        if kind == FLOAT:
            return self.take("f")
        if kind == DOUBLE:
            return self.take("d")
        if kind == TEXT:
            return self.text()
        if kind == RECORD:
            shape = self.shapes[self.take("H")]
            self.take("I")
            return {name: self.value(kind) for name, kind in shape}
        if kind == MAP:
            self.take("I")
            return Names((self.text(), self.value(self.take("B"))) for _ in range(self.compact()))
        if kind == LIST:
            self.take("I")
            return [self.value(self.take("B")) for _ in range(self.take("I"))]
        if kind == EMPTY:
            return []
        column = Column(self.take(COLUMN[kind]) for _ in range(self.compact()))
        column.kind = kind
        return column

    def table(self):
        return [[(self.text(), self.take("B")) for _ in range(self.compact())] for _ in range(self.compact())]


class Writer:
    def __init__(self):
        self.shapes = {}

    def compact(self, value):
        out = bytearray()
        while value > 127:
            out.append(value & 127 | 128)
            value >>= 7
        return bytes(out) + bytes([value])

    def text(self, value):
        raw = value.encode()
        return self.compact(len(raw)) + raw

    def value(self, value):
        """Its kind and its bytes."""
        if value is None:
            return NOTHING, b""
        if isinstance(value, bool):
            return BOOL, bytes([value])
        if isinstance(value, int):
            if isinstance(value, Number) or value < 0:
                return INTEGER, self.compact((value << 1 if value >= 0 else (-value << 1) - 1) & (2**64 - 1))
            return NATURAL, self.compact(value & (2**64 - 1))
        if isinstance(value, float):
            return DOUBLE, struct.pack("<d", value)
        if isinstance(value, str):
            return TEXT, self.text(value)
        if isinstance(value, Column) and value:
            width = struct.calcsize(COLUMN[value.kind]) * 8
            raw = struct.pack(f"<{len(value)}{COLUMN[value.kind]}", *[x & (1 << width) - 1 for x in value])
            return value.kind, self.compact(len(value)) + raw
        if isinstance(value, list):
            if not value:
                return EMPTY, b""
            body = b"".join(bytes([kind]) + raw for kind, raw in map(self.value, value))
            return LIST, struct.pack("<II", len(body), len(value)) + body
        fields = [(name, *self.value(value[name])) for name in value]
        if isinstance(value, Names):
            body = self.compact(len(fields))
            body += b"".join(self.text(name) + bytes([kind]) + raw for name, kind, raw in sorted(fields))
            return MAP, struct.pack("<I", len(body)) + body
        shape = tuple((name, kind) for name, kind, _ in fields)
        number = self.shapes.setdefault(shape, len(self.shapes))
        body = b"".join(raw for _, _, raw in fields)
        return RECORD, struct.pack("<HI", number, len(body)) + body

    def table(self):
        out = self.compact(len(self.shapes))
        for shape in self.shapes:
            out += self.compact(len(shape)) + b"".join(self.text(name) + bytes([kind]) for name, kind in shape)
        return out


def state(found):
    """The values of the coded sections, each under its place in the file."""
    shapes = next(Reader(body).table() for kind, _, _, body in found if kind == SHAPES)
    values = {}
    for place, (kind, _, _, body) in enumerate(found):
        if kind not in (SHAPES, CAPTURE_FILE):
            reader = Reader(body, shapes)
            values[str(place)] = reader.value(reader.take("B"))
    return values


def changed(found, values):
    """The sections with these values in them."""
    writer, sections = Writer(), [list(section) for section in found]
    for place, value in values.items():
        kind, raw = writer.value(value)
        sections[int(place)][3] = bytes([kind]) + raw
    for section in sections:
        if section[0] == SHAPES:
            section[3] = writer.table()
    return sections

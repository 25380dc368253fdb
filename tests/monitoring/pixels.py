"""pixels.py: the pixels of a PNG as a browser writes it: 8 bits of red, green and blue, perhaps alpha, not interlaced. Reads, judges
nothing."""

import collections
import itertools
import struct
import zlib


def _paeth(left, above, corner):
    estimate = left + above - corner
    to_left, to_above, to_corner = abs(estimate - left), abs(estimate - above), abs(estimate - corner)
    if to_left <= to_above and to_left <= to_corner:
        return left
    return above if to_above <= to_corner else corner


def _unfiltered(kind, line, above, depth):
    """A line of bytes, each of which stands for the difference to a neighbour."""
    if kind == 0:
        return bytes(line)
    if kind == 2:
        return bytes([(one + up) & 255 for one, up in zip(line, above)])
    made = bytearray(line)
    if kind == 1:
        for channel in range(depth):
            made[channel::depth] = bytes(itertools.accumulate(line[channel::depth], lambda left, one: (left + one) & 255))
        return bytes(made)
    if kind not in (3, 4):
        raise ValueError("no PNG has the filter %d" % kind)
    for at, one in enumerate(line):
        left, corner = (made[at - depth], above[at - depth]) if at >= depth else (0, 0)
        guess = (left + above[at]) // 2 if kind == 3 else _paeth(left, above[at], corner)
        made[at] = (one + guess) & 255
    return bytes(made)


class Pixels:
    def __init__(self, png):
        if png[:8] != b"\x89PNG\r\n\x1a\n":
            raise ValueError("not a PNG: %r" % png[:8])
        at, packed = 8, b""
        while at < len(png):
            length, kind = struct.unpack_from(">I4s", png, at)
            chunk = png[at + 8:at + 8 + length]
            if kind == b"IHDR":
                self.width, self.height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunk)
                if (bits, interlaced) != (8, 0) or colour not in (2, 6):
                    raise ValueError("a PNG of a kind that browsers do not write: %r" % (chunk,))
                self._depth = 3 if colour == 2 else 4
            elif kind == b"IDAT":
                packed += chunk
            at += 12 + length
        raw, size = zlib.decompress(packed), self.width * self._depth
        self._lines, above = [], bytes(size)
        for start in range(0, (size + 1) * self.height, size + 1):
            above = _unfiltered(raw[start], raw[start + 1:start + 1 + size], above, self._depth)
            self._lines.append(above)

    def colours(self, left, top, width, height):
        """How often each (red, green, blue) is in a rectangle; what lies outside the picture is nowhere."""
        found = collections.Counter()
        for line in self._lines[max(0, round(top)):max(0, round(top + height))]:
            part = line[max(0, round(left)) * self._depth:max(0, round(left + width)) * self._depth]
            found.update(zip(*(part[channel::self._depth] for channel in range(3))))
        return found

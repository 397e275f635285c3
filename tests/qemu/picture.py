# SPDX-License-Identifier: GPL-2.0
"""Screenshots, and what tests/qemu/draw.c draws."""

BAND = 16


class Picture:
    """Pixels of three bytes."""

    def __init__(self, width, height, pixels):
        self.width, self.height, self.pixels = width, height, pixels

    def __repr__(self):
        return f"{self.width}x{self.height}"

    def pixel(self, x, y):
        """Red, green, blue."""
        at = 3 * (y * self.width + x)
        return tuple(self.pixels[at:at + 3])

    def lit(self):
        """How many are not black."""
        return sum(1 for at in range(0, len(self.pixels) - 2, 3)
                   if any(self.pixels[at:at + 3]))

    def difference(self, other):
        """Where another is not the same, for who reads a failure."""
        if (self.width, self.height) != (other.width, other.height):
            return f"{self} and {other}"
        places = [at // 3 for at in range(0, len(self.pixels), 3)
                  if self.pixels[at:at + 3] != other.pixels[at:at + 3]]
        x, y = places[0] % self.width, places[0] // self.width
        return (f"{self}: {len(places)} pixels, the first at {x},{y}: {self.pixel(x, y)} and "
                f"{other.pixel(x, y)}")

    def steps(self):
        """Which step each band is from; a pixel that is from none is an error.

        A band that is being drawn has lines of the step before, at its end.
        """
        result = []
        for first in range(0, self.height - BAND + 1, BAND):
            lines = []
            for y in range(first, first + BAND):
                _, green, blue = self.pixel(0, y)
                step = green * 256 + blue
                line = self.pixels[3 * y * self.width:3 * (y + 1) * self.width]
                wanted = drawn_line(self.width, y, step)
                black = not any(line)
                assert line == wanted or black, \
                    f"line {y} is not of step {step}: {line[:12].hex()}, {wanted[:12].hex()}"
                lines.append(-1 if black else step)
            assert lines == sorted(lines, reverse=True), (first, lines)
            result.append(lines[0])
        return result


def drawn_line(width, y, step):
    """A line as draw.c paints it in a step."""
    line = bytearray(3 * width)
    line[0::3] = bytes((x + 3 * y + 7 * step) & 0xff for x in range(width))
    line[1::3] = bytes([step // 256 & 0xff]) * width
    line[2::3] = bytes([step & 0xff]) * width
    return bytes(line)


def read_ppm(path):
    """A file as QEMU's screendump writes it."""
    with open(path, "rb") as file:
        assert file.readline() == b"P6\n"
        width, height = map(int, file.readline().split())
        assert file.readline() == b"255\n"
        pixels = file.read()
    # QEMU's lines may be longer than the picture: whole words.
    stride = (3 * width + 3) & ~3
    if len(pixels) == stride * height:
        pixels = b"".join(pixels[y * stride:y * stride + 3 * width] for y in range(height))
    assert len(pixels) == 3 * width * height, (len(pixels), width, height)
    return Picture(width, height, pixels)

"""RFC 8785 (JSON Canonicalization Scheme), and reading of text that must be canonical."""

import json
import math
from decimal import Decimal
from json.encoder import encode_basestring

DEPTH_MAX = 64


class NotCanonical(Exception):
    """The input is not JSON, or not in the one form that RFC 8785 gives it."""


def canonical(value, depth=0):
    """The canonical text of a value made of dict, list, str, int, float, bool and None."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, (int, float)):
        return es6_number(value)
    if depth >= DEPTH_MAX:
        raise NotCanonical("nested deeper than %d" % DEPTH_MAX)
    if isinstance(value, list):
        return "[" + ",".join(canonical(item, depth + 1) for item in value) + "]"
    if isinstance(value, dict):
        names = sorted(value, key=_utf16_order)
        return "{" + ",".join(_string(name) + ":" + canonical(value[name], depth + 1) for name in names) + "}"
    raise NotCanonical("JSON has no %s" % type(value).__name__)


def es6_number(number):
    """ECMAScript Number::toString: the shortest digits that come back as the same double, in its own layout."""
    if isinstance(number, int) and abs(number) < 2**53:
        return str(number)
    try:
        double = float(number)
    except OverflowError:
        raise NotCanonical("a number beyond the range of a double") from None
    if not math.isfinite(double):
        raise NotCanonical("JSON has no infinity and no NaN")
    if double == 0:
        return "0"
    sign = "-" if double < 0 else ""
    # repr gives the shortest round-trip digits; Decimal takes them apart without rounding.
    _, digits, exponent = Decimal(repr(abs(double))).as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    stripped = text.rstrip("0")
    exponent += len(text) - len(stripped)
    point = len(stripped) + exponent
    if 0 < point <= 21:
        if len(stripped) <= point:
            return sign + stripped + "0" * (point - len(stripped))
        return sign + stripped[:point] + "." + stripped[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + stripped
    mantissa = stripped[0] + ("." + stripped[1:] if len(stripped) > 1 else "")
    return "%s%se%+d" % (sign, mantissa, point - 1)


def parse(text):
    """The value of any JSON text without duplicate members; raises NotCanonical."""
    try:
        return json.loads(text, object_pairs_hook=_members, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise NotCanonical("not JSON") from None


def parse_canonical(text):
    """The value of `text` if that is exactly its canonical form; raises NotCanonical."""
    value = parse(text)
    if canonical(value) != text:
        raise NotCanonical("not in canonical form (RFC 8785)")
    return value


def _string(text):
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise NotCanonical("text has a lone surrogate") from None
    # The escapes of json.dumps without ensure_ascii are those of RFC 8785 section 3.2.2.2.
    return encode_basestring(text)


def _utf16_order(name):
    # RFC 8785 section 3.2.3 sorts by UTF-16 code units; Python by code points, which differs beyond U+FFFF only.
    return name.encode("utf-16-be", "surrogatepass")


def _members(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotCanonical("not in canonical form (RFC 8785)")
    return members


def _no_constant(name):
    raise NotCanonical("JSON has no " + name)

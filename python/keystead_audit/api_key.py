"""The text of an API key: {brand}_{kind}_{env}_{locator12}_{secret32}{crc6}, base62.

Independent of the TypeScript program; both are checked against packages/protocol/vectors/api-key.json.
"""

import re
import zlib

ENVIRONMENTS = {"live": "production", "test": "staging", "dev": "development"}
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CHECKSUM_TAG = b"keystead/v1:"
CHECKSUM_LENGTH = 6

KEY_TEXT = re.compile(
    r"([a-z][a-z0-9]{1,11})_(key|sig|pub|tmp|root)_(live|test|dev)_([0-9A-Za-z]{12})_([0-9A-Za-z]{32})([0-9A-Za-z]{6})",
    re.ASCII,
)


def checksum(body):
    """Six base62 characters: CRC-32 (IEEE 802.3) of the product tag and the ASCII text `body`."""
    rest = zlib.crc32(CHECKSUM_TAG + body.encode("ascii"))
    text = ""
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, 62)
        text = ALPHABET[digit] + text
    return text


def parse_api_key(text):
    """The parts of a well-formed key as a dict, or None for every other value. Never raises."""
    if not isinstance(text, str):
        return None
    match = KEY_TEXT.fullmatch(text)
    if match is None or checksum(text[:-CHECKSUM_LENGTH]) != match.group(6):
        return None
    brand, kind, tag, locator, secret = match.groups()[:5]
    return {
        "brand": brand,
        "kind": kind,
        "environment": ENVIRONMENTS[tag],
        "locator": locator,
        "secret": secret,
    }

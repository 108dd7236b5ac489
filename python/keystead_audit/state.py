"""The exported state against the log: fold(log) must be what is stored, and each row what its last leaf committed to."""

import base64
import hashlib
import json

from . import events, jcs

STATE_PATH = "state.jsonl"
LINE_BYTES_MAX = 1024 * 1024
COMMITMENT_DOMAIN = b"keystead/commitment/v1\x00"
MEMBERS = {"type", "id", "version", "state", "salt", "text"}


def check_state(check, file, objects):
    """`file` is the opened state or None; `objects` maps (type, id) to (version, state, commitment), None if unknown."""
    if file is None:
        check.finished = "no state was exported"
        return
    if objects is None:
        check.abandoned = "the log could not be read to its end"
        return
    seen = set()
    for number, line in enumerate(_lines(file), 1):
        wrong = _wrong_with(line, objects, seen)
        if wrong:
            check.problem(None, "%s line %d: %s" % (STATE_PATH, number, wrong))
    for name, (version, state, _) in objects.items():
        if name not in seen:
            check.problem(None, "%s %s is missing: the log has version %d, %s" % (name + (version, state)))
    check.finished = "%d objects are what the log leads to" % len(seen)


def _lines(file):
    # None stands for a line that is too long or does not end, after which nothing more is read.
    while True:
        line = file.readline(LINE_BYTES_MAX + 1)
        if not line:
            return
        if not line.endswith(b"\n"):
            yield None
            return
        yield line[:-1]


def _wrong_with(line, objects, seen):
    read = None if line is None else _read(line)
    if read is None:
        return "is no line of a state"
    name = (read["type"], read["id"])
    label = "%s %s" % name
    if name not in objects:
        return "%s was never logged" % label
    if name in seen:
        return "%s is there twice" % label
    seen.add(name)
    version, state, commitment = objects[name]
    if read["version"] != version:
        return "%s has version %d, the log says %d" % (label, read["version"], version)
    if read["state"] != state:
        return "%s is %s, the log says %s" % (label, read["state"], state)
    salt = base64.urlsafe_b64decode(read["salt"] + "=")
    opened = hashlib.sha256(COMMITMENT_DOMAIN + salt + read["text"].encode("utf-8")).digest()
    if base64.urlsafe_b64encode(opened).decode("ascii").rstrip("=") != commitment:
        return "%s is not the one that was logged" % label
    return None if _describes(read) else "%s holds a row that says otherwise" % label


def _read(line):
    try:
        value = jcs.parse_canonical(line.decode("utf-8"))
    except (UnicodeDecodeError, jcs.NotCanonical):
        return None
    if not isinstance(value, dict) or value.keys() != MEMBERS:
        return None
    known = isinstance(value["type"], str) and value["type"] in events.TARGET_IDS
    texts = isinstance(value["id"], str) and isinstance(value["text"], str)
    number = isinstance(value["version"], int) and not isinstance(value["version"], bool)
    state = isinstance(value["state"], str) and value["state"] in events.STATES
    return value if known and texts and number and state and events.is_bytes_32(value["salt"]) else None


def _describes(read):
    try:
        row = json.loads(read["text"])
    except ValueError:
        return False
    if not isinstance(row, list) or len(row) != 2 or not isinstance(row[1], dict):
        return False
    table, columns = row
    said = "root_key" if table == "api_key" and columns.get("kind") == "root" else table
    # What has no state of its own is active for as long as it is there.
    own = columns.get("state")
    return (
        said == read["type"]
        and columns.get("id") == read["id"]
        and columns.get("version") == read["version"]
        and (own if own is not None else "active") == read["state"]
    )

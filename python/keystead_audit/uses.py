"""The use of keys: batches of records of 32 bytes, each bound by a leaf that names an RFC 6962 root over their pages."""

import base64
import hashlib

from . import events, merkle

RECORD_BYTES = 32
PAGE_RECORDS = 128
RECORDS_MAX = 65536
# packages/protocol/src/decision.ts, VERIFICATION_CODES; a record has the place, from 1.
CODES = 8
NOT_FOUND = 2
INTEGER_MAX = 2**53 - 1


def use_path(boot, number):
    return "use/%s/%d" % (boot, number)


def digests(data):
    """(root, hash): base64url, as the leaf of a batch names them."""
    page = PAGE_RECORDS * RECORD_BYTES
    hashes = [merkle.leaf_hash(data[at : at + page]) for at in range(0, len(data), page)]
    return _text64(merkle.root_of(hashes)), _text64(hashlib.sha256(data).digest())


def is_record(record, first, last):
    """Whether 32 bytes are what the server writes for one use, between two times in milliseconds."""
    at, key = int.from_bytes(record[0:6], "big"), record[6:22]
    version, code, flags, rest = int.from_bytes(record[22:26], "big"), record[26], record[27], record[28:32]
    unknown = not any(key)
    return (
        1 <= code <= CODES
        and flags <= 1
        and (flags == 1 or not any(rest))
        and unknown == (version == 0)
        and unknown == (code == NOT_FOUND)
        and first <= at <= last
    )


class Uses:
    """Numbers without gaps for each boot, ends that add up, and the records that are in the export."""

    def __init__(self, read, check, expected):
        self.read_file, self.check, self.expected = read, check, expected
        self.boots = {}
        self.batches = 0
        self.found = 0

    def add(self, event, position, leaf):
        wrong = None
        if event["action"] == "use.recorded":
            wrong = self._batch(event)
        elif event["action"] == "use.closed":
            wrong = self._closing(event)
        if wrong:
            self.check.problem(position, "%s: %s" % (events.leaf_name(position, leaf), wrong))

    def finish(self, complete):
        told = self.boots.values()
        if not complete:
            self.check.abandoned = "only %d batches could be checked" % self.batches
        elif not told:
            self.check.finished = "no use was recorded"
        else:
            counts = (sum(boot["records"] for boot in told), self.batches, self.found)
            loss = (sum(boot["dropped"] for boot in told), sum(not boot["closed"] for boot in told), len(told))
            self.check.finished = "%d uses in %d batches, the records of %d are here; " % counts
            self.check.finished += "%d dropped; %d of %d boots have no end" % loss

    def _batch(self, event):
        details = event["details"]
        if not _is_batch(details) or not _is_about(event, details["boot"]):
            return "does not say what a batch of uses must"
        boot, number, path = details["boot"], details["batchNumber"], use_path(details["boot"], details["batchNumber"])
        self.batches += 1
        self.expected.add(path)
        told = self._told(boot)
        expected, closed = told["batches"] + 1, told["closed"]
        told["batches"] = number
        told["records"] += details["count"]
        told["dropped"] += details["dropped"]
        if closed:
            return "comes after the end of %s" % boot
        if number != expected:
            return "has batch %d where %d must follow" % (number, expected)
        data = self.read_file(path, RECORDS_MAX * RECORD_BYTES)
        if data is None:
            return None
        self.found += 1
        wrong = _wrong_with(details, data)
        return "%s %s" % (path, wrong) if wrong else None

    def _closing(self, event):
        details = event["details"]
        counts = ("batches", "records", "dropped")
        is_closing = details.keys() == {"boot", *counts} and isinstance(details["boot"], str)
        if not is_closing or not all(_is_count(details[name]) for name in counts):
            return "does not say what the end of a boot must"
        if not _is_about(event, details["boot"]):
            return "does not say what the end of a boot must"
        told = self._told(details["boot"])
        if told["closed"]:
            return "comes after the end of %s" % details["boot"]
        told["closed"] = True
        if all(details[name] == told[name] for name in counts):
            return None
        said, were = tuple(details[name] for name in counts), tuple(told[name] for name in counts)
        return "says %d batches, %d records, %d dropped, " % said + "but there were %d, %d, %d" % were

    def _told(self, boot):
        return self.boots.setdefault(boot, {"batches": 0, "records": 0, "dropped": 0, "closed": False})


def _wrong_with(details, data):
    count = details["count"]
    if len(data) != count * RECORD_BYTES:
        return "has %d bytes instead of %d records" % (len(data), count)
    root, whole = digests(data)
    if root != details["root"]:
        return "has another root than the leaf names"
    if whole != details["bytesSha256"]:
        return "has another hash than the leaf names"
    for at in range(count):
        if not is_record(data[at * RECORD_BYTES : (at + 1) * RECORD_BYTES], details["from"], details["to"]):
            return "has no valid record at %d" % at
    return None


def _is_batch(details):
    return details.keys() == BATCH_RULES.keys() and all(rule(details[name]) for name, rule in BATCH_RULES.items())


def _is_about(event, boot):
    targets = event["targets"]
    return (
        event["boot"] == boot
        and len(targets) == 1
        and (targets[0]["type"], targets[0]["id"]) == ("use_emitter", boot)
    )


def _is_text(value):
    return isinstance(value, str)


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= INTEGER_MAX


BATCH_RULES = {
    "emitter": _is_text,
    "boot": _is_text,
    "batchNumber": lambda value: _is_count(value) and value >= 1,
    "from": _is_count,
    "to": _is_count,
    "count": lambda value: _is_count(value) and 1 <= value <= RECORDS_MAX,
    "dropped": _is_count,
    "pageRecords": lambda value: _is_count(value) and value == PAGE_RECORDS,
    "root": events.is_bytes_32,
    "bytesSha256": events.is_bytes_32,
}


def _text64(data):
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")

"""The batches of the log: what a leaf changed beyond what it can name, bound by an RFC 6962 root of its own."""

import base64

from . import events, merkle

LINES_MAX = 65536
# A line is a target: type, id, version, two states and a commitment make about 200 bytes.
BYTES_MAX = LINES_MAX * 512


def batch_path(position):
    return "batch/%d" % position


def has_batch(event):
    return "batchCount" in event["details"] or "batchRoot" in event["details"]


class Batches:
    def __init__(self, read, check, expected):
        self.read_file, self.check, self.expected = read, check, expected
        self.batches = 0
        self.lines = 0

    def read(self, event, position, leaf):
        """What the batch of this leaf changed; nothing when the batch is not the one that the leaf names."""
        self.batches += 1
        self.expected.add(batch_path(position))
        try:
            targets = self._targets(event["details"], batch_path(position))
        except events.EventError as error:
            self.check.problem(position, "%s: %s" % (events.leaf_name(position, leaf), error))
            return []
        self.lines += len(targets)
        return targets

    def _targets(self, details, path):
        count = details.get("batchCount")
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= LINES_MAX:
            raise events.EventError("names a batch of no valid size")
        data = self.read_file(path, BYTES_MAX)
        if data is None:
            raise events.EventError("%s is missing" % path)
        lines = data.split(b"\n", LINES_MAX)
        if len(lines) != count:
            raise events.EventError("%s has %d lines instead of %d" % (path, len(lines), count))
        root = base64.urlsafe_b64encode(merkle.root_of([merkle.leaf_hash(line) for line in lines]))
        if root.decode("ascii").rstrip("=") != details.get("batchRoot"):
            raise events.EventError("%s has another root than the leaf names" % path)
        targets = []
        for at, line in enumerate(lines):
            try:
                targets.append(events.parse_target(line))
            except events.EventError as error:
                raise events.EventError("line %d of %s %s" % (at + 1, path, error)) from None
        return targets

    def finish(self, complete):
        if not complete:
            self.check.abandoned = "only %d batches could be checked" % self.batches
        elif not self.batches:
            self.check.finished = "no event has a batch"
        else:
            counts = (self.batches, self.lines)
            self.check.finished = "%d batches with %d changes, as the events name them" % counts

"""Verification of an exported log by recomputation: C2SP tlog-tiles and tlog-checkpoint, RFC 9162 section 2.1."""

import base64
import json
import os

from . import batches, events, merkle, note, state, uses

TILE_WIDTH = 256
BUNDLE_BYTES_MAX = TILE_WIDTH * (2 + 65535)
PROBLEMS_MAX = 100
CHECKS = ("checkpoint", "root", "tiles", "events", "unique", "history", "batches", "uses", "state", "files", "since")
OTHER_FILES = ("checkpoint", "trust.policy", state.STATE_PATH)


class CannotVerify(Exception):
    """The verification could not be done at all; says nothing about the log."""


class Check:
    """The result of one step; a step that never came to its end is not ok."""

    def __init__(self, name):
        self.name = name
        self.problems = []
        self.count = 0
        self.finished = None
        self.abandoned = None

    def problem(self, position, message):
        self.count += 1
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append({"position": position, "message": message})

    def result(self):
        detail = self.abandoned or ("problems: %d" % self.count if self.count else self.finished or "not checked")
        return {
            "name": self.name,
            "ok": self.finished is not None and self.count == 0,
            "detail": detail,
            "problems": self.problems,
            "problemCount": self.count,
        }


def verify_log(folder, trust, since=None):
    """The report on the export in `folder`, as a dict; `trust` is a policy text, `since` an older checkpoint note."""
    keys = _usable("trust policy", lambda: note.parse_policy(trust))
    older = None
    if since is not None:
        older = _usable("older checkpoint", lambda: note.parse_checkpoint(note.open_note(since, keys)[0]))
    signed = read_file(folder, "checkpoint", note.NOTE_LENGTH_MAX)
    if signed is None:
        raise CannotVerify('there is no file "checkpoint": this is not an exported log')
    checks = {name: Check(name) for name in CHECKS}
    checkpoint = _check_checkpoint(signed, keys, checks["checkpoint"])
    if checkpoint is not None:
        _check_log(folder, checkpoint, older, checks)
    results = [check.result() for check in checks.values()]
    return {
        "ok": all(result["ok"] for result in results),
        "origin": checkpoint.origin if checkpoint else None,
        "size": checkpoint.size if checkpoint else None,
        "root": _text64(checkpoint.root) if checkpoint else None,
        "checks": results,
    }


def render(report):
    """The report as lines for a terminal."""
    lines = ["log    %s" % (report["origin"] or "unknown")]
    if report["size"] is not None:
        lines.append("size   %d events" % report["size"])
        lines.append("root   %s" % report["root"])
    for check in report["checks"]:
        lines.append("%s %-10s %s" % ("ok    " if check["ok"] else "FAILED", check["name"], check["detail"]))
        lines.extend("         " + problem["message"] for problem in check["problems"])
        more = check["problemCount"] - len(check["problems"])
        if more:
            lines.append("         and %d more" % more)
    lines.append("VERIFIED" if report["ok"] else "REFUTED")
    return "\n".join(lines)


def tile_path(place, index, width):
    """`tile/<level or entries>/<index>[.p/<width>]`, the index in groups of three digits."""
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join(["x" + group for group in groups[:-1]] + groups[-1:])
    return "tile/%s/%s%s" % (place, path, ".p/%d" % width if width < TILE_WIDTH else "")


def read_bundle(data, width):
    """(entries, problem): what can be read of a bundle of `width` entries, and what is wrong with it or None."""
    entries = []
    at = 0
    while len(entries) < width:
        if at + 2 > len(data):
            return entries, "ends after %d of %d entries" % (len(entries), width)
        length = int.from_bytes(data[at : at + 2], "big")
        if at + 2 + length > len(data):
            return entries, "is cut off in entry %d of %d" % (len(entries), width)
        entries.append(data[at + 2 : at + 2 + length])
        at += 2 + length
    left = len(data) - at
    return entries, "has %d bytes after its last entry" % left if left else None


def _usable(what, read):
    try:
        return read()
    except note.NoteError as error:
        raise CannotVerify("the %s is unusable: %s" % (what, error)) from None


def _check_checkpoint(signed, keys, check):
    try:
        text = signed.decode("utf-8")
    except UnicodeDecodeError:
        check.problem(None, "checkpoint: not valid UTF-8")
        return None
    try:
        body, names = note.open_note(text, keys)
        checkpoint = note.parse_checkpoint(body)
    except note.NoteError as error:
        check.problem(None, "checkpoint: %s" % error)
        try:
            # Not trusted, but comparing it with the entries lets the report say more.
            return note.parse_checkpoint(text[: text.rfind("\n\n") + 1])
        except note.NoteError:
            return None
    if checkpoint.origin in names:
        check.finished = "signed by " + ", ".join(names)
    else:
        check.problem(None, "checkpoint: the origin is %s, but %s has signed" % (checkpoint.origin, ", ".join(names)))
    return checkpoint


def _check_log(folder, checkpoint, older, checks):
    tiles = Tiles(folder, checks["tiles"])
    expected = set(OTHER_FILES)

    def read(path, limit):
        return read_file(folder, path, limit)

    found = batches.Batches(read, checks["batches"], expected)
    used = uses.Uses(read, checks["uses"], expected)
    histories = Histories(checks, found, used)
    hashes = []
    complete = True
    for index, width in widths(checkpoint.size):
        complete = _check_bundle(folder, index, width, hashes, tiles, histories, checks["root"])
        if not complete:
            break
    if complete:
        tiles.check_upper(hashes)
        checks["tiles"].finished = "%d tiles match the entries" % tiles.count
    else:
        checks["tiles"].abandoned = "only %d tiles could be checked" % tiles.count
    histories.finish(complete)
    found.finish(complete)
    used.finish(complete)
    _check_state(folder, histories.objects if complete else None, checks["state"])
    _check_files(folder, checkpoint.size, expected if complete else None, checks["files"])
    _check_since(checkpoint, older, hashes, checks["since"])
    _check_root(checkpoint, older, hashes, complete, checks)


def _check_bundle(folder, index, width, hashes, tiles, histories, root):
    path = tile_path("entries", index, width)
    data = read_file(folder, path, BUNDLE_BYTES_MAX)
    if data is None:
        root.problem(index * TILE_WIDTH, "%s is missing" % path)
        return False
    entries, problem = read_bundle(data, width)
    tile = tiles.read(0, index, width)
    for at, entry in enumerate(entries):
        position = index * TILE_WIDTH + at
        computed = merkle.leaf_hash(entry)
        if tile is not None and tile[at * 32 : at * 32 + 32] != computed:
            where = "%s: bytes do not match the hash in %s"
            tiles.check.problem(position, where % (events.leaf_name(position, entry), tile_path(0, index, width)))
        histories.add(position, entry)
        hashes.append(computed)
    if problem:
        root.problem(index * TILE_WIDTH + len(entries), "%s %s" % (path, problem))
    return problem is None


def _check_state(folder, objects, check):
    try:
        with open(os.path.join(folder, state.STATE_PATH), "rb") as file:
            state.check_state(check, file, objects)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        state.check_state(check, None, objects)


def _check_files(folder, size, expected, check):
    if expected is None:
        check.abandoned = "not all events could be read, so files may be theirs"
        return
    level, left = 0, size
    while left:
        for index, width in widths(left):
            expected.add(tile_path(level, index, width))
            if level == 0:
                expected.add(tile_path("entries", index, width))
        level, left = level + 1, left // TILE_WIDTH
    paths = [
        os.path.relpath(os.path.join(parent, name), folder).replace(os.sep, "/")
        for parent, _, names in os.walk(folder)
        for name in names
    ]
    for path in sorted(paths):
        if path not in expected:
            check.problem(None, "%s is not a part of this log" % json.dumps(path))
    check.finished = "%d files, each accounted for" % len(paths)


def _check_since(checkpoint, older, hashes, check):
    if older is None:
        check.finished = "no older checkpoint was given"
    elif older.origin != checkpoint.origin:
        check.problem(None, "the older checkpoint is of the log %s" % older.origin)
    elif older.size > checkpoint.size:
        check.problem(None, "the log had %d events and now has only %d" % (older.size, checkpoint.size))
    elif older.size > len(hashes):
        check.abandoned = "the first %d events could not all be read" % older.size
    elif merkle.root_of(hashes, 0, older.size) != older.root:
        check.problem(None, "the first %d events are not those of the older checkpoint" % older.size)
    else:
        check.finished = "continues the older checkpoint of %d events" % older.size


def _check_root(checkpoint, older, hashes, complete, checks):
    check = checks["root"]
    if not complete:
        check.abandoned = "only the first %d events could be read" % len(hashes)
        return
    root = merkle.root_of(hashes)
    if root == checkpoint.root:
        check.finished = "the entries have the root of the checkpoint"
        return
    where = ""
    if checks["checkpoint"].count:
        where = "; the checkpoint itself is not trusted"
    elif checks["tiles"].count:
        where = "; the check of the tiles says where"
    elif older is not None and older.size <= len(hashes):
        where = "; a change is %s leaf %d" % ("before" if checks["since"].count else "at or after", older.size)
    check.problem(None, "the entries have the root %s%s" % (_text64(root), where))


class Tiles:
    """The stored tiles of hashes, to be compared with what the entries give."""

    def __init__(self, folder, check):
        self.folder = folder
        self.check = check
        self.count = 0

    def read(self, level, index, width):
        path = tile_path(level, index, width)
        data = read_file(self.folder, path, TILE_WIDTH * merkle.HASH_BYTES + 1)
        if data is not None and len(data) == width * merkle.HASH_BYTES:
            self.count += 1
            return data
        wrong = "is missing" if data is None else "has %d bytes instead of %d" % (len(data), width * merkle.HASH_BYTES)
        self.check.problem(None, "%s %s" % (path, wrong))
        return None

    def check_upper(self, hashes):
        level = 0
        while True:
            level += 1
            for _ in range(8):
                hashes = merkle.complete_parents(hashes)
            if not hashes:
                return
            for index, width in widths(len(hashes)):
                self._compare(level, index, hashes[index * TILE_WIDTH : index * TILE_WIDTH + width])

    def _compare(self, level, index, expected):
        tile = self.read(level, index, len(expected))
        for at, computed in enumerate(expected):
            if tile is not None and tile[at * 32 : at * 32 + 32] != computed:
                span = TILE_WIDTH**level
                first = (index * TILE_WIDTH + at) * span
                path = tile_path(level, index, len(expected))
                self.check.problem(None, "%s does not match leaves %d to %d" % (path, first, first + span - 1))


class Histories:
    """What the events say, one after the other: form, unique ids and nonces, an unbroken history of every object."""

    def __init__(self, checks, found, used):
        self.batches = found
        self.uses = used
        self.events, self.unique, self.history = checks["events"], checks["unique"], checks["history"]
        self.seen = {"event id": {}, "nonce": {}}
        self.objects = {}
        self.count = 0

    def add(self, position, leaf):
        self.count += 1
        try:
            event = events.parse_event(leaf)
        except events.EventError as error:
            self.events.problem(position, "%s: %s" % (events.leaf_name(position, leaf), error))
            return
        for what, value in (("event id", event["id"]), ("nonce", event["nonce"])):
            first = self.seen[what].setdefault(value, position)
            if first != position:
                same = "%s: same %s as leaf %d" % (events.leaf_name(position, leaf), what, first)
                self.unique.problem(position, same)
        more = self.batches.read(event, position, leaf) if batches.has_batch(event) else []
        for target in event["targets"] + more:
            for wrong in self._advance(target):
                name = "%s: %s %s" % (events.leaf_name(position, leaf), target["type"], target["id"])
                self.history.problem(position, "%s %s" % (name, wrong))
        self.uses.add(event, position, leaf)

    def _advance(self, target):
        kind, (before, after), version = target["type"], target["state"], target["version"]
        known_version, known_state, _ = self.objects.get((kind, target["id"]), (0, None, None))
        self.objects[(kind, target["id"])] = (version, after, target["commitment"])
        if version != known_version + 1:
            yield "has version %d where %d must follow" % (version, known_version + 1)
        if before != known_state:
            yield "is said to come from %s, but was %s" % (before or "nothing", known_state or "unknown")
        if not events.is_legal(kind, before, after):
            yield "may not go from %s to %s" % (before or "nothing", after)

    def finish(self, complete):
        if not complete:
            for check in (self.events, self.unique, self.history):
                check.abandoned = "only the first %d events could be checked" % self.count
            return
        counts = tuple(len(seen) for seen in self.seen.values())
        self.events.finished = "%d events in canonical form, with known actions" % self.count
        self.unique.finished = "%d event ids and %d nonces" % counts
        self.history.finished = "%d objects, versions without gaps, legal transitions only" % len(self.objects)


def widths(size):
    for index in range(size // TILE_WIDTH):
        yield index, TILE_WIDTH
    if size % TILE_WIDTH:
        yield size // TILE_WIDTH, size % TILE_WIDTH


def read_file(folder, path, bytes_max):
    # One byte more than allowed is enough to see that a file is too long.
    try:
        with open(os.path.join(folder, *path.split("/")), "rb") as file:
            return file.read(bytes_max + 1)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None


def _text64(data):
    return base64.b64encode(data).decode("ascii")

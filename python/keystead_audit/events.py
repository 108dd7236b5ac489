"""The audit event, version 1: its closed shape, and what the events of one object must say about each other."""

import datetime
import re

from . import jcs

EVENT_BYTES_MAX = 32 * 1024
TARGETS_MAX = 64
REASON_LENGTH_MAX = 200
INTEGER_MAX = 2**53 - 1

ACTIONS = frozenset(
    """
    installation.initialized server.started use.recorded use.closed integrity.alarm log.epoch_started
    project.created environment.updated
    owner.created owner.updated
    role.created role.updated role.deactivated
    key.created key.updated key.rotated key.revoked key.suspended key.resumed key.rotation_cancelled
    key.rotation_begun key.rotation_due key.cutover key.expired_idle
    key.destruction_scheduled key.destruction_cancelled key.destroyed
    import_source.created key.imported key.upgraded key.exported
    root_key.created root_key.updated root_key.rotated root_key.revoked
    root_key.suspended root_key.resumed
    bulk_operation.started bulk_operation.applied bulk_operation.concluded
    bulk_operation.undo_started bulk_operation.undone bulk_operation.failed
    """.split()
)
STATES = ("pre-active", "active", "suspended", "deactivated", "compromised", "destroyed")

# NIST SP 800-57 part 1 revision 5, section 7; None is the state before creation.
KEY_TRANSITIONS = {
    None: {"pre-active", "active"},
    "pre-active": set(STATES),
    "active": {"active", "suspended", "deactivated", "compromised"},
    "suspended": set(STATES) - {"pre-active"},
    "deactivated": {"deactivated", "compromised", "destroyed"},
    "compromised": {"compromised", "destroyed"},
    "destroyed": set(),
}
OTHER_TRANSITIONS = {None: {"active"}, "active": {"active", "deactivated"}}

ULID = "[0-7][0-9a-hjkmnp-tv-z]{25}"
TARGET_IDS = {
    "installation": "([a-z]{2,8}_)?" + ULID,
    "project": "prj_" + ULID,
    "environment": "env_" + ULID,
    "owner": "own_" + ULID,
    "role": "rol_" + ULID,
    "api_key": "key_" + ULID,
    "root_key": "key_" + ULID,
    "bulk_operation": "blk_" + ULID,
    "bulk_chunk": "blc_" + ULID,
    "use_emitter": "boot_" + ULID,
    "import_source": "ims_" + ULID,
}


class EventError(Exception):
    """Bytes that are no audit event."""


def is_legal(kind, before, after):
    table = KEY_TRANSITIONS if kind in ("api_key", "root_key") else OTHER_TRANSITIONS
    return after in table.get(before, ())


def parse_event(leaf):
    """The event of a leaf; raises EventError. MAC, versions and transitions are not checked here."""
    if len(leaf) > EVENT_BYTES_MAX:
        raise EventError("is longer than %d bytes" % EVENT_BYTES_MAX)
    event = _canonical(leaf)
    _require(event, EVENT_RULES, "")
    names = set()
    for at, target in enumerate(event["targets"]):
        _require_target(target, "targets[%d]." % at)
        names.add((target["type"], target["id"]))
    if len(names) != len(event["targets"]):
        raise EventError("names a target twice")
    return event


def parse_target(line):
    """One line of a batch; raises EventError."""
    target = _canonical(line)
    _require_target(target, "target.")
    return target


def leaf_name(position, leaf):
    """`leaf 17 (key.revoked, evt_...)`, even for a leaf that does not parse, if action and id can be found in it."""
    text = leaf.decode("utf-8", "replace")
    action = re.search(r'"action":"([a-z_]{1,40}\.[a-z_]{1,40})"', text)
    event_id = re.search(r'"id":"(evt_[0-9a-z]{26})"', text)
    return "leaf %d (%s, %s)" % (
        position,
        action.group(1) if action else "unknown action",
        event_id.group(1) if event_id else "unknown id",
    )


def _canonical(data):
    try:
        return jcs.parse_canonical(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise EventError("is not valid UTF-8") from None
    except jcs.NotCanonical as error:
        raise EventError("is %s" % error) from None


def _require_target(target, path):
    _require(target, TARGET_RULES, path)
    if not re.fullmatch(TARGET_IDS[target["type"]], target["id"], re.ASCII):
        raise EventError("has a wrong %sid" % path)


def _require(value, rules, path):
    if not isinstance(value, dict):
        raise EventError("has a wrong %s" % path[:-1] if path else "is not an object")
    for name, rule in rules.items():
        if name not in value:
            raise EventError("lacks %s%s" % (path, name))
        if not rule(value[name]):
            raise EventError("has a wrong %s%s" % (path, name))
    if len(value) != len(rules):
        raise EventError("has unknown members in %s" % (path or "the event"))


def _text(pattern):
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _one_of(*values):
    return lambda value: isinstance(value, str) and value in values


def _or_null(rule):
    return lambda value: value is None or rule(value)


def _closed(**rules):
    return lambda value: isinstance(value, dict) and value.keys() == rules.keys() and all(
        rule(value[name]) for name, rule in rules.items()
    )


def _is_integer(value, low=-INTEGER_MAX):
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= INTEGER_MAX


def _is_time(value):
    if not _text(r"[12]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")(value):
        return False
    try:
        datetime.datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ")
    except ValueError:
        return False
    # strptime takes second 60 and 61; a clock in milliseconds since 1970 has none.
    return value[17:19] < "60"


def _is_state_pair(value):
    return isinstance(value, list) and len(value) == 2 and value[0] in (None,) + STATES and value[1] in STATES


def _is_scalar(value):
    return value is None or isinstance(value, (str, bool)) or _is_integer(value)


def _is_detail(value):
    return _is_scalar(value) or (isinstance(value, list) and all(map(_is_scalar, value)))


def _is_details(value, nested=True):
    return isinstance(value, dict) and all(
        _text("[A-Za-z][A-Za-z0-9_]{0,63}")(name) and (_is_detail(item) or (nested and _is_details(item, False)))
        for name, item in value.items()
    )


is_bytes_32 = _text("[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")

EVENT_RULES = {
    "v": lambda value: _is_integer(value) and value == 1,
    "id": _text("evt_" + ULID),
    "nonce": _text("[A-Za-z0-9_-]{21}[AQgw]"),
    "at": _is_time,
    "boot": _text("boot_" + ULID),
    "node": _text("[!-~]{1,64}"),
    "project": _or_null(_text("prj_" + ULID)),
    "environment": _or_null(_one_of("production", "staging", "development")),
    "action": lambda value: isinstance(value, str) and value in ACTIONS,
    "outcome": _one_of("success", "denied", "error"),
    "reason": _or_null(
        lambda value: isinstance(value, str) and len(value.encode("utf-16-le")) // 2 <= REASON_LENGTH_MAX
    ),
    "actor": lambda value: _closed(type=_one_of("system"), id=lambda actor: actor is None)(value)
    or _closed(type=_one_of("root_key", "api_key"), id=_text("key_" + ULID))(value),
    "targets": lambda value: isinstance(value, list) and len(value) <= TARGETS_MAX,
    "request": _or_null(
        _closed(id=_text("req_" + ULID), operation=_text(r"[A-Za-z][A-Za-z-]*(\.[A-Za-z][A-Za-z-]*){1,4}"))
    ),
    "details": _is_details,
    "mac": is_bytes_32,
}

TARGET_RULES = {
    "type": _one_of(*TARGET_IDS),
    "id": lambda value: isinstance(value, str),
    "version": lambda value: _is_integer(value, 1),
    "state": _is_state_pair,
    "commitment": is_bytes_32,
}

import base64
import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from keystead_audit import __main__ as command
from keystead_audit import events, jcs, merkle, note, verify

ORIGIN = "keystead/01jd0000000000000000000000"
ZEROS = "0" * 26


def event(position, version=None, state=("active", "active")):
    """A server start, which changes the installation."""
    return {
        "v": 1,
        "id": "evt_%026d" % position,
        "nonce": base64.urlsafe_b64encode(hashlib.sha256(b"%d" % position).digest()[:16]).decode().rstrip("="),
        "at": "2026-11-22T04:12:33.123Z",
        "boot": "boot_" + ZEROS,
        "node": "api-1",
        "project": None,
        "environment": None,
        "action": "server.started",
        "outcome": "success",
        "reason": None,
        "actor": {"type": "system", "id": None},
        "targets": [
            {
                "type": "installation",
                "id": ZEROS,
                "version": version or position + 1,
                "state": list(state) if position else [None, "active"],
                "commitment": "A" * 43,
            }
        ],
        "request": None,
        "details": {"note": "event %d" % position},
        "mac": "A" * 43,
    }


class Logs(unittest.TestCase):
    """Each test writes a log of its own, signed by a key that openssl made."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="keystead-audit-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.openssl("genpkey", "-algorithm", "ed25519", "-out", "private.pem")
        spki = self.openssl("pkey", "-in", "private.pem", "-pubout", "-outform", "DER")
        typed = b"\x01" + spki[-32:]
        self.key_id = hashlib.sha256(ORIGIN.encode() + b"\n" + typed).digest()[:4]
        self.write("policy", b"log %s+%s+%s\n" % (ORIGIN.encode(), self.key_id.hex().encode(), base64.b64encode(typed)))

    def test_an_untouched_log_is_verified(self):
        for size in (0, 1, 5, 256, 300):
            self.export(self.leaves(size))
            code, report = self.run_verify()
            self.assertEqual((code, report["ok"], report["size"]), (0, True, size), report)

    def test_a_changed_byte_is_named_by_position_action_and_event(self):
        self.export(self.leaves(5))
        path = os.path.join(self.folder, "log", verify.tile_path("entries", 0, 5))
        with open(path, "rb") as file:
            bundle = file.read()
        self.write("log/" + verify.tile_path("entries", 0, 5), bundle.replace(b"event 3", b"event 9"))
        code, report = self.run_verify()
        self.assertEqual(code, 1)
        tiles = next(check for check in report["checks"] if check["name"] == "tiles")
        expected = "leaf 3 (server.started, evt_%026d): bytes do not match the hash in tile/0/000.p/5" % 3
        self.assertEqual(tiles["problems"], [{"position": 3, "message": expected}])

    def test_a_gap_and_an_illegal_transition_are_seen_under_a_valid_signature(self):
        for changed in (event(3, version=5), event(3, state=("active", "suspended"))):
            leaves = self.leaves(4)
            leaves[3] = jcs.canonical(changed).encode()
            self.export(leaves)
            code, report = self.run_verify()
            self.assertEqual([check["name"] for check in report["checks"] if not check["ok"]], ["history"])
            self.assertEqual(code, 1)

    def test_an_older_checkpoint_must_be_continued(self):
        self.export(self.leaves(3))
        os.rename(os.path.join(self.folder, "log", "checkpoint"), os.path.join(self.folder, "older"))
        self.export(self.leaves(9))
        self.assertEqual(self.run_verify("--since", os.path.join(self.folder, "older"))[0], 0)
        self.export(self.leaves(2))
        self.assertEqual(self.run_verify("--since", os.path.join(self.folder, "older"))[0], 1)

    def test_a_folder_without_a_log_is_no_verdict(self):
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            self.assertEqual(self.run_verify()[0], 2)
        self.assertIn("could not run", errors.getvalue())

    def leaves(self, size):
        return [jcs.canonical(event(at)).encode() for at in range(size)]

    def export(self, leaves):
        shutil.rmtree(os.path.join(self.folder, "log"), ignore_errors=True)
        hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
        root = base64.b64encode(merkle.root_of(hashes)).decode()
        text = "%s\n%d\n%s\n" % (ORIGIN, len(leaves), root)
        self.write("text", text.encode())
        signature = self.openssl("pkeyutl", "-sign", "-inkey", "private.pem", "-rawin", "-in", "text")
        line = "\u2014 %s %s\n" % (ORIGIN, base64.b64encode(self.key_id + signature).decode())
        self.write("log/checkpoint", (text + "\n" + line).encode())
        parents = [merkle.root_of(hashes[at : at + 256]) for at in range(0, len(hashes) // 256 * 256, 256)]
        for level, row in enumerate((hashes, parents)):
            for at in range(0, len(row), 256):
                part = row[at : at + 256]
                self.write("log/" + verify.tile_path(level, at // 256, len(part)), b"".join(part))
        for at in range(0, len(leaves), 256):
            part = leaves[at : at + 256]
            bundle = b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in part)
            self.write("log/" + verify.tile_path("entries", at // 256, len(part)), bundle)

    def run_verify(self, *more):
        arguments = ["verify", os.path.join(self.folder, "log"), "--trust", os.path.join(self.folder, "policy"), "--json"]
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            code = command.main(arguments + list(more))
        return code, json.loads(printed.getvalue() or "null")

    def write(self, path, content):
        full = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as file:
            file.write(content)

    def openssl(self, *arguments):
        done = subprocess.run(("openssl",) + arguments, cwd=self.folder, stdout=subprocess.PIPE, check=True)
        return done.stdout


class Events(unittest.TestCase):
    def test_members_are_closed_and_typed(self):
        self.assertEqual(events.parse_event(jcs.canonical(event(1)).encode())["v"], 1)
        wrong = [{"v": True}, {"v": 2}, {"more": 1}, {"action": "key.deleted"}, {"at": "2026-02-31T00:00:00.000Z"}]
        wrong += [{"nonce": "A" * 21 + "B"}, {"details": {"a": 1.5}}, {"actor": {"type": "system", "id": "x"}}]
        wrong += [{"node": "a\n"}, {"reason": "x" * 201}, {"targets": [1]}, {"targets": event(1)["targets"] * 2}]
        for change in wrong:
            with self.assertRaises(events.EventError, msg=str(change)):
                events.parse_event(jcs.canonical(dict(event(1), **change)).encode())

    def test_a_checked_signature_needs_the_right_key(self):
        self.assertFalse(note.verify_ed25519(b"\x01" + bytes(31), b"message", bytes(64)))

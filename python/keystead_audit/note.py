"""C2SP signed-note, tlog-checkpoint, and tlog-policy without witnesses; Ed25519 by the openssl binary."""

import base64
import binascii
import hashlib
import os
import re
import subprocess
import tempfile
from collections import namedtuple

Key = namedtuple("Key", "name id public")
Checkpoint = namedtuple("Checkpoint", "origin size root")

SIGNATURES_MAX = 64
NOTE_LENGTH_MAX = 512 * 1024
LOGS_MAX = 32
SIZE_MAX = 2**53 - 1
# RFC 8410: the DER header of an Ed25519 SubjectPublicKeyInfo.
SPKI_HEADER = bytes.fromhex("302a300506032b6570032100")


class NoteError(Exception):
    """A note, key, policy or checkpoint that must not be used."""


class OpensslMissing(Exception):
    """There is no openssl binary (version 3 or newer) that can check Ed25519 signatures."""


def open_note(note, keys):
    """(text, names of the keys that signed); unknown signatures are ignored, a failing known one raises NoteError."""
    text, lines = _split_note(note)
    names = []
    for line in lines:
        name, key_id, signature = _signature_line(line)
        for key in keys:
            if (key.name, key.id) != (name, key_id):
                continue
            if name in names:
                raise NoteError("the key %s has signed twice" % name)
            if len(signature) != 64 or not verify_ed25519(key.public, text.encode("utf-8"), signature):
                raise NoteError("the signature of %s does not verify" % name)
            names.append(name)
    if not names:
        raise NoteError("no trusted key has signed")
    return text, names


def parse_checkpoint(text):
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] != "":
        raise NoteError("a checkpoint has exactly three lines")
    origin, size, root = lines[:3]
    if not origin:
        raise NoteError("a checkpoint names its origin")
    _no_controls(origin)
    if not re.fullmatch("0|[1-9][0-9]{0,15}", size) or int(size) > SIZE_MAX:
        raise NoteError("the size of a checkpoint is a decimal number")
    decoded = decode_base64(root)
    if decoded is None or len(decoded) != 32:
        raise NoteError("the root of a checkpoint is 32 bytes of base64")
    return Checkpoint(origin, int(size), decoded)


def parse_key(text):
    """A verifier key `name+id+base64(type || key)`."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not _is_key_name(parts[0]):
        raise NoteError("a verifier key has the form name+id+key")
    name, id_text, encoded = parts
    typed = decode_base64(encoded)
    if typed is None or len(typed) != 33 or typed[0] != 1:
        raise NoteError("only Ed25519 verifier keys (type 1) are supported")
    key_id = hashlib.sha256(name.encode("utf-8") + b"\n" + typed).digest()[:4]
    if id_text != key_id.hex():
        raise NoteError("the id of the verifier key does not match it")
    return Key(name, key_id, typed[1:])


def parse_policy(text):
    """The keys of `log <vkey> [<url>]` lines (or bare keys); whatever asks for more raises NoteError."""
    keys = []
    for number, line in enumerate(text.split("\n"), 1):
        words = [word for word in re.split("[ \t]+", line) if word]
        if not words or words[0].startswith("#") or words == ["quorum", "none"]:
            continue
        if words[0] == "log" and len(words) in (2, 3):
            key = parse_key(words[1])
        elif len(words) == 1 and "+" in words[0]:
            key = parse_key(words[0])
        else:
            raise NoteError('line %d: not supported (only "log <key>" and "quorum none" are)' % number)
        if any(known.public == key.public for known in keys):
            raise NoteError("line %d: the same key twice" % number)
        keys.append(key)
    if not keys:
        raise NoteError("the trust policy names no log")
    if len(keys) > LOGS_MAX:
        raise NoteError("the trust policy names more than %d logs" % LOGS_MAX)
    return keys


def decode_base64(text):
    """The bytes of padded base64, or None unless it is the one text of those bytes."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if base64.b64encode(decoded).decode("ascii") == text else None


def verify_ed25519(public, message, signature):
    pem = base64.b64encode(SPKI_HEADER + public).decode("ascii")
    with tempfile.TemporaryDirectory(prefix="keystead-audit-") as folder:
        files = {
            "key.pem": ("-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n" % pem).encode("ascii"),
            "message": message,
            "signature": signature,
        }
        for name, content in files.items():
            with open(os.path.join(folder, name), "wb") as file:
                file.write(content)
        command = "openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in message -sigfile signature"
        try:
            done = subprocess.run(command.split(), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        except (FileNotFoundError, subprocess.TimeoutExpired) as error:
            raise OpensslMissing("the openssl binary cannot be run: %s" % error) from None
    if done.returncode == 0 and b"Signature Verified Successfully" in done.stdout:
        return True
    if b"Signature Verification Failure" in done.stdout:
        return False
    raise OpensslMissing("openssl (version 3 or newer is needed) said: %s" % done.stdout.decode("utf-8", "replace").strip()[:300])


def _split_note(note):
    if len(note) > NOTE_LENGTH_MAX:
        raise NoteError("the note is too long")
    blank = note.rfind("\n\n")
    if blank < 0:
        raise NoteError("a note has a blank line before its signatures")
    if not note.endswith("\n"):
        raise NoteError("a note ends in a newline")
    _no_controls(note.replace("\n", ""))
    lines = note[blank + 2 : -1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise NoteError("a note has at most %d signatures" % SIGNATURES_MAX)
    return note[: blank + 1], lines


def _signature_line(line):
    words = line.split(" ")
    if len(words) != 3 or words[0] != "\u2014" or not _is_key_name(words[1]):
        raise NoteError("a signature line has a dash, a key name and a signature")
    decoded = decode_base64(words[2])
    if decoded is None or len(decoded) <= 4:
        raise NoteError("a signature is base64 of key id and bytes")
    return words[1], decoded[:4], decoded[4:]


def _is_key_name(name):
    return name != "" and "+" not in name and not any(char.isspace() for char in name)


def _no_controls(text):
    if any(char < " " for char in text):
        raise NoteError("a note has no control characters")

"""Runs third-party vectors: Merkle proofs, the tessera log, RFC 8785."""

import base64
import json
import os

from . import jcs, merkle, note, verify

TESSERA_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"


def run(folder):
    """[(name, passed, total)] for every group of vectors in `folder`."""
    groups = (("merkle", _merkle), ("tessera-log", _tessera), ("jcs", _jcs))
    results = []
    for name, group in groups:
        outcomes = list(group(folder))
        results.append((name, sum(outcomes), len(outcomes)))
    return results


def _merkle(folder):
    for case in _lines(folder, "merkle-inclusion.jsonl"):
        proved = merkle.is_included(
            _bytes(case["leafHash"]), case["leafIdx"], case["treeSize"], _proof(case), _bytes(case["root"])
        )
        yield proved != case["wantErr"]
    for case in _lines(folder, "merkle-consistency.jsonl"):
        proved = merkle.is_consistent(
            case["size1"], case["size2"], _proof(case), _bytes(case["root1"]), _bytes(case["root2"])
        )
        yield proved != case["wantErr"]


def _tessera(folder):
    # Every checkpoint verifies, and its root is that of the entries.
    keys = [note.parse_key(TESSERA_KEY)]
    entries, problem = verify.read_bundle(_read(folder, "tessera-log/tile/entries/000.p/15"), 15)
    hashes = [merkle.leaf_hash(entry) for entry in entries]
    for name in ["checkpoint"] + ["checkpoint.%d" % size for size in range(16)]:
        try:
            text, _ = note.open_note(_read(folder, "tessera-log/" + name).decode("utf-8"), keys)
            checkpoint = note.parse_checkpoint(text)
        except note.NoteError:
            yield False
            continue
        yield problem is None and checkpoint.root == merkle.root_of(hashes, 0, checkpoint.size)


def _jcs(folder):
    for name in sorted(os.listdir(os.path.join(folder, "jcs", "input"))):
        value = jcs.parse(_read(folder, "jcs/input/" + name).decode("utf-8"))
        expected = bytes.fromhex(_read(folder, "jcs/outhex/" + name.replace(".json", ".txt")).decode("ascii"))
        yield jcs.canonical(value).encode("utf-8") == expected


def _lines(folder, path):
    return [json.loads(line) for line in _read(folder, path).decode("utf-8").splitlines() if line]


def _proof(case):
    return [_bytes(text) for text in case["proof"] or []]


def _bytes(text):
    return base64.b64decode(text)


def _read(folder, path):
    with open(os.path.join(folder, *path.split("/")), "rb") as file:
        return file.read()

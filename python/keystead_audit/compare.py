"""Whether two signed checkpoints can be of one log that only grew: RFC 9162 section 2.1.4."""

import base64

from . import merkle, note, verify


def compare(notes, trust, proof=None, folder=None):
    """The verdict on two checkpoint notes, as a dict; `proof` is a list of hashes, `folder` an export of the log."""
    first, second = (_open_trusted(text, trust) for text in notes)
    if first.origin != second.origin:
        raise verify.CannotVerify("they are of different logs: %s and %s" % (first.origin, second.origin))
    smaller, larger = (first, second) if first.size <= second.size else (second, first)
    verdict, detail = _judge(smaller, larger, proof, folder)
    sizes = [smaller.size, larger.size]
    return {"verdict": verdict, "detail": detail, "origin": larger.origin, "sizes": sizes}


def _judge(smaller, larger, proof, folder):
    if smaller.size == larger.size:
        if smaller.root == larger.root:
            return "consistent", "the same size and root"
        return "split view", "the same size %d, and two roots" % larger.size
    if smaller.size == 0:
        if smaller.root == merkle.EMPTY_ROOT:
            return "consistent", "every log begins empty"
        return "split view", "an empty log with a root of something"
    if folder is not None:
        return _judge_by_export(smaller, larger, folder)
    if proof is None:
        raise verify.CannotVerify("two different sizes need a proof or an export of the log")
    if merkle.is_consistent(smaller.size, larger.size, proof, smaller.root, larger.root):
        return "consistent", "shown by the proof"
    # A proof that does not hold may be a wrong one: only the entries can convict.
    return "not shown", "the proof does not lead from the smaller to the larger"


def _judge_by_export(smaller, larger, folder):
    hashes = _leaf_hashes(folder, larger.size)
    roots = merkle.root_of(hashes, 0, smaller.size), merkle.root_of(hashes)
    if roots[1] == larger.root:
        if roots[0] == smaller.root:
            return "consistent", "shown by the entries"
        root = base64.b64encode(roots[0]).decode("ascii")
        return "split view", "the first %d entries of the larger have the root %s" % (smaller.size, root)
    other = "the smaller checkpoint and not the larger" if roots[0] == smaller.root else "neither checkpoint"
    return "not shown", "the export is that of %s" % other


def _leaf_hashes(folder, size):
    there = _size_of(folder)
    if there < size:
        raise verify.CannotVerify("the export has %d entries, and %d are needed" % (there, size))
    hashes = []
    for index, width in verify.widths(there):
        if len(hashes) >= size:
            break
        path = verify.tile_path("entries", index, width)
        data = verify.read_file(folder, path, verify.BUNDLE_BYTES_MAX)
        entries, problem = verify.read_bundle(data or b"", width)
        if problem:
            raise verify.CannotVerify("%s of the export %s" % (path, problem))
        hashes.extend(map(merkle.leaf_hash, entries))
    return hashes[:size]


def _size_of(folder):
    # What the export says of itself; it decides only which files are read.
    data = verify.read_file(folder, "checkpoint", note.NOTE_LENGTH_MAX) or b""
    text = data.decode("utf-8", "replace")
    try:
        return note.parse_checkpoint(text[: text.rfind("\n\n") + 1]).size
    except note.NoteError as error:
        raise verify.CannotVerify("the export has no checkpoint: %s" % error) from None


def _open_trusted(text, trust):
    try:
        body, names = note.open_note(text, note.parse_policy(trust))
        checkpoint = note.parse_checkpoint(body)
        if checkpoint.origin not in names:
            raise note.NoteError("it says to be of %s, whose key has not signed it" % checkpoint.origin)
        return checkpoint
    except note.NoteError as error:
        raise verify.CannotVerify("a checkpoint or the trust policy is unusable: %s" % error) from None

"""RFC 9162 section 2.1, written from its recursive definitions."""

import hashlib

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(leaf):
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes, start=0, end=None):
    """MTH over the leaf hashes [start, end)."""
    end = len(hashes) if end is None else end
    if start == end:
        return EMPTY_ROOT
    if end - start == 1:
        return hashes[start]
    middle = start + _split(end - start)
    return node_hash(root_of(hashes, start, middle), root_of(hashes, middle, end))


def complete_parents(hashes):
    """The hashes one level up, complete pairs only."""
    return [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes) - 1, 2)]


def is_included(leaf, position, size, proof, root):
    """Whether `proof` leads from the leaf hash at `position` to `root` over `size` leaves."""
    if not 0 <= position < size or not _are_hashes([leaf, root] + proof):
        return False
    try:
        return _climb(leaf, position, size, proof) == root
    except ValueError:
        return False


def is_consistent(old_size, new_size, proof, old_root, new_root):
    """Whether `proof` shows the old tree to be a prefix of the new one. An empty old tree proves nothing: False."""
    if not 1 <= old_size <= new_size:
        return False
    if old_size == new_size:
        return not proof and old_root == new_root
    if not _are_hashes([old_root, new_root] + proof):
        return False
    try:
        return _retrace(old_size, new_size, proof, old_root) == (old_root, new_root)
    except ValueError:
        return False


def _climb(leaf, position, size, proof):
    # The inverse of PATH(m, D[n]): the last hash of the proof is the sibling right below the root.
    if size == 1:
        if proof:
            raise ValueError("proof too long")
        return leaf
    if not proof:
        raise ValueError("proof too short")
    split = _split(size)
    if position < split:
        return node_hash(_climb(leaf, position, split, proof[:-1]), proof[-1])
    return node_hash(proof[-1], _climb(leaf, position - split, size - split, proof[:-1]))


def _retrace(old, new, proof, known_root):
    # The inverse of SUBPROOF(m, D[n], b); known_root is the old root while b is true, None after.
    if old == new:
        if known_root is not None and not proof:
            return known_root, known_root
        if known_root is None and len(proof) == 1:
            return proof[0], proof[0]
        raise ValueError("proof of a wrong length")
    if not proof:
        raise ValueError("proof too short")
    split = _split(new)
    if old <= split:
        before, after = _retrace(old, split, proof[:-1], known_root)
        return before, node_hash(after, proof[-1])
    before, after = _retrace(old - split, new - split, proof[:-1], None)
    return node_hash(proof[-1], before), node_hash(proof[-1], after)


def _split(size):
    return 1 << ((size - 1).bit_length() - 1)


def _are_hashes(values):
    return all(len(value) == HASH_BYTES for value in values)

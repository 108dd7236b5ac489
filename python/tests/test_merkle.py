import unittest

from keystead_audit import merkle

LEAVES = [merkle.leaf_hash(b"leaf %d" % at) for at in range(20)]


def path(position, hashes):
    """RFC 9162 section 2.1.3.1."""
    if len(hashes) == 1:
        return []
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    if position < split:
        return path(position, hashes[:split]) + [merkle.root_of(hashes[split:])]
    return path(position - split, hashes[split:]) + [merkle.root_of(hashes[:split])]


def subproof(old, hashes, known):
    """RFC 9162 section 2.1.4.1."""
    if old == len(hashes):
        return [] if known else [merkle.root_of(hashes)]
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    if old <= split:
        return subproof(old, hashes[:split], known) + [merkle.root_of(hashes[split:])]
    return subproof(old - split, hashes[split:], False) + [merkle.root_of(hashes[:split])]


class Proofs(unittest.TestCase):
    def test_every_inclusion_proof_holds_for_its_own_leaf_only(self):
        for size in range(1, 21):
            root = merkle.root_of(LEAVES, 0, size)
            for position in range(size):
                proof = path(position, LEAVES[:size])
                self.assertTrue(merkle.is_included(LEAVES[position], position, size, proof, root))
                self.assertFalse(merkle.is_included(LEAVES[position], position + 1, size, proof, root))
                self.assertFalse(merkle.is_included(LEAVES[position - 1], position, size, proof, root) and size > 1)
                self.assertFalse(merkle.is_included(LEAVES[position], position, size, proof + [root], root))

    def test_every_consistency_proof_holds_for_its_own_roots_only(self):
        for new in range(1, 21):
            new_root = merkle.root_of(LEAVES, 0, new)
            for old in range(1, new + 1):
                old_root = merkle.root_of(LEAVES, 0, old)
                proof = subproof(old, LEAVES[:new], True)
                self.assertTrue(merkle.is_consistent(old, new, proof, old_root, new_root))
                self.assertFalse(merkle.is_consistent(old, new, proof, merkle.EMPTY_ROOT, new_root))
                self.assertFalse(merkle.is_consistent(old, new, proof, old_root, merkle.EMPTY_ROOT))
                self.assertFalse(merkle.is_consistent(old, new, proof + [new_root], old_root, new_root))

    def test_an_empty_old_tree_proves_nothing(self):
        self.assertFalse(merkle.is_consistent(0, 1, [], merkle.EMPTY_ROOT, LEAVES[0]))

import unittest

from keystead_audit import note

KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
# The checkpoint of size 15 of the tessera test log, which KEY has signed.
SIGNED = (
    "example.com/log/testdata\n15\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n\n"
    "\u2014 example.com/log/testdata M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvjf1zfcBOhg+CKubMt53MvIt/uEWP6zdkdIQzd/fmwlM/dlPWF74ewI=\n"
)
STRANGER = "\u2014 stranger AAAAAAAA\n"


class Notes(unittest.TestCase):
    def test_a_signed_checkpoint_opens_and_unknown_signatures_are_ignored(self):
        keys = [note.parse_key(KEY)]
        for text in (SIGNED, SIGNED + STRANGER):
            body, names = note.open_note(text, keys)
            self.assertEqual(names, ["example.com/log/testdata"])
            self.assertEqual(note.parse_checkpoint(body).size, 15)

    def test_a_changed_text_or_a_second_signature_is_refused(self):
        line = SIGNED[SIGNED.index("\u2014") :]
        for text in (SIGNED.replace("\n15\n", "\n14\n"), SIGNED + line, SIGNED.replace("M9e0luh4", "M9e0luh5")):
            with self.assertRaises(note.NoteError):
                note.open_note(text, [note.parse_key(KEY)])

    def test_any_other_form_is_refused(self):
        wrong = ["", "text\n", SIGNED[:-1], SIGNED + "\n", SIGNED.replace("\u2014", "-"), SIGNED.replace("=\n", "\n")]
        wrong += [SIGNED.replace("15", "1\t5"), SIGNED + STRANGER * 64, "x" * 600000 + SIGNED]
        for text in wrong:
            with self.assertRaises(note.NoteError, msg=text[:40]):
                note.open_note(text, [note.parse_key(KEY)])
        for text in ("o\n01\n\n", "o\n1\nAAAA\n", "\n1\n%s\n" % ("A" * 43 + "="), "o\n1\n%s\nmore\n" % ("A" * 43 + "=")):
            with self.assertRaises(note.NoteError):
                note.parse_checkpoint(text)

    def test_policies_that_ask_for_more_than_log_signatures_are_refused(self):
        self.assertEqual(len(note.parse_policy("# trust\n\nlog %s https://log.example\nquorum none\n" % KEY)), 1)
        self.assertEqual(note.parse_policy(KEY), [note.parse_key(KEY)])
        for text in ("", "log %s\nwitness w %s\n" % (KEY, KEY), "log %s\nquorum w\n" % KEY, "%s\n%s\n" % (KEY, KEY)):
            with self.assertRaises(note.NoteError):
                note.parse_policy(text)
        with self.assertRaises(note.NoteError):
            note.parse_policy(KEY.replace("33d7b496", "33d7b497"))

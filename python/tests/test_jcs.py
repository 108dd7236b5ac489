import random
import struct
import unittest

from keystead_audit import jcs


class Numbers(unittest.TestCase):
    def test_rfc_8785_appendix_b(self):
        cases = {
            "0000000000000000": "0",
            "8000000000000000": "0",
            "0000000000000001": "5e-324",
            "7fefffffffffffff": "1.7976931348623157e+308",
            "4340000000000000": "9007199254740992",
            "4430000000000000": "295147905179352830000",
            "44b52d02c7e14af5": "9.999999999999997e+22",
            "44b52d02c7e14af6": "1e+23",
            "444b1ae4d6e2ef4e": "999999999999999700000",
            "444b1ae4d6e2ef50": "1e+21",
            "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
            "3eb0c6f7a0b5ed8d": "0.000001",
            "41b3de4355555557": "333333333.33333343",
            "becbf647612f3696": "-0.0000033333333333333333",
        }
        for bits, text in cases.items():
            self.assertEqual(jcs.es6_number(struct.unpack(">d", bytes.fromhex(bits))[0]), text)

    def test_every_number_comes_back_as_the_same_double(self):
        chance = random.Random(8785)
        for _ in range(5000):
            number = struct.unpack(">d", chance.getrandbits(64).to_bytes(8, "big"))[0]
            if number == number and abs(number) != float("inf"):
                self.assertEqual(float(jcs.es6_number(number)), number)

    def test_integers_are_written_as_they_are(self):
        for number in (0, 1, -1, 10, 2**53 - 1, 1 - 2**53):
            self.assertEqual(jcs.es6_number(number), str(number))


class Text(unittest.TestCase):
    def test_members_are_sorted_by_utf16_code_units(self):
        self.assertEqual(jcs.canonical({"\ufb33": 1, "\U0001f602": 2, "a": 3}), '{"a":3,"\U0001f602":2,"\ufb33":1}')

    def test_only_canonical_text_is_accepted(self):
        self.assertEqual(jcs.parse_canonical('{"a":[1,null,true,"\\n"]}'), {"a": [1, None, True, "\n"]})
        wrong = ['{"a":1,"a":1}', '{"b":1,"a":1}', "{ }", "1.0", "NaN", "-0", '"\\ud800"', "", "[" * 100000, "1e999"]
        for text in wrong + ["[" * 65 + "]" * 65, "9" * 400, '"\\u0041"', "\ufeff1"]:
            with self.assertRaises(jcs.NotCanonical, msg=text[:20]):
                jcs.parse_canonical(text)

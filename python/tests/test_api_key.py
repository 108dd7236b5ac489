import json
import pathlib
import unittest

from keystead_audit.api_key import parse_api_key

VECTORS = pathlib.Path(__file__).parents[2] / "packages" / "protocol" / "vectors" / "api-key.json"


class Vectors(unittest.TestCase):
    def setUp(self):
        self.vectors = json.loads(VECTORS.read_text("utf-8"))

    def test_every_valid_key_splits_into_its_parts(self):
        self.assertGreater(len(self.vectors["valid"]), 0)
        for case in self.vectors["valid"]:
            with self.subTest(case["name"]):
                self.assertEqual(parse_api_key(case["text"]), case["parts"])

    def test_every_invalid_text_is_no_key(self):
        self.assertGreater(len(self.vectors["invalid"]), 0)
        for case in self.vectors["invalid"]:
            with self.subTest(case["name"]):
                self.assertIsNone(parse_api_key(case["text"]))

    def test_what_is_no_text_is_no_key(self):
        for value in (None, 1, b"ks_key_live_", [], {}):
            self.assertIsNone(parse_api_key(value))


if __name__ == "__main__":
    unittest.main()

"""python3 -m keystead_audit verify|compare|vectors. Exit codes: 0 verified, 1 refuted, 2 could not run."""

import argparse
import json
import sys

from . import compare, note, vectors, verify

VERIFIED, REFUTED, COULD_NOT_RUN = 0, 1, 2


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="keystead_audit", description="Verifies exported Keystead audit logs offline.")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("verify", help="verify an exported log")
    one.add_argument("export", help="the folder with checkpoint and tile/")
    one.add_argument("--trust", required=True, help="trust policy file (C2SP tlog-policy), from a source of your own")
    one.add_argument("--since", help="an older checkpoint that you have kept")
    one.add_argument("--json", action="store_true", help="print the report as JSON")
    two = commands.add_parser("compare", help="compare two signed checkpoints: are they of one log?")
    two.add_argument("first", help="a checkpoint: yours")
    two.add_argument("second", help="another one: what somebody else was shown")
    two.add_argument("--trust", required=True, help="trust policy file, from a source of your own")
    shown = two.add_mutually_exclusive_group()
    shown.add_argument("--log", help="an export that reaches the larger of the two")
    shown.add_argument("--proof", help="instead: what `keystead audit proof consistency --json` said")
    two.add_argument("--json", action="store_true", help="print the verdict as JSON")
    other = commands.add_parser("vectors", help="run third-party test vectors")
    other.add_argument("folder")
    options = parser.parse_args(arguments)
    try:
        return {"vectors": _vectors, "verify": _verify, "compare": _compare}[options.command](options)
    except (verify.CannotVerify, note.OpensslMissing, OSError) as error:
        print("could not run: %s" % error, file=sys.stderr)
        return COULD_NOT_RUN


def _verify(options):
    since = _text(options.since, "older checkpoint") if options.since else None
    report = verify.verify_log(options.export, _text(options.trust, "trust policy"), since)
    print(json.dumps(report, indent=2) if options.json else verify.render(report))
    return VERIFIED if report["ok"] else REFUTED


def _compare(options):
    notes = [_text(options.first, "first checkpoint"), _text(options.second, "second checkpoint")]
    proof = _proof(_text(options.proof, "proof")) if options.proof else None
    result = compare.compare(notes, _text(options.trust, "trust policy"), proof, options.log)
    lines = ["log    " + result["origin"], "sizes  %d and %d" % tuple(result["sizes"]), "       " + result["detail"]]
    print(json.dumps(result, indent=2) if options.json else "\n".join(lines + [result["verdict"].upper()]))
    return VERIFIED if result["verdict"] == "consistent" else REFUTED


def _proof(text):
    try:
        hashes = [note.decode_base64(line) for line in json.loads(text)["proof"]]
    except (ValueError, KeyError, TypeError, note.NoteError):
        raise verify.CannotVerify("the file of the proof holds no proof") from None
    return hashes


def _vectors(options):
    results = vectors.run(options.folder)
    for name, passed, total in results:
        print("%s: %d of %d passed" % (name, passed, total))
    return VERIFIED if all(passed == total and total for _, passed, total in results) else REFUTED


def _text(path, what):
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read(1024 * 1024)
    except UnicodeDecodeError:
        raise verify.CannotVerify("the %s is not valid UTF-8" % what) from None


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""Tests of the part that needs no QGIS, with a stand-in for the program that is a Python script."""

import os
import stat
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from eoonnx_command import EoOnnxError, InferRequest, parse_event, run  # noqa: E402

PROGRESS = """print('{"event":"progress","stage":"mapping","fraction":%s}' % share, file=sys.stderr, flush=True)"""


class ArgumentsTest(unittest.TestCase):
    def test_only_what_is_given_is_said(self):
        self.assertEqual(
            InferRequest("a b.tif", "m.onnx", "o.tif", overwrite=False).arguments(), ["infer", "a b.tif", "--model", "m.onnx", "--out", "o.tif", "--json"]
        )

    def test_western_longitudes_are_no_options(self):
        arguments = InferRequest("s.tif", "m.onnx", "o.tif", extent=[-61.5, -3, -60, 2], extent_crs="EPSG:4326", bands="2,3").arguments()
        self.assertIn("--bbox=-61.5,-3.0,-60.0,2.0", arguments)
        self.assertIn("--bbox-crs=EPSG:4326", arguments)
        self.assertIn("--bands=2,3", arguments)
        self.assertEqual(arguments[-1], "--overwrite")

    def test_text_that_is_no_event_is_empty(self):
        self.assertEqual((parse_event("warning"), parse_event("[1]"), parse_event('{"event":"error"}')), ({}, {}, {"event": "error"}))


@unittest.skipIf(os.name != "posix", "the stand-in is a script with a shebang")
class RunTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.request = InferRequest("s.tif", "m.onnx", "o.tif")

    def program(self, body):
        path = os.path.join(self.folder.name, "eoonnx")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!{sys.executable}\nimport signal, sys, time\n{body}\n")
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
        return path

    def test_progress_and_report_arrive(self):
        seen = []
        body = "for share in (0.25, 1.0):\n    " + PROGRESS + "\nprint('{\"map\":\"o.tif\"}')"
        report = run(self.request, lambda stage, share: seen.append((stage, share)), lambda: False, self.program(body))
        self.assertEqual((report, seen), ({"map": "o.tif"}, [("mapping", 0.25), ("mapping", 1.0)]))

    def test_a_failure_keeps_the_words_of_the_program(self):
        body = """print('{"event":"error","message":"There is no model m.onnx."}', file=sys.stderr)\nsys.exit(1)"""
        with self.assertRaisesRegex(EoOnnxError, "There is no model m.onnx."):
            run(self.request, lambda stage, share: None, lambda: False, self.program(body))

    def test_cancelling_interrupts_the_program(self):
        body = "signal.signal(signal.SIGINT, lambda *_: sys.exit(130))\nshare = 0.1\n" + PROGRESS + "\ntime.sleep(30)\nsys.exit(3)"
        self.assertIsNone(run(self.request, lambda stage, share: None, lambda: True, self.program(body)))

    def test_much_output_does_not_block(self):
        body = "print('{\"map\":\"' + 'x' * 1000000 + '\"}')\nfor share in range(2000):\n    " + PROGRESS
        self.assertEqual(len(run(self.request, lambda stage, share: None, lambda: False, self.program(body))["map"]), 1000000)


if __name__ == "__main__":
    unittest.main()

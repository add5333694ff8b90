# SPDX-License-Identifier: Apache-2.0
"""Tests of the algorithm with stand-ins for the few classes of QGIS that it uses."""

import os
import sys
import types
import unittest
from unittest import mock

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


class QgsProcessingException(Exception):
    pass


class QgsProcessingAlgorithm:
    """Keeps parameters as QGIS does and gives back what a user chose."""

    def __init__(self):
        self.parameters = []

    def addParameter(self, parameter):
        self.parameters.append(parameter)

    def parameterAsRasterLayer(self, values, name, context):
        return values[name]

    def parameterAsExtent(self, values, name, context, crs):
        return values[name]

    def parameterAsFile(self, values, name, context):
        return values.get(name) or ""

    parameterAsString = parameterAsOutputLayer = parameterAsFile

    def parameterAsEnum(self, values, name, context):
        return values.get(name, 0)


def parameter(name, *arguments, **named):
    return name


def load():
    """The module with the stand-ins in place of QGIS."""
    core = types.ModuleType("qgis.core")
    core.QgsProcessingAlgorithm, core.QgsProcessingException = QgsProcessingAlgorithm, QgsProcessingException
    for name in ("Enum", "Extent", "File", "RasterDestination", "RasterLayer", "String"):
        setattr(core, "QgsProcessingParameter" + name, parameter)
    qgis = types.ModuleType("qgis")
    qgis.core = core
    with mock.patch.dict(sys.modules, {"qgis": qgis, "qgis.core": core}):
        sys.modules.pop("eoonnx_algorithm", None)
        import eoonnx_algorithm

        return eoonnx_algorithm


class AlgorithmTest(unittest.TestCase):
    def setUp(self):
        self.module = load()
        self.algorithm = self.module.MapSceneAlgorithm()
        self.feedback = mock.Mock()
        self.feedback.isCanceled.return_value = False
        layer = mock.Mock()
        layer.source.return_value = "scene.tif"
        box = mock.Mock()
        box.xMinimum.return_value, box.yMinimum.return_value, box.xMaximum.return_value, box.yMaximum.return_value = -5.5, 1.0, 7.0, 8.0
        self.values = {"SCENE": layer, "MODEL": "model.onnx", "MAP": "map.tif", "EXTENT": box, "BANDS": "2,3", "OVERLAP": "25%", "CONTENT": 2}

    def run_with(self, report):
        with mock.patch.object(self.module, "run", return_value=report) as run:
            return self.algorithm.processAlgorithm(self.values, None, self.feedback), run.call_args.args[0]

    def test_every_parameter_of_the_dialog_reaches_the_command_line(self):
        self.algorithm.initAlgorithm()
        self.assertEqual(set(self.algorithm.parameters), set(self.values) | {"ADAPTER"})
        result, request = self.run_with({"warnings": ["dark"]})
        self.assertEqual(result, {"MAP": "map.tif"})
        self.assertEqual(
            request.arguments(),
            ["infer", "scene.tif", "--model", "model.onnx", "--out", "map.tif", "--json", "--overlap=25%", "--bands=2,3", "--bbox=-5.5,1.0,7.0,8.0", "--out-type=prob", "--style", "--overwrite"],
        )
        self.feedback.pushWarning.assert_called_once_with("dark")

    def test_a_cancelled_run_gives_no_layer(self):
        result, _ = self.run_with(None)
        self.assertEqual(result, {})

    def test_what_the_program_says_is_shown_by_qgis(self):
        with mock.patch.object(self.module, "run", side_effect=self.module.EoOnnxError("no model")):
            with self.assertRaisesRegex(QgsProcessingException, "no model"):
                self.algorithm.processAlgorithm(self.values, None, self.feedback)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""A script of the QGIS Processing toolbox: map a scene with an EoOnnx model."""

import os
import sys

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFile,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from eoonnx_command import EoOnnxError, InferRequest, run  # noqa: E402


class MapSceneAlgorithm(QgsProcessingAlgorithm):
    """Streams a raster layer through a model and loads the map with its classes and colours."""

    SCENE, MODEL, ADAPTER, EXTENT, BANDS, OVERLAP, CONTENT, MAP = "SCENE", "MODEL", "ADAPTER", "EXTENT", "BANDS", "OVERLAP", "CONTENT", "MAP"
    CONTENTS = ["", "class", "prob", "value"]

    def createInstance(self):
        return MapSceneAlgorithm()

    def name(self):
        return "eoonnx_map_scene"

    def displayName(self):
        return "Map a scene"

    def group(self):
        return "EoOnnx"

    def groupId(self):
        return "eoonnx"

    def shortHelpString(self):
        return "Streams a scene of any size through a model and writes a cloud-optimised GeoTIFF. A cancelled run continues when it is started again."

    def initAlgorithm(self, config=None):
        self.addParameter(QgsProcessingParameterRasterLayer(self.SCENE, "Scene"))
        self.addParameter(QgsProcessingParameterFile(self.MODEL, "Model", extension="onnx"))
        self.addParameter(QgsProcessingParameterFile(self.ADAPTER, "Adapter", optional=True))
        self.addParameter(QgsProcessingParameterExtent(self.EXTENT, "Only this part", optional=True))
        self.addParameter(QgsProcessingParameterString(self.BANDS, "Bands in the model's order (empty: by name)", optional=True))
        self.addParameter(QgsProcessingParameterString(self.OVERLAP, "Overlap of tiles, in pixels or as 25%", optional=True))
        self.addParameter(QgsProcessingParameterEnum(self.CONTENT, "Map", options=["As the model says", "Classes", "Probabilities", "Values"], defaultValue=0))
        self.addParameter(QgsProcessingParameterRasterDestination(self.MAP, "Map"))

    def processAlgorithm(self, parameters, context, feedback):
        scene = self.parameterAsRasterLayer(parameters, self.SCENE, context)
        extent = None
        if parameters.get(self.EXTENT):
            box = self.parameterAsExtent(parameters, self.EXTENT, context, scene.crs())
            extent = [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()]
        request = InferRequest(
            scene=scene.source(),
            model=self.parameterAsFile(parameters, self.MODEL, context),
            map=self.parameterAsOutputLayer(parameters, self.MAP, context),
            adapter=self.parameterAsFile(parameters, self.ADAPTER, context),
            extent=extent,
            bands=self.parameterAsString(parameters, self.BANDS, context),
            overlap=self.parameterAsString(parameters, self.OVERLAP, context),
            content=self.CONTENTS[self.parameterAsEnum(parameters, self.CONTENT, context)],
            style=True,
        )
        feedback.pushCommandInfo("eoonnx " + " ".join(request.arguments()))
        try:
            report = run(request, lambda stage, share: self.show(feedback, stage, share), feedback.isCanceled)
        except EoOnnxError as error:
            raise QgsProcessingException(str(error)) from error
        for warning in (report or {}).get("warnings", []):
            feedback.pushWarning(warning)
        return {self.MAP: request.map} if report else {}

    @staticmethod
    def show(feedback, stage, share):
        feedback.setProgressText(stage)
        feedback.setProgress(100 * share)

# SPDX-License-Identifier: Apache-2.0
"""Runs ``eoonnx infer`` from Python: the command line, its progress events, cancellation. Needs no QGIS."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from typing import Callable, List, Optional


class EoOnnxError(Exception):
    """The program said what went wrong."""


@dataclass(frozen=True)
class InferRequest:
    """What to map and how. Empty means: the model decides."""

    scene: str
    model: str
    map: str
    adapter: str = ""
    overlap: str = ""
    bands: str = ""
    window: str = ""
    extent: Optional[List[float]] = None  # west, south, east, north
    extent_crs: str = ""
    content: str = ""
    confidence: str = ""
    device: str = ""
    overwrite: bool = True
    style: bool = False  # a style beside the map, which QGIS takes when it loads the map
    extra: List[str] = field(default_factory=list)

    def arguments(self) -> List[str]:
        """The arguments of the program; nothing passes through a shell."""
        arguments = ["infer", self.scene, "--model", self.model, "--out", self.map, "--json"]
        named = {
            "--adapter": self.adapter,
            "--overlap": self.overlap,
            "--bands": self.bands,
            "--window": self.window,
            "--bbox": ",".join(repr(float(edge)) for edge in self.extent) if self.extent else "",
            "--bbox-crs": self.extent_crs if self.extent else "",
            "--out-type": self.content,
            "--confidence": self.confidence,
            "--device": self.device,
        }
        for name, value in named.items():
            if value:
                # One word: a value that begins with a minus, as western longitudes do, is no option then.
                arguments.append(f"{name}={value}")
        if self.style:
            arguments.append("--style")
        if self.overwrite:
            arguments.append("--overwrite")
        return arguments + list(self.extra)


def find_program() -> str:
    """The program: the environment variable EOONNX, else eoonnx on the PATH."""
    program = os.environ.get("EOONNX") or shutil.which("eoonnx")
    if not program or not os.path.exists(program):
        raise EoOnnxError("eoonnx was not found. Set the environment variable EOONNX to the path of the program.")
    return program


def run(request: InferRequest, on_progress: Callable[[str, float], None], is_cancelled: Callable[[], bool], program: str = "") -> Optional[dict]:
    """Maps a scene and returns its report; None when it was cancelled.

    on_progress gets the stage and the share that is done, 0 to 1. is_cancelled is asked at every event (about twice a second).
    Raises EoOnnxError with the program's own words when the work failed.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        process = subprocess.Popen(
            [program or find_program(), *request.arguments()], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace"
        )
        message, stopping = "", False
        with process:
            for line in process.stderr:
                event = parse_event(line)
                if event.get("event") == "progress":
                    on_progress(event.get("stage", ""), float(event.get("fraction") or 0))
                elif event.get("event") == "error":
                    message = event.get("message", "")
                elif not event:
                    message = (message + "\n" + line.rstrip()).strip()
                if not stopping and is_cancelled():
                    stopping = True
                    process.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
        if process.returncode == 130 or (stopping and process.returncode != 0):
            return None
        if process.returncode != 0:
            raise EoOnnxError(message or f"eoonnx ended with exit code {process.returncode}.")
        output.seek(0)
        return json.load(output)


def parse_event(line: str) -> dict:
    """One event of standard error; an empty one for other text."""
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}

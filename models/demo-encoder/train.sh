#!/usr/bin/env bash
# Makes models/demo-encoder/demo-encoder.onnx again, with this project's own program: a tiny DOFA from random weights learns
# the land cover (before any fire) of invented scenes. Scenes of the demo itself (seeds 2 and 3) are not among them.
# About a minute on 2 cores. Same machine, same number of threads: same bytes.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
eoonnx=${EOONNX:-$here/../../eoonnx}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$eoonnx" synthesize --out land --seeds 101,102,103,104,105,106 --size 512 --labels land-cover
# Means and deviations: rounded from "eoonnx stats --data land".
"$eoonnx" export dofa --random --size tiny --seed 1 --tile 64 --layers 3 --licence Apache-2.0 \
    --bands BLUE,GREEN,RED,NIR_NARROW,SWIR_1,SWIR_2 \
    --means 1290,1490,1550,2850,2420,1630 --deviations 1660,1630,1670,1540,1120,880 --out random.onnx
"$eoonnx" train-adapter --model random.onnx --data land --hold-out scene_106 --method full \
    --classes forest,green,dry,bare,rock,water,cloud,shadow --lr 0.001 --batch 16 --epochs 25 --seed 1 --out pretraining
"$eoonnx" merge pretraining/model.onnx --adapter pretraining/adapter.safetensors --encoder-of random.onnx --name demo-encoder --out "$here/demo-encoder.onnx"

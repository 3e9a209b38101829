"""Runs an exported model in ONNX Runtime on CIFAR-10 test images and fails unless its
accuracy is within 0.2 points of what `galen eval --json` printed and its convolutions
are integer ones."""
import json
import sys
import tempfile

import numpy as np
import onnxruntime

model, records, evaluation = sys.argv[1:]
raw = np.fromfile(records, np.uint8).reshape(-1, 3073)
mean = np.array([0.485, 0.456, 0.406], np.float32).reshape(3, 1, 1)
std = np.array([0.229, 0.224, 0.225], np.float32).reshape(3, 1, 1)
images = (raw[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32) / 255 - mean) / std

options = onnxruntime.SessionOptions()
options.log_severity_level = 3
optimized = tempfile.NamedTemporaryFile(suffix=".onnx")
options.optimized_model_filepath = optimized.name
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
logits = np.concatenate([session.run(None, {name: images[i : i + 250]})[0] for i in range(0, len(images), 250)])
accuracy = float(np.mean(logits.argmax(1) == raw[:, 0]))
expected = json.load(open(evaluation))["top1"]
integer = open(optimized.name, "rb").read().count(b"QLinearConv")
print(f"ONNX Runtime {accuracy:.4f}, galen {expected:.4f}, {integer} mentions of QLinearConv in the optimized model")
if integer == 0:
    sys.exit("no convolution is an integer one")
if abs(accuracy - expected) > 0.002:
    sys.exit("the accuracies differ by more than 0.2 points")

#!/usr/bin/env python3
"""Turns an exported detector into one that computes in eight bits: quantise.py FILE.onnx PICTURES.npy OUT.onnx.

ONNX Runtime's own static quantisation. PICTURES.npy is what `train.py` writes beside its file, [n, 2, height, width] floats
as the gateway gives them; from them it learns what range each layer's values have. Wants onnx and onnxruntime, not PyTorch."""

import argparse

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static


class Calibration(CalibrationDataReader):
    """The pictures, one at a time."""

    def __init__(self, name, pictures):
        self.inputs = iter([{name: picture[None]} for picture in pictures])

    def get_next(self):
        return next(self.inputs, None)


def kept(graph):
    """Names of the nodes that go on computing with floats: what reads the picture, whose two channels take longer in eight
    bits than in 32, and the last layers, which give sides and classes side by side. Without them boxes and scores came out
    nearly twice as far from those in floats (figures in models/README.md)."""
    picture, after, names = graph.input[0].name, set(), []
    followed = {name for node in graph.node if node.op_type == "Relu" for name in node.input}
    for node in graph.node:
        last = node.op_type == "Conv" and node.output[0] not in followed
        if last or after.intersection(node.input):
            after.update(node.output)
            names.append(node.name)
        elif picture in node.input:
            names.append(node.name)
    return names


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("pictures")
    parser.add_argument("out")
    args = parser.parse_args()
    model = onnx.shape_inference.infer_shapes(onnx.load(args.model))
    quantize_static(
        model,
        args.out,
        Calibration(model.graph.input[0].name, np.load(args.pictures)),
        quant_format=QuantFormat.QDQ,
        # Weights in seven bits: on CPUs without VNNI a sum of two products of eight bits does not fit where it is added.
        reduce_range=True,
        per_channel=True,
        weight_type=QuantType.QInt8,
        activation_type=QuantType.QUInt8,
        calibrate_method=CalibrationMethod.MinMax,
        nodes_to_exclude=kept(model.graph),
        extra_options={"WeightSymmetric": True},
    )


if __name__ == "__main__":
    main()

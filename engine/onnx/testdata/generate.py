"""Exports the small networks with random weights that exporters_test.go compares with their frameworks.

    generate.py keras|torch FOLDER

writes NAME.onnx and prints what the framework computes. Scalar i of the input, channels first, is
(7919*i mod 1000)/500 - 1. Made with Keras 3.15.1, TensorFlow 2.21.0, tf2onnx 1.17.0; PyTorch 2.15.0,
torchvision 0.29.2, onnxscript 0.7.2.
"""

import sys

import numpy as np


def image(channels, height, width):
    i = np.arange(channels * height * width, dtype=np.int64)
    return (i * 7919 % 1000 / 500 - 1).astype(np.float32).reshape(1, channels, height, width)


def report(name, output):
    numbers = ", ".join(f"{v:.7g}" for v in np.ravel(output))
    print(f'"{name}": {{{numbers}}},')


def with_keras(folder):
    import keras
    import tensorflow as tf
    import tf2onnx
    from keras import layers

    keras.utils.set_random_seed(1)

    def sequential():
        return keras.Sequential([
            layers.Input((16, 16, 3)),
            layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(),
            layers.Conv2D(8, 3, padding="same", strides=2), layers.LeakyReLU(), layers.BatchNormalization(),
            layers.Flatten(), layers.Dropout(0.5), layers.Dense(16, activation="tanh"), layers.Dense(5, activation="softmax"),
        ])

    # What Keras' MobileNetV3 and EfficientNet have: scaling of the image, asymmetric padding, gates, hard swish.
    def mobile():
        def hard_sigmoid(x):
            return layers.Rescaling(1 / 6)(layers.ReLU(6.0)(layers.Rescaling(1.0, offset=3.0)(x)))

        x = inputs = layers.Input((17, 16, 3))
        x = layers.Rescaling(0.5, offset=0.25)(x)
        x = layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[0.5, 1.0, 2.0])(x)
        x = layers.BatchNormalization()(layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x))
        x = y = layers.Multiply()([x, hard_sigmoid(x)])
        y = layers.ZeroPadding2D(((0, 1), (1, 2)))(y)
        y = layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="valid")(y))
        y = layers.Multiply()([y, hard_sigmoid(y)])
        g = layers.GlobalAveragePooling2D(keepdims=True)(y)
        g = layers.Conv2D(4, 1, activation="relu")(g)
        g = hard_sigmoid(layers.Conv2D(8, 1)(g))
        y = layers.Multiply()([y, g])
        y = layers.Cropping2D(((0, 0), (1, 0)))(layers.Conv2D(8, 1)(y))
        x = layers.Cropping2D(((0, 1), (0, 0)))(x)
        x = layers.Concatenate()([y, x])
        return keras.Model(inputs, layers.Dense(5)(layers.GlobalAveragePooling2D()(x)))

    random = np.random.default_rng(2)
    for name, model in {"sequential": sequential(), "mobile": mobile()}.items():
        for layer in model.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.set_weights([random.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
        height, width, channels = model.input_shape[1:]
        output = model(image(channels, height, width).transpose(0, 2, 3, 1), training=False).numpy()
        model.export(f"{folder}/keras_{name}.onnx", format="onnx", verbose=False)
        report(f"keras_{name}", output)
        signature = [tf.TensorSpec((None, height, width, channels), tf.float32, name="image")]
        function = tf.function(lambda x: model(x, training=False), input_signature=signature)
        tf2onnx.convert.from_function(function, input_signature=signature, opset=18, output_path=f"{folder}/tf2onnx_{name}.onnx")
        report(f"tf2onnx_{name}", output)


def with_torch(folder):
    import onnx
    import torch
    from torch import nn
    from torchvision.models.regnet import BlockParams, RegNet

    torch.manual_seed(1)

    class Pool(nn.Module):
        def forward(self, x):
            return torch.flatten(nn.functional.adaptive_avg_pool2d(x, (2, 2)), 1)

    def block(inputs, outputs, pool):
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.PReLU(outputs), pool)

    nets = {
        "regnet": RegNet(BlockParams([1, 1], [8, 16], [8, 8], [1.0, 1.0], [2, 2], se_ratio=0.25), num_classes=5),
        "vgg": nn.Sequential(block(3, 8, nn.MaxPool2d(3, 2, ceil_mode=True)), block(8, 12, nn.AvgPool2d(2)), Pool(), nn.Linear(48, 5), nn.LogSoftmax(1)),
    }
    for name, net in nets.items():
        for m in net.modules():
            if isinstance(m, nn.BatchNorm2d):
                for p in (m.weight, m.bias, m.running_mean, m.running_var):
                    nn.init.uniform_(p, 0.5, 1.5)
        net.eval()
        x = torch.from_numpy(image(3, 32, 32))
        with torch.no_grad():
            output = net(x).numpy()
        torch.onnx.export(net, (x,), f"{folder}/torchscript_{name}.onnx", dynamo=False, opset_version=13,
                          input_names=["image"], dynamic_axes={"image": {0: "n"}})
        report(f"torchscript_{name}", output)
        torch.onnx.export(net, (x,), f"{folder}/dynamo_{name}.onnx", dynamo=True, opset_version=20, external_data=False,
                          dynamic_shapes=({0: torch.export.Dim("n", min=1, max=64)},))
        model = onnx.load(f"{folder}/dynamo_{name}.onnx")
        for node in model.graph.node:
            del node.metadata_props[:]  # stack traces with local paths
        onnx.save(model, f"{folder}/dynamo_{name}.onnx")
        report(f"dynamo_{name}", output)


{"keras": with_keras, "torch": with_torch}[sys.argv[1]](sys.argv[2])

"""A generator's file for a runtime without TensorFlow, which is compared with TensorFlow before it is there.

One file a runtime: `onnx.py`, `litert.py`, `openvino.py`, and `keras.py` for Keras's other backends. What they share:
`graph.py`, the map that is exported; `facts.py`, what the file tells of it; `check.py`, the comparison.
"""

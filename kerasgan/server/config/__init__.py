"""What the server is told: options, TLS, batching, monitoring, lists of models, in TensorFlow Serving's formats."""

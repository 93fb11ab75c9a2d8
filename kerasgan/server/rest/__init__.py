"""REST: TensorFlow Serving's addresses and JSON, and the page."""

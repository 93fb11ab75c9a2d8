"""gRPC: TensorFlow Serving's services, health, reflection, and the threads that answer."""

"""The sources' experiments, each one command: `kerasgan study NAME` leaves a picture and a JSON result."""

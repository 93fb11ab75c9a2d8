"""Computing an answer: sessions, batches, limits, and the requests Predict, Classify and Regress."""

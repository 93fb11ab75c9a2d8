"""The zoo: presets by name, folder or address, fetched whole and checked, published and verified.

Nothing here imports TensorFlow but `publish` and `verify`.
"""

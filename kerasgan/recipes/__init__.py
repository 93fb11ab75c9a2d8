"""Recipes: YAML files of a training, checked against the signatures of what they name."""

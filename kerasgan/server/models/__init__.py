"""Which models and versions are loaded, found, watched, warmed up and let go."""

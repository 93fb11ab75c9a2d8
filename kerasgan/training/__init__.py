"""Training from a recipe: the run, its folder, what resumes it, and measuring what came out."""

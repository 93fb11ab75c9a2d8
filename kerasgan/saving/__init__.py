"""Reading and writing models: `.keras` files, presets, where these come from and what a stranger's file may say."""

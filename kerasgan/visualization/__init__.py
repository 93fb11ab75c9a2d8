"""Pictures: grids of images, figures of matplotlib, and how samples of each kind are shown."""

"""The GAN itself: training steps' verbs, sampling, saving what sampling needs, checks of what users give."""

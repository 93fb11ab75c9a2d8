"""Opening engines, batched or not as the options say."""

from kerasgan.server.config.batching_parameters import read_parameters
from kerasgan.server.errors import failed_precondition
from kerasgan.server.inference.batching import BatchedEngine, BatchScheduler
from kerasgan.server.inference.engine import Engine
from kerasgan.server.metrics import BatchingMetrics

PARAMETERS_FILE = "batching_params.pbtxt"


class Engines:
    """Opens engines, which share the threads that compute batches.

    Attributes:
        options: `ModelOptions`.
        metrics: `BatchingMetrics` of all of them.
    """

    def __init__(self, options):
        self.options = options
        self.metrics = BatchingMetrics()
        self._scheduler = None if options.batching is None else BatchScheduler(options.batching, self.metrics)

    def open(self, folder):
        """Load the SavedModel in `folder`.

        Args:
            folder: `pathlib.Path`.

        Returns:
            An `Engine`.

        Raises:
            ServingError: if it cannot be loaded.
        """
        parameters = self.options.batching
        if parameters is not None and self.options.batching_per_model:
            try:
                file = folder / PARAMETERS_FILE
                parameters = read_parameters(file) if file.exists() else None
            except (OSError, ValueError) as error:
                raise failed_precondition(str(error)) from error
        if parameters is None:
            return Engine(folder, self.options)
        return BatchedEngine(folder, self._scheduler, parameters, self.options)

    def hurry(self):
        """Compute what waits to become part of a larger batch at once."""
        if self._scheduler is not None:
            self._scheduler.hurry()

    def close(self):
        """End the threads. All engines must be closed."""
        if self._scheduler is not None:
            self._scheduler.close()

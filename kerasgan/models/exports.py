"""The ways in which a generator is written for other programs: methods of `Sampler`, one a format.

What writes a format is imported when it is asked for, as the packages of one need not be there for another.
"""

from kerasgan.utils import backend
from kerasgan.utils.annotations import Path


class Exports:
    """Write files of a generator; base of `Sampler`."""

    def export(self, filepath: Path, overwrite: bool = False) -> None:
        """Write a SavedModel for TensorFlow Serving; see `kerasgan.models.savedmodel.export`.

        Args:
            filepath: folder of the version to write, such as `models/garments/1`.
            overwrite: whether an existing version may be replaced.

        Example:
            >>> gan.export("models/garments/1")  # and then: kerasgan serve models
        """
        backend.check("export")
        from kerasgan.models import savedmodel

        savedmodel.export(self, filepath, overwrite=overwrite)

    def export_onnx(
        self,
        filepath: Path,
        overwrite: bool = False,
        float16: bool = False,
        batch: int | None = None,
        int8: bool = False,
        allowed_levels: int | None = None,
    ) -> int:
        """Write an ONNX file, compared with `sample` before it is there; see `kerasgan.models.runtimes.onnx.export`.

        Args:
            filepath: path ending in `.onnx`.
            overwrite: whether an older file may be replaced.
            float16: whether the weights are rounded to float16, for about half the size.
            batch: images of each call; `None` leaves their number free.
            int8: whether the weights are rounded to int8, for about a quarter of the size.
            allowed_levels: the largest difference that is no error; by default 1, 4 with `float16`, 32 with `int8`.

        Returns:
            The largest difference from `sample`'s images, a number of levels of 255: 0 or 1; with `float16`
            up to 4, with `int8` up to 32.
        """
        backend.check("export_onnx")
        from kerasgan.models.runtimes import onnx

        return onnx.export(
            self, filepath, overwrite=overwrite, float16=float16, batch=batch, int8=int8, allowed_levels=allowed_levels
        )

    def export_openvino(
        self,
        filepath: Path,
        overwrite: bool = False,
        float16: bool = False,
        batch: int | None = None,
        allowed_levels: int | None = None,
    ) -> int:
        """Write OpenVINO's files, compared with `sample` before they are there.

        See `kerasgan.models.runtimes.openvino.export`.

        Args:
            filepath: path ending in `.xml`; the weights lie beside it, in a file ending in `.bin`.
            overwrite: whether older files may be replaced.
            float16: whether the weights are rounded to float16, for about half the size.
            batch: images of each call; `None` leaves their number free.
            allowed_levels: the largest difference that is no error; by default 1, 4 with `float16`.

        Returns:
            The largest difference from `sample`'s images, a number of levels of 255: 0 or 1; with `float16`
            up to 4.
        """
        backend.check("export_openvino")
        from kerasgan.models.runtimes import openvino

        return openvino.export(
            self, filepath, overwrite=overwrite, float16=float16, batch=batch, allowed_levels=allowed_levels
        )

    def export_keras(self, filepath: Path, overwrite: bool = False) -> int:
        """Write a `.keras` file of the generator alone, for Keras with any backend.

        See `kerasgan.models.runtimes.keras.export`.

        Args:
            filepath: path ending in `.keras`.
            overwrite: whether an older file may be replaced.

        Returns:
            The largest difference from `sample`'s images, a number of levels of 255: 0 or 1.
        """
        backend.check("export_keras")
        from kerasgan.models.runtimes import keras as keras_runtime

        return keras_runtime.export(self, filepath, overwrite=overwrite)

    def export_litert(
        self,
        filepath: Path,
        overwrite: bool = False,
        float16: bool = False,
        batch: int | None = None,
        int8: bool = False,
        allowed_levels: int | None = None,
    ) -> int:
        """Write a LiteRT file, compared with `sample` before it is there; see `kerasgan.models.runtimes.litert.export`.

        Args:
            filepath: path ending in `.tflite`.
            overwrite: whether an older file may be replaced.
            float16: whether the weights are rounded to float16, for about half the size.
            batch: images of each call; `None` leaves their number free.
            int8: whether the weights are rounded to int8, for about a quarter of the size.
            allowed_levels: the largest difference that is no error; by default 1, 4 with `float16`, 32 with `int8`.

        Returns:
            The largest difference from `sample`'s images, a number of levels of 255: 0 or 1; with `float16`
            up to 4, with `int8` up to 32.
        """
        backend.check("export_litert")
        from kerasgan.models.runtimes import litert

        return litert.export(
            self, filepath, overwrite=overwrite, float16=float16, batch=batch, int8=int8, allowed_levels=allowed_levels
        )

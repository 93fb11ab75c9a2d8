"""`Sampler`: a generator with its prior, which samples, is saved and exported."""

import copy
import functools
import importlib
import pathlib
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Self

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import ops

from kerasgan import latents
from kerasgan.data import images as image_values
from kerasgan.data import text
from kerasgan.models import checks, finite, network_checks, other_backends, sample_checks
from kerasgan.models.exports import Exports
from kerasgan.models.unsupervised import Unsupervised
from kerasgan.utils import atomic_files, backend, classes, destinations, keyed_random, tensors, validation
from kerasgan.utils.annotations import Config, Labels, Path, Shape
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class Sampler(Unsupervised, Exports, keras.Model):
    """A generator that makes images from seeds, classes and truncation; `kerasgan.GAN` is one that can train.

    Converted weights come as one. Called, it maps latents (or the list of the generator's inputs) to images in
    [-1, 1].

    Args:
        generator: `keras.Model` from latents [N, D] to images [N, H, W, C] in [-1, 1]. A conditional one takes labels
            int32 [N] next, and one with statistics for several thresholds takes, last, an input named `truncation`,
            float32 [N].
        latent: prior of z, a `kerasgan.latents.Prior`; `Normal` of the generator's length by default.
        num_classes: number of classes of a conditional model, else `None`.
        class_names: list of the classes' names in the order of their labels, each once; `None` where they are not
            known.
        name: optional model name.

    Raises:
        ValueError: if generator, latent, num_classes and class_names do not fit together.
    """

    def __init__(
        self,
        generator: keras.Model,
        latent: latents.Prior | None = None,
        num_classes: int | None = None,
        class_names: Sequence[str] | None = None,
        name: str | None = None,
    ):
        super().__init__(name=name, dtype="float32")  # latents stay float32 under mixed precision
        if num_classes is not None:
            num_classes = validation.integer("num_classes", num_classes, 1)
        network_checks.generator_fits(generator, num_classes)
        latent_dim = generator.inputs[0].shape[-1]
        self.latent = latents.Normal(latent_dim) if latent is None else latent
        if not isinstance(self.latent, latents.Prior):
            raise ValueError(f"latent: expected a kerasgan.latents.Prior or None; got {str(latent)[:200]}")
        if self.latent.dim != latent_dim:
            raise ValueError(f"latent: expected dim {latent_dim}, as the generator takes; got {self.latent.dim}")
        self.generator = generator
        self.num_classes = num_classes
        self.class_names = class_names
        self._trained_against: str | None = None
        self._averaged = False
        self._statistics: str | None = None
        self._compiled_methods: Any = None  # a dict where something was sampled
        self._sampled_parts: tuple[Any, ...] | None = None
        self.built = True

    def sample(
        self,
        n: int,
        seed: int | Sequence[int] | np.ndarray = 0,
        labels: Labels | None = None,
        truncation: npt.ArrayLike | None = None,
        batch_size: int = 64,
    ) -> np.ndarray:
        """Generate images.

        Image i depends on its own seed, label and truncation alone: the same numbers give the same image, to one
        level of 255, in any batch, after a restart and from an exported model.

        Args:
            n: number of images.
            seed: integer, image i then has seed `seed + i`; or n integers, one an image.
            labels: for a conditional model, a class or n classes, one an image, each an integer in [0, num_classes) or
                a name of `class_names`; by default image i has label i modulo num_classes.
            truncation: `None`, a positive number, or n positive numbers: bound on |z|.
            batch_size: images generated at a time.

        Returns:
            uint8 NumPy array [n, H, W, C]; of a model whose data are no images, float32 [n, ...].

        Raises:
            ValueError: naming the argument that is wrong.

        Warns:
            kerasgan.models.finite.NotFiniteWarning: if the generator gives NaN or infinity, where a black image would
                show nothing.

        Example:
            >>> gan.sample(16, seed=7, truncation=0.7).shape
            (16, 32, 32, 1)
            >>> again = gan.sample(2, seed=[9, 22])  # the third and the last of the sixteen seeds
        """
        validation.integer("batch_size", batch_size, 1)
        seeds, bounds, labels = sample_checks.sampling(self, n, seed, labels, truncation)
        self.prepare_sampling()
        return self._in_batches("images_from_seeds", batch_size, seeds, bounds, labels)

    @classmethod
    def from_preset(cls, source: Path) -> Self:
        """Load a preset of this class: as `kerasgan.from_preset`, but another class is an error.

        Of `GAN` and of an objective, such as `SGAN`, the whole model comes, compiled, with critic and optimizers, so
        that `fit` goes on; of `Sampler` the generator alone.

        Args:
            source: as for `kerasgan.from_preset`.

        Raises:
            ValueError: also if the preset is of another class, or was published without critic and optimizers.

        Example:
            >>> gan = kerasgan.ACWGANGP.from_preset("ac_wgan_gp_fashion_mnist")
            >>> gan.fit(data, epochs=1)
        """
        return _presets().of_class(cls, source)

    def save_to_preset(self, preset_dir: Path, overwrite: bool = False) -> pathlib.Path:
        """Write the model as a preset, which `from_preset` loads: config, weights, checksums, no pickle.

        Of a compiled `GAN` critic and optimizers are written too. `kerasgan zoo publish` adds a card with pictures and
        numbers to what a run has trained.

        Args:
            preset_dir: the folder to write.
            overwrite: whether an earlier preset there may be replaced.

        Returns:
            The folder.

        Raises:
            FileExistsError: if it is there and `overwrite` is false, or holds something else than a preset.
            ValueError: if a weight is NaN or infinite.
            OSError: if it cannot be written.

        Example:
            >>> gan.save_to_preset("garments")
            >>> kerasgan.from_preset("garments").sample(4, seed=7).shape
            (4, 32, 32, 1)
        """
        return _presets().save_model(self, preset_dir, overwrite)

    def interpolate(
        self,
        seed: int,
        to_seed: int,
        n: int = 8,
        labels: Labels | None = None,
        truncation: npt.ArrayLike | None = None,
        batch_size: int = 64,
    ) -> np.ndarray:
        """Generate images that lead from one seed's to another's; each is a sample like any other.

        The first is `sample(1, seed)`, the last `sample(1, to_seed)` with the same label and truncation. A served model
        gives the same images, see `kerasgan.client.Client.interpolate`.

        Args:
            seed: integer, the first image's seed.
            to_seed: integer, the last one's.
            n: number of images, 2 or more, at equal distances.
            labels: for a conditional model, where it is needed, a class or n classes, as for `sample`.
            truncation: as for `sample`.
            batch_size: images generated at a time.

        Returns:
            uint8 NumPy array [n, H, W, C]; of a model whose data are no images, float32 [n, ...].

        Raises:
            ValueError: naming the argument that is wrong.

        Example:
            >>> sampler = kerasgan.from_preset("biggan_fashion_mnist")
            >>> sampler.interpolate(3, 4, n=16, labels="Bag").shape
            (16, 32, 32, 1)
        """
        validation.integer("n", n, 2)
        validation.integer("batch_size", batch_size, 1)
        if self.num_classes is not None and labels is None:
            known = "" if self.class_names is None else f": one of {classes.listed(self.class_names)}"
            raise ValueError(f"labels: expected a class, or {n} of them, as the model is conditional{known}; got None")
        labels = sample_checks.sample_labels(labels, n, self.num_classes, self.class_names)
        for name, end in {"seed": seed, "to_seed": to_seed}.items():
            validation.integer_within(name, end, np.int64)
        ends = [sample_checks.sample_seeds([end] * n, n) for end in (seed, to_seed)]
        bounds = sample_checks.bounds(truncation, n)
        positions = np.linspace(0.0, 1.0, n, dtype="float32")
        self.prepare_sampling()
        return self._in_batches("images_between", batch_size, *ends, positions, bounds, labels)

    def _in_batches(self, method, batch_size, *arrays):
        """Call a compiled method with rows of arrays, some of which may be `None`; returns an array of all rows."""
        batches = []
        for start in range(0, len(arrays[0]), batch_size):
            rows = [None if array is None else array[start : start + batch_size] for array in arrays]
            if not backend.is_tensorflow():
                batches.append(getattr(other_backends, method)(self, *rows))
                continue
            try:
                with finite.told():
                    images = self._compiled(method)(*rows)
            except FloatingPointError as error:
                warnings.warn(f"these samples mean nothing: {error}", finite.NotFiniteWarning, stacklevel=3)
                images = getattr(self, method)(*rows)
            batches.append(images.numpy())
        return np.concatenate(batches)

    def prepare_sampling(self) -> None:
        """Bring up to date what samples: nothing to do here; `kerasgan.GAN` has a moving average."""

    @property
    def compiled_sampler(self) -> Callable[..., Tensor]:
        """`images_from_seeds` as the model's one `tf.function`, traced when it is first used; see `finite.told`.

        It is made anew where the model has another prior since, or layers have other variables, as after `quantize` or
        `enable_lora`. It does not call `prepare_sampling`: Keras reads all properties of a model while it loads one.
        """
        return self._compiled("images_from_seeds")

    def _forget_other_parts(self):
        """Drop what was compiled for another generator or prior, or for other variables of theirs."""
        parts = (self.sampling_generator, self.sampling_latent)
        variables = (id(variable) for part in parts for variable in part.variables)
        used = (*map(id, parts), *variables, self.sampling_latent.get_config())
        if self._sampled_parts != used:
            self._sampled_parts, self._compiled_methods, self.predict_function = used, {}, None

    def _compiled(self, method):
        self._forget_other_parts()
        if method not in self._compiled_methods:
            # a partial has no code by which TensorFlow could take models for one function that is traced again
            whole = functools.partial(finite.demanded()(getattr(self, method)))
            self._compiled_methods[method] = tf.function(whole, autograph=False, reduce_retracing=True)
        return self._compiled_methods[method]

    def save(self, filepath: Path, overwrite: bool = True, zipped: bool | None = None) -> None:
        """Save everything to a `.keras` file, of a GAN in training also critic, optimizers and step.

        The file appears whole or not at all.

        Args:
            filepath: path ending in `.keras`.
            overwrite: whether an older file may be replaced.
            zipped: `False` for a folder of that name, which does not end in `.keras`, instead of one file;
                `keras.saving.load_model` reads it.

        Raises:
            ValueError: if the path ends otherwise, or `get_config` of a class of your own lacks an argument.
            FileExistsError: if there is such a file and `overwrite` is false, or a folder that Keras has not written.
        """
        if zipped is False:
            destinations.folder_may_be_written("filepath", filepath, overwrite, _is_of_keras, "a model saved by Keras")
        else:
            destinations.ending("filepath", filepath, ".keras")
            destinations.may_be_written("filepath", filepath, overwrite)
        checks.configs_are_whole(self)
        self.prepare_sampling()
        written = atomic_files.replace_folder if zipped is False else atomic_files.written_whole
        with written(filepath) as beside:
            super().save(beside, overwrite=overwrite, zipped=zipped)

    def save_weights(self, filepath: Path, overwrite: bool = True, max_shard_size: float | None = None) -> None:
        """Save all weights to a `.weights.h5` file, which appears whole or not at all.

        Args:
            filepath: path ending in `.weights.h5`.
            overwrite: whether an older file may be replaced.
            max_shard_size: as in `keras.Model.save_weights`, which then takes a path ending in `.weights.json`; sharded
                files are not written atomically.

        Raises:
            ValueError: if the path ends otherwise.
            FileExistsError: if there is such a file and `overwrite` is false.
        """
        destinations.ending("filepath", filepath, ".weights.h5" if max_shard_size is None else ".weights.json")
        destinations.may_be_written("filepath", filepath, overwrite)
        self.prepare_sampling()
        if max_shard_size is not None:
            super().save_weights(filepath, overwrite=overwrite, max_shard_size=max_shard_size)
            return
        with atomic_files.written_whole(filepath) as beside:
            super().save_weights(beside, overwrite=overwrite)

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of the classes, a tuple of strings in the order of the labels; `None` where they are not known.

        A model without them, such as one of an older file, may be given a list of them.
        """
        return self._class_names

    @class_names.setter
    def class_names(self, names) -> None:
        self._class_names = classes.checked(names, self.num_classes or 0)

    @property
    def trained_against(self) -> str | None:
        """The feature network that the generator was trained against, such as "efficientnet-lite0"; mostly `None`.

        What that network says of the images means nothing: they were made to please it. Measures with it are refused.
        """
        return self._trained_against

    @property
    def averaged(self) -> bool:
        """Whether `sample` works with a moving average of the trained weights, as most published ones are."""
        return self._averaged

    @property
    def batch_norm_statistics(self) -> str | None:
        """How `kerasgan.standing_statistics` took those of batch norm, as protocols say it; `None` of all others."""
        return self._statistics

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(H, W, C) of the images."""
        return tuple(self.generator.output_shape[1:])

    @property
    def vocabulary(self) -> text.Vocabulary | None:
        """The `kerasgan.data.text.Vocabulary` of a model of text, which decodes its samples; `None` of any other."""
        return next((getattr(layer, "vocabulary", None) for layer in self.generator.layers[-1:]), None)

    @property
    def takes_truncation(self) -> bool:
        """Whether the generator itself takes the threshold, to choose among its statistics."""
        return network_checks.takes_truncation(self.generator)

    @property
    def sampling_generator(self) -> keras.Model:
        """The generator that `sample` and `export` use."""
        return self.generator

    @property
    def sampling_latent(self) -> latents.Prior:
        """The prior that `sample` and `export` use."""
        return self.latent

    def as_sampler(self, generator: keras.Model, latent: latents.Prior, averaged: bool) -> "Sampler":
        """Return a `Sampler` of another generator and prior of this model, such as copies of them.

        Args:
            generator: `keras.Model`.
            latent: its prior.
            averaged: whether they hold a moving average.
        """
        sampler = Sampler(generator, latent, self.num_classes, self.class_names)
        sampler._trained_against, sampler._averaged = self.trained_against, averaged
        return sampler

    def call(self, inputs: Tensor | Sequence[Tensor], training: bool | None = None) -> Tensor:
        """Latents (or the list of the generator's inputs) to images clipped to [-1, 1], by the sampling generator."""
        made = self.sampling_generator(inputs, training=training)
        return ops.clip(made, -1.0, 1.0) if len(self.image_shape) == 3 else made

    def predict(self, x: Any, **arguments: Any) -> np.ndarray:
        """Images clipped to [-1, 1] of latents (or the list of the generator's inputs), as `keras.Model.predict`."""
        sample_checks.has_rows(x)
        self.prepare_sampling()
        self._forget_other_parts()
        return super().predict(x, **arguments)

    def images_from_latents(self, z: Tensor, labels: Tensor | None = None, truncation: Tensor | None = None) -> Tensor:
        """Map latents float32 [N, D] to images uint8 [N, H, W, C]; what is no image stays float32.

        Args:
            z: the latents.
            labels: [N], for a conditional model.
            truncation: float32 [N], for a generator that takes it.
        """
        inputs = [z]
        if labels is not None:
            inputs.append(ops.cast(labels, "int32"))
        if self.takes_truncation:
            inputs.append(truncation)
        inputs = [ops.convert_to_tensor(part) for part in inputs]
        generator = self.sampling_generator
        made = finite.checked(generator(inputs if len(inputs) > 1 else inputs[0], training=False), generator.weights)
        return image_values.to_uint8(made) if len(self.image_shape) == 3 else tensors.wide(made)

    def images_from_seeds(self, seeds: Tensor, truncation: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map seeds int64 [N], truncation float32 [N] (and labels [N]) to images uint8 [N, H, W, C]."""
        return self._images_from_uniforms(self._uniforms(seeds), truncation, labels)

    def images_between(
        self, seeds: Tensor, to_seeds: Tensor, positions: Tensor, truncation: Tensor, labels: Tensor | None = None
    ) -> Tensor:
        """Images on the ways from seeds to other seeds, each a sample like any other: uint8 [N, H, W, C].

        Args:
            seeds: int64 [N].
            to_seeds: int64 [N].
            positions: float32 [N] in [0, 1]; 0 is the image of `seeds`, 1 that of `to_seeds`.
            truncation: float32 [N].
            labels: [N], for a conditional model.
        """
        positions = ops.where(ops.equal(seeds, to_seeds), 0.0, positions)  # nowhere to go
        uniforms = latents.between(self._uniforms(seeds), self._uniforms(to_seeds), positions)
        return self._images_from_uniforms(uniforms, truncation, labels)

    def _uniforms(self, seeds):
        return keyed_random.uniform_rows(seeds, self.latent.uniforms, ("sample", "latents"))

    def _images_from_uniforms(self, uniforms, truncation, labels):
        z = self.sampling_latent(uniforms, truncation=truncation)
        return self.images_from_latents(z, labels, truncation)

    def get_config(self) -> Config:
        """Return the constructor's arguments, network and latent serialized."""
        facts = {
            "trained_against": self._trained_against,
            "averaged": self._averaged or None,
            "statistics": self._statistics,
        }
        known: Config = {name: fact for name, fact in facts.items() if fact is not None}
        return {
            "generator": keras.saving.serialize_keras_object(self.generator),
            "latent": keras.saving.serialize_keras_object(self.latent),
            "num_classes": self.num_classes,
            "class_names": None if self.class_names is None else list(self.class_names),
            "name": self.name,
            **known,
        }

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Make a model of a `get_config`."""
        config = copy.deepcopy(config)  # Keras empties what it deserializes
        for part in ("generator", "critic", "latent", "techniques", "ema_decay"):
            if part in config:
                config[part] = keras.saving.deserialize_keras_object(config[part])
        # older files lack these, and classes of users need not take them
        later = {name: config.pop(name) for name in ("class_names", "generator_steps") if name in config}
        told = ("trained_against", "averaged", "statistics")
        facts: Config = {name: config.pop(name) for name in told if name in config}
        model = cls(**config)
        for name, value in later.items():
            if getattr(model, name, None) != value:
                setattr(model, name, value)
        for fact, value in facts.items():
            setattr(model, f"_{fact}", value)
        return model

    def build(self, input_shape: Shape | None = None) -> None:
        """Do nothing: the networks come built."""
        self.built = True


def _is_of_keras(folder):
    facts = folder / "metadata.json"
    return facts.is_file() and '"keras_version"' in facts.read_text(errors="replace")


def _presets():
    """The module of a floor above, which is imported when it is asked for."""
    return importlib.import_module("kerasgan.saving.presets")

"""docs/tracking.md: its examples run as printed, in one folder, and what the trackers then have is compared."""

import json
import pathlib

import keras
import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import kerasgan
from kerasgan import callbacks
from tests.documents import pages

PAGE = pages.text("tracking.md")


@pytest.fixture
def names(tmp_path, monkeypatch):
    """What the page's examples begin with: a compiled `gan`, `images`, `reference`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    keras.utils.set_random_seed(0)
    images = np.random.default_rng(0).integers(0, 256, (160, 32, 32, 1), dtype=np.uint8)
    networks = kerasgan.networks.dcgan
    gan = kerasgan.SGAN(networks.generator((32, 32, 1), filters=4), networks.critic((32, 32, 1), filters=4))
    gan.compile()
    network = kerasgan.metrics.features.load("garments")
    reference = kerasgan.metrics.Reference.of_arrays(images, network, name="noise")
    return {"gan": gan, "images": images, "reference": reference, "kerasgan": kerasgan, "callbacks": callbacks}


def run(heading, names):
    """Run the examples under a heading; returns the history of the last `fit`."""
    found = pages.blocks(pages.section(PAGE, heading), "python")
    assert found
    for code in found:
        exec(code, names)
    return names["gan"].history.history


@pytest.mark.slow
def test_tensorboard(names):
    run("TensorBoard", names)
    board = EventAccumulator("board")
    board.Reload()
    tags = board.Tags()["tensors"]
    assert {"critic_loss", "generator_loss", "images_per_second", "samples", "fd[garments]"} <= set(tags)
    assert any(tag.startswith("generator/") and tag.endswith("/sigma2") for tag in tags)
    assert {event.step for event in board.Tensors("samples")} == {10, 20}


@pytest.mark.slow
def test_weights_and_biases(names, monkeypatch):
    pytest.importorskip("wandb", reason="needs wandb: pip install 'kerasgan[tracking]'")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    import wandb
    from wandb.integration.keras import WandbMetricsLogger

    found = {}
    monkeypatch.setattr(WandbMetricsLogger, "on_train_end", lambda self, logs=None: found.update(wandb.run.summary))
    history = run("Weights & Biases", names)
    for name in ("critic_loss", "generator_loss", "fd_garments"):
        assert found[f"epoch/{name}"] == pytest.approx(history[name][-1], rel=1e-6)
    assert found["epoch/learning_rate"] == pytest.approx(float(names["gan"].generator_optimizer.learning_rate.numpy()))
    assert found["epoch/epoch"] == 1
    ours = [np.asarray(Image.open(path)) for path in sorted(pathlib.Path("wandb_samples").iterdir())]
    theirs = [
        np.asarray(Image.open(path)) for path in pathlib.Path("wandb").glob("offline-run-*/files/media/images/*.png")
    ]
    assert len(ours) == len(theirs) > 0
    for picture in ours:
        assert any(np.array_equal(picture, other) for other in theirs)


@pytest.fixture
def mlflow(tmp_path, monkeypatch):
    """MLflow, which keeps everything in the test's folder."""
    module = pytest.importorskip("mlflow", reason="needs mlflow: pip install 'kerasgan[tracking]'")
    monkeypatch.setenv("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    module.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = module.create_experiment("test", artifact_location=(tmp_path / "artifacts").as_uri())
    module.set_experiment(experiment_id=experiment)
    return module


def logged(mlflow):
    """Of the last run: its metrics as {name: values by step}, parameters, and files."""
    client, run_id = mlflow.MlflowClient(), mlflow.last_active_run().info.run_id
    data = client.get_run(run_id).data
    metrics = {name: {one.step: one.value for one in client.get_metric_history(run_id, name)} for name in data.metrics}
    files = {
        pathlib.Path(one.path).as_posix() for path in ("", "samples") for one in client.list_artifacts(run_id, path)
    }
    return metrics, data.params, files


@pytest.mark.slow
def test_mlflow(names, mlflow):
    history = run("MLflow", names)
    metrics, params, files = logged(mlflow)
    for name in ("critic_loss", "generator_loss", "fd_garments"):
        assert metrics[name] == {epoch: pytest.approx(value) for epoch, value in enumerate(history[name])}
    assert params["optimizer_name"].startswith("adam") and "optimizer_learning_rate" in params
    assert {"model_summary.txt", "samples"} <= files
    assert {pathlib.Path(path).name for path in files if path.startswith("samples/")} == {
        path.name for path in pathlib.Path("mlflow_samples").iterdir()
    }


@pytest.mark.slow
def test_mlflow_every_some_steps(names, mlflow):
    used = callbacks.Adapted(mlflow.keras.MlflowCallback(log_every_epoch=False, log_every_n_steps=2))
    with mlflow.start_run():
        names["gan"].fit(names["images"][:96], batch_size=16, verbose=0, callbacks=[used])
    assert list(logged(mlflow)[0]["critic_loss"]) == [2, 4, 6]


@pytest.mark.slow
def test_mlflow_autolog(names, mlflow):
    mlflow.keras.autolog(log_models=False)
    try:
        history = names["gan"].fit(names["images"][:32], batch_size=16, epochs=2, verbose=0).history
    finally:
        mlflow.keras.autolog(disable=True)
    metrics, params, _ = logged(mlflow)
    assert metrics["critic_loss"] == {epoch: pytest.approx(value) for epoch, value in enumerate(history["critic_loss"])}
    assert params["epochs"] == "2"


@pytest.mark.slow
def test_a_run_of_the_command_line(names, mlflow, tmp_path):
    folder = tmp_path / "runs" / "00000-tiny"
    (folder / "samples").mkdir(parents=True)
    (folder / "samples" / "step-00000002.png").write_bytes(b"")
    (folder / "recipe.yaml").write_text("name: tiny\n")
    lines = [{"step": 2, "seconds": 1.0, "critic_loss": 1.5}, {"step": 4, "seconds": 2.0, "critic_loss": 1.25}]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    [code] = pages.blocks(pages.section(PAGE, "A run of the command line"), "python")
    exec(code, names | {"mlflow": mlflow})
    metrics, _, files = logged(mlflow)
    assert metrics == {"seconds": {2: 1.0, 4: 2.0}, "critic_loss": {2: 1.5, 4: 1.25}}
    assert {"recipe.yaml", "samples", "samples/step-00000002.png"} == files

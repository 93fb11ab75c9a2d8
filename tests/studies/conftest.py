"""Shared by the tests of the studies."""

import pytest
import tensorflow as tf

from kerasgan.studies import report


@pytest.fixture
def eagerly():
    """Run TensorFlow's functions eagerly: a test that takes two steps spends its time on graphs."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def numbers_first(monkeypatch):
    """Fail where a study draws a picture and has not written its numbers."""
    save = report.save_figure

    def checked(figure, path):
        assert (path.parent / "result.json").is_file()
        return save(figure, path)

    monkeypatch.setattr(report, "save_figure", checked)

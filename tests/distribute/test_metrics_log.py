"""`MetricsLog` on two replicas writes the means of all rows, also after a batch that they share unevenly."""

import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
STEPS = [  # of each replica its rows and their mean loss
    ((4, 4), (1.0, 3.0)),
    ((4, 4), (2.0, 6.0)),
    ((1, 2), (9.0, 3.0)),
]

PROGRAM = """
import sys

import tensorflow as tf

from kerasgan import callbacks
from kerasgan.utils import replica_shares
from tests.distribute import uneven
from tests.distribute.test_metrics_log import STEPS

[cpu] = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    gan = uneven.plain("SGAN")


def step(share, loss):
    with replica_shares.counting(share):
        gan.track(critic_loss=loss)
    return gan.end_step()


def of_each(values):
    return strategy.experimental_distribute_values_from_function(lambda of: values[of.replica_id_in_sync_group])


log = callbacks.MetricsLog(sys.argv[1], 8, every=1)
log.set_model(gan)
log.on_train_begin()
log.on_epoch_begin(0)
for rows, losses in STEPS:
    logs = strategy.run(step, args=(of_each([tf.constant(own / sum(rows)) for own in rows]), of_each(losses)))
    log.on_train_batch_end(0, {name: float(strategy.experimental_local_results(logs[name])[0]) for name in logs})
"""


def test_lines_are_means_of_all_rows(tmp_path):
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "log.jsonl")]
    subprocess.run(command, check=True, timeout=300, cwd=ROOT)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").open()]
    wanted = [sum(own * loss for own, loss in zip(rows, losses)) / sum(rows) for rows, losses in STEPS]
    assert [line["critic_loss"] for line in lines] == pytest.approx(wanted, rel=1e-5)

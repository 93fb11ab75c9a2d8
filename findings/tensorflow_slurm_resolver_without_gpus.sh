#!/usr/bin/env bash
# TensorFlow 2.21.0: SlurmClusterResolver works on no cluster without GPUs, and takes node10 before node2.
#
# Guess, written down before: `SlurmClusterResolver(auto_set_gpu=False)` gives the tasks of a job step on processors
# their addresses, in the order in which Slurm counts the tasks.
# Outcome: a miss, twice. Without `gpus_per_node` it runs nvidia-smi, with `auto_set_gpu=False` too; with
# `gpus_per_node=0` its cluster_spec() steps through a range by 0. And it sorts the nodes by their names as text: of
# node2 and node10 Slurm's task 0 runs on node2 (`scontrol show hostnames 'node[2,10]'`), while the resolver tells it
# that its own address is node10's. Names padded with zeros, as node02, are in one order either way.
# What follows: make the cluster's specification from Slurm's variables and `scontrol show hostnames`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "tensorflow==2.21.0"
cat > "$folder/case.py" <<'PY'
import tensorflow as tf

Resolver = tf.distribute.cluster_resolver.SlurmClusterResolver
for arguments in ({}, {"gpus_per_node": 0}, {"gpus_per_node": 1, "gpus_per_task": 1}):
    try:
        resolver = Resolver(auto_set_gpu=False, **arguments)
        cluster = resolver.cluster_spec().as_dict()
        own = cluster[resolver.task_type][resolver.task_id]
        print(arguments, cluster, "task 0 is at", own)
    except Exception as error:
        print(arguments, type(error).__name__, error)
PY
cd "$folder"
# what srun sets for `srun --nodes=2 --ntasks-per-node=1` on node2 and node10
export SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=2 SLURM_STEP_NODELIST='node[2,10]' SLURM_STEP_TASKS_PER_NODE='1(x2)'
PATH="$folder/venv/bin:/usr/bin:/bin" TF_CPP_MIN_LOG_LEVEL=3 python case.py > out 2> errors || { cat errors; exit 1; }
cat out
diff out - <<'OUT'
{} FileNotFoundError [Errno 2] No such file or directory: 'nvidia-smi'
{'gpus_per_node': 0} ValueError range() arg 3 must not be zero
{'gpus_per_node': 1, 'gpus_per_task': 1} {'worker': ['node10:8888', 'node2:8888']} task 0 is at node10:8888
OUT

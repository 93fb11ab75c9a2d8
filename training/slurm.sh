#!/bin/sh
# Two nodes train one run: sbatch training/slurm.sh biggan_fashion_mnist --run /shared/runs/garments
# srun starts a process on each; kerasgan finds the others through Slurm. After a lost node, or at the time limit,
# the job is queued again and goes on with the newest checkpoint: --run names the same folder.
#SBATCH --job-name=kerasgan
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
# #SBATCH --gpus-per-task=1

srun --kill-on-bad-exit=0 kerasgan train "$@"
status=$?
case $status in
  75 | 130 | 142) scontrol requeue "$SLURM_JOB_ID" ;; # a worker was lost; the time limit came; one never started
esac
exit $status

#!/usr/bin/env bash
#SBATCH --job-name=lectern
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=8
#SBATCH --mem=48G
#SBATCH --time=24:00:00
#SBATCH --output=lectern-%j.log
#
# A job of remote/job.sh on a Slurm cluster. In the folder of your checkout, on a disk that the nodes share:
#
#   sbatch remote/slurm.sh run
#   sbatch remote/slurm.sh sweep train.r=8,16
#   sbatch --array=1-3 remote/slurm.sh seeds --n 10
#
# It works in a clone of its own, and takes the commit that is checked out here when it starts. Results come back into
# this checkout: as branches `results/...`, as experiments, and in DVC's cache. So it needs neither a forge nor a remote.
# REVISION takes another commit, WORK another folder for the clone, and what remote/job.sh reads is read too.
# Where nodes have no network, activate an environment that has everything, and set SETUP=true.
set -euo pipefail
checkout=${SLURM_SUBMIT_DIR:-$PWD}
revision=${REVISION:-$(git -C "$checkout" rev-parse HEAD)}
work=$(mktemp -d "${WORK:-${TMPDIR:-/tmp}}/lectern-job.XXXXXX")
trap 'rm -rf "$work"' EXIT

git clone --quiet "$checkout" "$work/lectern"
cd "$work/lectern"
git checkout --quiet --detach "$revision"
export DATA=${DATA:-$checkout/.dvc/cache}
bash remote/job.sh "$@"

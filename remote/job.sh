#!/usr/bin/env bash
# One job on a machine that is rented or shared: makes the environment, fetches the data, works, and pushes what came out.
# sky.yaml and slurm.sh beside this file call it in a fresh clone, at the commit that is to be run.
#
#   remote/job.sh run                                      lectern run, as `make run` does
#   remote/job.sh sweep train.r=8,16 train.epochs=2,3      a grid of DVC experiments
#   remote/job.sh seeds --n 10                             lectern seeds; of several machines, each does its part
#   remote/job.sh curve                                    lectern curve, likewise
#
# It reads from the environment
#   BRANCH   the folder of branches to which results are pushed (results); the same job at the same commit goes on there
#   DATA     the address of a DVC remote for data and outputs; without it, the remote of .dvc/config
#   PLUGIN   the package for that remote, such as dvc-s3
#   SETUP    the command that makes the environment (make setup); `true` where the active one has everything
# and what the remotes of git and DVC need to know who asks. Nothing of that is printed or kept.
set -euo pipefail
job=${1:?which job: run, sweep, seeds or curve}
shift

# Which of how many machines this is, as Slurm or SkyPilot says it.
number=${SLURM_ARRAY_TASK_ID:-$((${SKYPILOT_NODE_RANK:-0} + 1))}
count=${SLURM_ARRAY_TASK_COUNT:-${SKYPILOT_NUM_NODES:-1}}
part=()
name=$job-$(git rev-parse --short HEAD)
if [ "$count" -gt 1 ]; then
  case $job in
    seeds | curve) part=(--part "$number/$count") ;;
    *) echo "job: $job is for one machine, not for $count" >&2; exit 2 ;;
  esac
  name+=-$number-of-$count
fi
branch=${BRANCH:-results}/$name

git config user.email > /dev/null || { git config user.name "Lectern job"; git config user.email "job@localhost"; }
if git fetch --quiet origin "refs/heads/$branch" 2> /dev/null; then git merge --quiet --ff-only FETCH_HEAD; fi

eval "${SETUP:-make setup}"
export PATH=$PWD/.venv/bin:$PATH DVC_NO_ANALYTICS=1
if [ -n "${PLUGIN:-}" ]; then python -m pip install --quiet "$PLUGIN"; fi
if [ -n "${DATA:-}" ]; then dvc remote add --local --default --force --quiet data "$DATA"; fi
stored=$(dvc remote list)
# Outputs that nobody pushed are made here.
if [ -n "$stored" ]; then dvc pull --run-cache --allow-missing; fi

commit() { # message, then what is committed
  git add --all -- "${@:2}"
  git diff --cached --quiet || git commit --quiet --message "$1"
  git push --quiet origin "HEAD:refs/heads/$branch"
  echo "job: pushed to $branch"
}

status=0
case $job in
  run)
    lectern run "$@" || status=$?
    # Of a run that failed, what its finished stages wrote need not be made again.
    if [ -n "$stored" ]; then dvc push --run-cache; fi
    [ "$status" != 0 ] || commit "Run the pipeline" .
    ;;
  sweep)
    choices=()
    for choice in "$@"; do choices+=(--set-param "$choice"); done
    dvc exp run --queue "${choices[@]}"
    dvc exp run --run-all --jobs "${JOBS:-1}" || status=$?
    if [ -n "$stored" ]; then dvc exp push origin; else dvc exp push --no-cache origin; fi
    ;;
  seeds | curve)
    # Those that finished are kept, whatever became of the others.
    lectern "$job" "${part[@]}" "$@" || status=$?
    commit "Measure $job${part[*]:+, part $number of $count}" metrics/noise
    ;;
  *)
    echo "job: there is no job $job: run, sweep, seeds or curve" >&2
    exit 2
    ;;
esac
exit "$status"

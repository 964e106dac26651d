#!/bin/bash
# Builds what is missing on the volume, then becomes the worker: arguments go to runpod_handler.py.
# With TTS_ENGINE=espeak it needs no model and the light environment. FETCH_MODELS names the models to fetch.
set -euo pipefail
trap 'exit 143' TERM INT  # First of all: process 1 of a container ignores a signal that it does not handle.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Of this start alone. It is locked as long as the worker lives; worker/scratch.py removes those that nobody holds.
own=$(mktemp -d -t f5-worker-XXXXXXXX)
exec 9<"$own"
flock 9

profile=${SETUP_PROFILE:-full}
models=()
if [[ ${TTS_ENGINE:-f5} == espeak ]]; then
  profile=${SETUP_PROFILE:-run}  # An image that holds the full environment has no other.
else
  # Links of this worker's own: another version that shares the volume may pin other models.
  links=$own/models
  mkdir "$links"
  read -ra names <<<"${FETCH_MODELS:-}"
  models=(--links "$links" --models "${names[@]}")
fi

# In the background, because a shell that waits for a program in the foreground answers no signal until it ends.
answer=$own/python
python3 "$here/setup_network_venv.py" --profile "$profile" "${models[@]}" >"$answer" 9<&- &
setup=$!
trap 'kill -TERM "$setup"; wait "$setup"; exit 143' TERM INT
wait "$setup"
trap 'exit 143' TERM INT
python=$(<"$answer")

# A file that got lost is named soon after the start and mended at the next one. `setup_network_venv.py --prune` keeps
# what was touched lately.
environment=${python%/bin/python}
[[ ! -w $environment ]] || export TRITON_CACHE_DIR=$environment/triton  # For the next worker on the volume.
while_it_runs() {
  nice -n 19 python3 "$here/setup_network_venv.py" --profile "$profile" --verify sizes 2>&1 | grep damaged >&2
  while kill -0 $$; do
    find -L "$environment" ${links:+"$links"} -maxdepth 3 -name .complete -exec touch -c {} +
    sleep 300
  done >/dev/null 2>&1
}
while_it_runs 9<&- &

[[ -z ${links:-} ]] || export MODELS_DIR=$links
# A signal that comes while Python starts is kept until launch.py can take it.
exec env --block-signal=TERM "$python" "$here/deploy/launch.py" "$here/runpod_handler.py" "$@"

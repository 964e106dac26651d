#!/usr/bin/env bash
# Builds what is missing on the volume, then becomes the worker: arguments go to runpod_handler.py.
# With TTS_ENGINE=espeak it needs no model and the light environment. FETCH_MODELS names the models to fetch.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

profile=full
read -ra names <<<"${FETCH_MODELS:-}"
models=(--models "${names[@]}")
if [[ ${TTS_ENGINE:-f5} == espeak ]]; then
  profile=run
  models=()
fi

# In the background, because a shell that waits for a program in the foreground answers no signal until it ends.
answer=$(mktemp)
python3 "$here/setup_network_venv.py" --profile "$profile" "${models[@]}" >"$answer" &
setup=$!
trap 'kill -TERM "$setup"; wait "$setup"; exit 143' TERM INT
wait "$setup"
trap - TERM INT
python=$(<"$answer")
rm -f "$answer"

# `setup_network_venv.py --prune` keeps an environment whose `.complete` was touched lately.
marker=${python%/bin/python}/.complete
while kill -0 $$ && touch -c "$marker"; do sleep 300; done >/dev/null 2>&1 &

exec "$python" "$here/runpod_handler.py" "$@"

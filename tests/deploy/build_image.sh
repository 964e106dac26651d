#!/usr/bin/env bash
# Builds Dockerfile.runpod for real where no registry can be reached: Debian's Python 3.11 stands in for
# python:3.11-slim. Then starts the image as a host would and has it do a first job with the embedded engine.
# Before that, `layers`: with stubs for the two heavy steps, what a change of code, of a model's pin or of a package
# rebuilds in the two images. LAYERS_ONLY=1 stops there.
# Wants root, buildah and debootstrap; with less it says what is missing and exits 77. Prints the image's size.
# Usage: build_image.sh [FOLDER]   FOLDER keeps the stand-in base and the volume for the next time.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=${1:-$(mktemp -d)}
mkdir -p "$work"
certificates=/etc/ssl/certs/ca-certificates.crt
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot BUILDAH_FORMAT=docker

need() {
  for program in buildah debootstrap; do
    command -v "$program" >/dev/null || { echo "skipped: $program is not installed" >&2; exit 77; }
  done
  [[ $(id -u) == 0 ]] || { echo "skipped: debootstrap and chroot want root" >&2; exit 77; }
}

builder() { buildah --root "$work/storage" --runroot "$work/run" "$@"; }

# This machine's certificates go in as well: it may reach its package index through a proxy of its own.
make_base() {
  builder inspect --type image docker.io/library/python:3.11-slim >/dev/null 2>&1 && return
  [[ -x $work/rootfs/usr/bin/python3 ]] || debootstrap --variant=minbase \
    --include=ca-certificates,python3,python3-dev,python3-venv,python3-pip bookworm "$work/rootfs" >"$work/debootstrap.log"
  local container
  container=$(builder from scratch)
  builder add --quiet "$container" "$work/rootfs" /
  builder add --quiet "$container" "$certificates" "$certificates"
  builder config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    --env SSL_CERT_FILE="$certificates" --env PIP_CERT="$certificates" "$container"
  builder commit --quiet --rm "$container" docker.io/library/python:3.11-slim
}

# Runs the image's own entry point, not a copy of it: arguments before -- are buildah's, those after it the worker's.
start() {
  local options=() container entry status=0
  while [[ $1 != -- ]]; do options+=("$1"); shift; done
  shift
  container=$(builder from --pull-never worker:test)
  entry=$(builder inspect --type container --format '{{index .OCIv1.Config.Entrypoint 0}}' "$container")
  builder run "${options[@]}" "$container" -- "$entry" "$@" || status=$?
  builder rm "$container" >/dev/null
  return "$status"
}

# A context whose set-up only writes 20 MB where the environment and the models go.
stub_context() {
  mkdir -p "$1"
  tar -C "$repository" --exclude=__pycache__ --exclude=./.venvs --exclude=./.git -cf - . | tar -C "$1" -xf -
  cat >"$1/setup_network_venv.py" <<'STUB'
import os, pathlib, sys
folder = pathlib.Path(os.environ["MODELS_DIR" if "--models" in sys.argv else "VENV_ROOT"], "stub")
folder.mkdir(parents=True)
(folder / "data").write_bytes(os.urandom(20_000_000))
STUB
}

layers_of() { builder inspect --type image --format '{{range .OCIv1.RootFS.DiffIDs}}{{println .}}{{end}}' "$1"; }

# Builds the context's TARGET as IMAGE and says how many layers it shares, from the bottom, with the image before it.
rebuild() {
  local target=$1
  shift
  builder bud --quiet --pull-never --layers --target "$target" --tag "$2" --file "$1/Dockerfile.runpod" "$1" >/dev/null
  layers_of "$2" | sed '/^$/d' >"$work/$2.layers"
  [[ -n ${3:-} ]] || return 0
  local kept total
  kept=$(paste "$work/$2.layers" "$work/$3.layers" | awk '$1 != $2 { exit } { n++ } END { print n + 0 }')
  total=$(wc -l <"$work/$2.layers")
  echo "$2: $kept of $total layers as before"
}

layers() {
  local context=$work/context
  rm -rf "$context"
  stub_context "$context"
  rebuild slim "$context" slim-first
  rebuild baked "$context" baked-first
  echo "# a comment" >>"$context/worker/jobs.py"
  rebuild slim "$context" slim-changed-code slim-first
  rebuild baked "$context" baked-changed-code baked-first
  echo "# a pin" >>"$context/locks/models.txt"
  rebuild baked "$context" baked-changed-model baked-changed-code
  echo "# a package" >>"$context/locks/full.txt"
  rebuild baked "$context" baked-changed-package baked-changed-model
  builder images --format '{{.Name}}:{{.Tag}} {{.Size}}' | grep -E 'slim|baked|python' | sed 's/^/# /'
}

need
make_base
layers | tee "$work/layers.log"
[[ -z ${LAYERS_ONLY:-} ]] || exit 0
builder bud --quiet --pull-never --tag worker:test --file "$repository/Dockerfile.runpod" "$repository" >/dev/null
builder images --format '{{.Name}}:{{.Tag}} {{.Size}}'

echo "== without a volume it says so and stops" >&2
if start --env TTS_ENGINE=espeak -- 2>"$work/without_volume.log"; then echo "it started" >&2; exit 1; fi
grep "is the network volume attached" "$work/without_volume.log"

echo "== with one it builds its environment there and does a job" >&2
mkdir -p "$work/volume"
job='{"input": {"text": "Hello from the image.", "timing_format": "srt"}}'
time start --env TTS_ENGINE=espeak --volume "$work/volume:/runpod-volume" -- --test_input "$job" | tee "$work/job.log"
grep -q "'status': 'completed'" "$work/job.log"

echo "== the next worker finds it there" >&2
time start --env TTS_ENGINE=espeak --volume "$work/volume:/runpod-volume" -- --test_input "$job" >"$work/job.log" 2>&1
if grep -q "installing the" "$work/job.log"; then echo "it was built again" >&2; exit 1; fi

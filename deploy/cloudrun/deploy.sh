#!/usr/bin/env bash
# Makes what the service needs in a Google Cloud project and deploys it. Safe to run again.
#   deploy/cloudrun/deploy.sh PROJECT_ID REGION MODELS_BUCKET KEYS_FILE
set -euo pipefail
project=$1 region=$2 models=$3 keys=$4
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
account=transcription@$project.iam.gserviceaccount.com
run() { gcloud --quiet --project "$project" "$@"; }

run services enable run.googleapis.com artifactregistry.googleapis.com secretmanager.googleapis.com
run artifacts repositories describe transcription --location "$region" >/dev/null 2>&1 ||
  run artifacts repositories create transcription --location "$region" --repository-format docker
run iam service-accounts describe "$account" >/dev/null 2>&1 ||
  run iam service-accounts create transcription --display-name "Transcription service"

# The service reads its models and its keys, and nothing else of the project.
run storage buckets add-iam-policy-binding "gs://$models" --member "serviceAccount:$account" \
  --role roles/storage.objectViewer >/dev/null
run secrets describe transcription-keys >/dev/null 2>&1 ||
  run secrets create transcription-keys --replication-policy automatic
run secrets versions add transcription-keys --data-file "$keys" >/dev/null
run secrets add-iam-policy-binding transcription-keys --member "serviceAccount:$account" \
  --role roles/secretmanager.secretAccessor >/dev/null

image=$region-docker.pkg.dev/$project/transcription/service:gpu
docker build -f "$here/../../Dockerfile.whisperx" --target gpu -t "$image" "$here/../.."
docker push "$image"

filled=$(mktemp)
trap 'rm -f "$filled"' EXIT
sed -e "s/PROJECT_ID/$project/g" -e "s/REGION/$region/g" -e "s/MODELS_BUCKET/$models/g" "$here/service.yaml" >"$filled"
run run services replace "$filled" --region "$region"
# Callers are checked by the service's own keys.
run run services add-iam-policy-binding transcription --region "$region" --member allUsers --role roles/run.invoker

#!/usr/bin/env bash
# Makes what the service needs in a Google Cloud project and deploys it. Safe to run again.
#   deploy/cloudrun/deploy.sh PROJECT_ID REGION MODELS_BUCKET KEYS_FILE
# Wants gcloud, docker and terraform, and an account that may do this. KEYS_FILE is what add-key writes.
set -euo pipefail
project=$1 region=$2 models=$3 keys=$4
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
run() { gcloud --quiet --project "$project" "$@"; }

# State, queue, bucket, accounts and what each may do.
terraform -chdir="$here/terraform" init -input=false
terraform -chdir="$here/terraform" apply -input=false -auto-approve \
  -var project="$project" -var region="$region" -var models_bucket="$models"

run artifacts repositories describe transcription --location "$region" >/dev/null 2>&1 ||
  run artifacts repositories create transcription --location "$region" --repository-format docker
run secrets describe transcription-keys >/dev/null 2>&1 ||
  run secrets create transcription-keys --replication-policy automatic
run secrets versions add transcription-keys --data-file "$keys" >/dev/null
run secrets add-iam-policy-binding transcription-keys --role roles/secretmanager.secretAccessor \
  --member "serviceAccount:transcription-front@$project.iam.gserviceaccount.com" >/dev/null

image=$region-docker.pkg.dev/$project/transcription/service
for target in cpu gpu; do
  docker build -f "$here/../../Dockerfile.whisperx" --target "$target" -t "$image:$target" "$here/../.."
  docker push "$image:$target"
done

filled=$(mktemp)
trap 'rm -f "$filled"' EXIT
for service in worker front; do
  sed -e "s/PROJECT_ID/$project/g" -e "s/REGION/$region/g" -e "s/MODELS_BUCKET/$models/g" "$here/$service.yaml" >"$filled"
  run run services replace "$filled" --region "$region"
done
# The worker is Pub/Sub's alone. Callers of the front are checked by the service's own keys.
run run services add-iam-policy-binding transcription-worker --region "$region" --role roles/run.invoker \
  --member "serviceAccount:transcription-pusher@$project.iam.gserviceaccount.com"
run run services add-iam-policy-binding transcription --region "$region" --role roles/run.invoker --member allUsers

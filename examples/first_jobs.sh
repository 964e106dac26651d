#!/usr/bin/env bash
# Upload a voice, speak with it, fetch the result: every step one curl call.
#
#   ./run serve --port 8000 &                                   # this machine, or a RunPod endpoint:
#   export BASE_URL=https://api.runpod.ai/v2/ENDPOINT_ID RUNPOD_API_KEY=...
#   examples/first_jobs.sh https://example.com/anna.wav "Exactly the words of that recording."
#   examples/first_jobs.sh anna.wav "Exactly the words of that recording."      # a file of yours, up to 6 MB
set -euo pipefail

base_url=${BASE_URL:-http://127.0.0.1:8000}
voice=${1:?usage: first_jobs.sh VOICE REFERENCE_TEXT}
reference_text=${2:?usage: first_jobs.sh VOICE REFERENCE_TEXT}
job_id=${JOB_ID:-first-$RANDOM$RANDOM}

# runsync INPUT: sends a job, prints its output; RunPod answers HTTP 200 for failed jobs too.
runsync() {
  printf '{"input": %s}' "$1" |
    curl --silent --show-error --max-time 300 "$base_url/runsync" \
      --header "Authorization: Bearer ${RUNPOD_API_KEY:-}" --header 'Content-Type: application/json' --data-binary @- |
    python3 -c '
import json, sys
text = sys.stdin.read()
try:
    answer = json.loads(text)
except ValueError:
    sys.exit("failed: no RunPod API answers at " + sys.argv[1] + (": " + text.strip()[:200] if text.strip() else ""))
if answer.get("error") or answer.get("status") != "COMPLETED":
    sys.exit("failed: " + str(answer.get("error") or answer.get("status") or text[:200]))
print(json.dumps(answer["output"], indent=2))' "$base_url"
}
quoted() { python3 -c 'import json, sys; print(json.dumps(sys.argv[1]))' "$1"; }
base64_of() { python3 -c 'import base64, sys; print(base64.b64encode(open(sys.argv[1], "rb").read()).decode())' "$1"; }
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

if [[ -f $voice ]]; then
  source="\"voice_file_base64\": \"$(base64_of "$voice")\""
else
  source="\"voice_file_url\": $(quoted "$voice")"
fi
runsync "{\"endpoint\": \"upload\", \"voice_name\": \"example\", \"overwrite\": true,
          $source, \"reference_text\": $(quoted "$reference_text")}"
runsync '{"endpoint": "list_voices"}'
runsync "{\"text\": \"Hello world, this costs \$3.50 today.\", \"local_voice\": \"example\",
          \"timing_format\": \"ass\", \"captions\": {\"preset\": \"shorts\"}, \"job_id\": \"$job_id\"}"
runsync "{\"endpoint\": \"status\", \"job_id\": \"$job_id\"}"
runsync "{\"endpoint\": \"result\", \"job_id\": \"$job_id\"}"

# A format that was not asked for at first is written now, from the stored words.
runsync "{\"endpoint\": \"download\", \"job_id\": \"$job_id\", \"type\": \"timing\", \"format\": \"srt\"}" |
  field timing_url | xargs curl --fail --silent --show-error

runsync '{"endpoint": "delete_voice", "voice_name": "example"}'

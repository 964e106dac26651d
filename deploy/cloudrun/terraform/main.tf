# What the service keeps its state in, and who may touch it. The two Cloud Run services are ../front.yaml and
# ../worker.yaml; ../deploy.sh does it all in order.
terraform {
  required_version = ">= 1.5"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.0"
    }
  }
}

provider "google" {
  project = var.project
  region  = var.region
}

data "google_project" "this" {}

locals {
  # Cloud Run's own name for a service that is about to be deployed.
  worker_url    = "https://transcription-worker-${data.google_project.this.number}.${var.region}.run.app"
  pubsub_agent  = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  apis          = ["artifactregistry", "firestore", "firebaserules", "iam", "monitoring", "pubsub", "run", "secretmanager", "storage"]
  accounts      = { front = "Answers callers", worker = "Does jobs", pusher = "Lets Pub/Sub call the worker" }
  both          = toset(["front", "worker"])
  upload_days   = 2
  results_days  = var.retention_days + 1
  ack_deadline  = 600
  retry_seconds = { first = "10s", last = "600s" }
}

resource "google_project_service" "api" {
  for_each           = toset(local.apis)
  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}

resource "google_service_account" "this" {
  for_each     = local.accounts
  account_id   = "transcription-${each.key}"
  display_name = each.value
  depends_on   = [google_project_service.api]
}

# Files. Nobody outside has access; callers get them through the service.
resource "google_storage_bucket" "recordings" {
  name                        = "${var.project}-transcription"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  soft_delete_policy {
    retention_duration_seconds = 0 # what is deleted is gone, as the API promises
  }

  # Behind the service's own cleaning: what a killed process left.
  lifecycle_rule {
    condition {
      age            = local.upload_days
      matches_prefix = ["audio/"]
    }
    action {
      type = "Delete"
    }
  }

  lifecycle_rule {
    condition {
      age            = local.results_days
      matches_prefix = ["results/"]
    }
    action {
      type = "Delete"
    }
  }
}

resource "google_storage_bucket_iam_member" "recordings" {
  for_each = local.both
  bucket   = google_storage_bucket.recordings.name
  role     = "roles/storage.objectUser"
  member   = google_service_account.this[each.key].member
}

resource "google_storage_bucket_iam_member" "models" {
  for_each = local.both # the service that answers says what can be asked for by what lies there
  bucket   = var.models_bucket
  role     = "roles/storage.objectViewer"
  member   = google_service_account.this[each.key].member
}

# The queue.
resource "google_pubsub_topic" "jobs" {
  name       = "transcription-jobs"
  depends_on = [google_project_service.api]
}

resource "google_pubsub_topic" "dead" {
  name       = "transcription-dead"
  depends_on = [google_project_service.api]
}

resource "google_pubsub_subscription" "jobs" {
  name                       = "transcription-jobs"
  topic                      = google_pubsub_topic.jobs.id
  ack_deadline_seconds       = local.ack_deadline
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = "" # never
  }

  retry_policy {
    minimum_backoff = local.retry_seconds.first
    maximum_backoff = local.retry_seconds.last
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead.id
    max_delivery_attempts = 100 # the most there is: a long wait for a GPU is no fault of the job
  }

  dynamic "push_config" {
    for_each = var.delivery == "push" ? [local.worker_url] : []
    content {
      push_endpoint = "${push_config.value}/pubsub/push"
      oidc_token {
        service_account_email = google_service_account.this["pusher"].email
        audience              = push_config.value
      }
    }
  }
}

resource "google_pubsub_subscription" "dead" {
  name                       = "transcription-dead"
  topic                      = google_pubsub_topic.dead.id
  ack_deadline_seconds       = 60
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = ""
  }
}

# Pub/Sub itself moves dead letters.
resource "google_pubsub_topic_iam_member" "moves_to_dead" {
  topic  = google_pubsub_topic.dead.id
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "moves_from_jobs" {
  subscription = google_pubsub_subscription.jobs.id
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

resource "google_pubsub_topic_iam_member" "publishes" {
  for_each = local.both # a worker puts back what fell out of the queue
  topic    = google_pubsub_topic.jobs.id
  role     = "roles/pubsub.publisher"
  member   = google_service_account.this[each.key].member
}

resource "google_pubsub_subscription_iam_member" "pulls" {
  subscription = google_pubsub_subscription.jobs.id
  role         = "roles/pubsub.subscriber"
  member       = google_service_account.this["worker"].member
}

resource "google_pubsub_subscription_iam_member" "gives_up" {
  for_each     = local.both
  subscription = google_pubsub_subscription.dead.id
  role         = "roles/pubsub.subscriber"
  member       = google_service_account.this[each.key].member
}

# A project's role, but for this one database only: Firestore has none that is narrower.
resource "google_project_iam_member" "records" {
  for_each = local.both
  project  = var.project
  role     = "roles/datastore.user"
  member   = google_service_account.this[each.key].member

  condition {
    title      = "the database of the jobs"
    expression = "resource.name == \"projects/${var.project}/databases/${var.database}\""
  }
}

resource "google_monitoring_dashboard" "this" {
  dashboard_json = file("${path.module}/../dashboard.json")
  depends_on     = [google_project_service.api]
}

output "bucket" {
  value       = google_storage_bucket.recordings.name
  description = "GCS_BUCKET of the services."
}

# The table of jobs: its indexes are the queries of transcription/jobs/firestore.py.
resource "google_firestore_database" "jobs" {
  name                    = var.database
  location_id             = var.region
  type                    = "FIRESTORE_NATIVE"
  delete_protection_state = "DELETE_PROTECTION_ENABLED"
  depends_on              = [google_project_service.api]
}

locals {
  indexes = {
    page           = { collection = "jobs", fields = ["owner", "-created_us"] }
    page_of_status = { collection = "jobs", fields = ["owner", "status", "-created_us"] }
    first_queued   = { collection = "jobs", fields = ["status", "-priority", "created_us"] }
    oldest_queued  = { collection = "jobs", fields = ["status", "created_us"] }
    used           = { collection = "usage", fields = ["owner", "at", "audio_s"] }
  }
  # Never asked for, and an index of them would cost with each write.
  not_indexed = toset(["record"])
}

resource "google_firestore_index" "this" {
  for_each   = local.indexes
  database   = google_firestore_database.jobs.name
  collection = each.value.collection

  dynamic "fields" {
    for_each = each.value.fields
    content {
      field_path = trimprefix(fields.value, "-")
      order      = startswith(fields.value, "-") ? "DESCENDING" : "ASCENDING"
    }
  }
}

resource "google_firestore_field" "not_indexed" {
  for_each   = local.not_indexed
  database   = google_firestore_database.jobs.name
  collection = "jobs"
  field      = each.key
  index_config {}
}

resource "google_firestore_field" "usage_expires" {
  database   = google_firestore_database.jobs.name
  collection = "usage"
  field      = "expires_at"
  ttl_config {}
}

# Browsers and phones have no access at all; the services come with their own accounts, which rules do not bind.
resource "google_firebaserules_ruleset" "closed" {
  source {
    files {
      name    = "firestore.rules"
      content = file("${path.module}/../firestore.rules")
    }
  }
  depends_on = [google_firestore_database.jobs]
}

resource "google_firebaserules_release" "closed" {
  name         = var.database == "(default)" ? "cloud.firestore" : "cloud.firestore/${var.database}"
  ruleset_name = google_firebaserules_ruleset.closed.name
}

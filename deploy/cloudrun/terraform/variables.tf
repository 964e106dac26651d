variable "project" {
  type        = string
  description = "Project id."
}

variable "region" {
  type        = string
  description = "Region of everything; one that has the GPU (Cloud Run's GPU page lists them)."
}

variable "models_bucket" {
  type        = string
  description = "Bucket of the models, laid out as docs/WHISPERX.md has it. It is only read."
}

variable "database" {
  type        = string
  default     = "(default)"
  description = "Firestore database. FIRESTORE_DATABASE of the services."
}

variable "delivery" {
  type        = string
  default     = "push"
  description = "push: Pub/Sub calls the worker service, which scales to zero. pull: workers ask."

  validation {
    condition     = contains(["push", "pull"], var.delivery)
    error_message = "It is push or pull."
  }
}

variable "retention_days" {
  type        = number
  default     = 7
  description = "RETENTION_DAYS of the services: the bucket drops results a day later, should the services not have."
}

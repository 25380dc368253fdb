# What the caller decides about the place of the states.

variable "region" {
  description = "AWS region of the bucket."
  type        = string
  nullable    = false
  default     = "eu-central-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be a region's name such as eu-central-1."
  }
}

variable "bucket" {
  description = "Name of the bucket, unique in all of AWS. Empty: trivet-terraform-ACCOUNT-REGION."
  type        = string
  nullable    = false
  default     = ""

  validation {
    condition     = var.bucket == "" || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket takes 3 to 63 lower-case letters, digits and hyphens."
  }
}

variable "keep_versions_days" {
  description = "How long older versions of a state are kept after they were replaced."
  type        = number
  nullable    = false
  default     = 180

  validation {
    condition     = var.keep_versions_days >= 30
    error_message = "keep_versions_days is 30 or more: they are the way back from a broken state."
  }
}

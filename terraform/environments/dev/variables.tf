# What differs from account to account. What makes this environment what it is stands in main.tf.

variable "region" {
  description = "AWS region."
  type        = string
  nullable    = false
  default     = "eu-central-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be a region's name such as eu-central-1."
  }
}

variable "owner" {
  description = "Who answers for it; a tag on everything."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9 _.:/=+@-]{1,128}$", var.owner))
    error_message = "owner takes what a tag takes."
  }
}

variable "administrators" {
  description = "IAM principals that administer the cluster: name => ARN of a role or user."
  type        = map(string)
  nullable    = false
}

variable "public_access_cidrs" {
  description = "Ranges from which the API server may be reached over the Internet. Empty: from inside the VPC only."
  type        = list(string)
  nullable    = false
  default     = []
}

variable "private_access_cidrs" {
  description = "Ranges inside the VPC or peered with it that may reach the API server besides the nodes, such as the pipeline's agents."
  type        = list(string)
  nullable    = false
  default     = []
}

variable "oidc_issuer" {
  description = "Address of the OpenID Connect issuer of the pipeline's tokens. Null: none, static_principals alone."
  type        = string
  default     = null
}

variable "oidc_provider_arn" {
  description = "That issuer's provider in IAM, where the account has it already. Null: it is made."
  type        = string
  default     = null
}

variable "oidc_subjects" {
  description = "Subjects of the tokens that may deploy: for Jenkins the URL of the job."
  type        = list(string)
  nullable    = false
  default     = []
}

variable "static_principals" {
  description = "IAM users or roles that may deploy with keys of their own, only where AWS cannot reach the issuer: docs/release.md says what that gives up."
  type        = list(string)
  nullable    = false
  default     = []
}

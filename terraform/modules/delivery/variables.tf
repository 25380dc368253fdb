# What the caller decides about the pipeline's way into the cluster.

variable "name" {
  description = "Name of the environment; it begins the name of everything here."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name takes 3 to 24 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "cluster_name" {
  description = "EKS cluster that is deployed to."
  type        = string
  nullable    = false
}

variable "cluster_arn" {
  description = "ARN of that cluster: the one thing in AWS that the pipeline may look at."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:eks:[a-z0-9-]+:[0-9]{12}:cluster/.+$", var.cluster_arn))
    error_message = "cluster_arn must be the ARN of an EKS cluster."
  }
}

variable "namespaces" {
  description = "Kubernetes namespaces that the pipeline may change things in. It makes none: an administrator does."
  type        = list(string)
  nullable    = false
  default     = ["trivet"]

  validation {
    condition     = length(var.namespaces) > 0 && alltrue([for name in var.namespaces : can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", name))])
    error_message = "namespaces takes names of namespaces, without patterns, and at least one."
  }

  validation {
    condition     = alltrue([for name in var.namespaces : !startswith(name, "kube-") && name != "default"])
    error_message = "namespaces may not name default nor those of Kubernetes itself."
  }
}

variable "kubernetes_groups" {
  description = "Kubernetes groups of the pipeline, for RoleBindings that add what EKS' edit policy lacks (ExternalSecrets, ServiceMonitors)."
  type        = list(string)
  nullable    = false
  default     = ["trivet:deployers"]

  validation {
    condition     = alltrue([for group in var.kubernetes_groups : !startswith(group, "system:") && !startswith(group, "eks:")])
    error_message = "kubernetes_groups may not name groups of Kubernetes or EKS."
  }
}

variable "oidc_issuer" {
  description = "Address of the OpenID Connect issuer whose tokens the pipeline shows, such as Jenkins' own with its oidc-provider plugin. Null: none, static_principals alone."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_issuer == null || can(regex("^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._-]+)*$", var.oidc_issuer))
    error_message = "oidc_issuer is an https address without a slash at its end."
  }

  validation {
    condition     = var.oidc_issuer != null || length(var.static_principals) > 0
    error_message = "Somebody has to be able to take the role on: name oidc_issuer, or else static_principals."
  }
}

variable "oidc_provider_arn" {
  description = "ARN of that issuer's provider in IAM where the account has it already (one account can hold it once only). Null: it is made here."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_provider_arn == null || can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/.+$", var.oidc_provider_arn))
    error_message = "oidc_provider_arn must be the ARN of an OIDC provider in IAM."
  }

  validation {
    condition     = var.oidc_provider_arn == null || var.oidc_issuer != null
    error_message = "oidc_provider_arn is the provider of oidc_issuer, which is not named."
  }
}

variable "oidc_audience" {
  description = "Audience that the token must be for."
  type        = string
  nullable    = false
  default     = "sts.amazonaws.com"

  validation {
    condition     = length(var.oidc_audience) > 0 && !strcontains(var.oidc_audience, "*")
    error_message = "oidc_audience is one name, without patterns."
  }
}

variable "oidc_subjects" {
  description = "Subjects of the tokens that are let in, whole: for Jenkins the URL of the job that deploys."
  type        = list(string)
  nullable    = false
  default     = []

  validation {
    condition     = (length(var.oidc_subjects) > 0) == (var.oidc_issuer != null) && alltrue([for subject in var.oidc_subjects : length(subject) > 0 && !can(regex("[*?]", subject))])
    error_message = "oidc_subjects names at least one subject of oidc_issuer, whole: a pattern would let other jobs deploy."
  }
}

variable "static_principals" {
  description = "ARNs of IAM users or roles that may take the role on with keys of their own, where AWS cannot reach the issuer. Whoever has those keys deploys: no job is told from another."
  type        = list(string)
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for arn in var.static_principals : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[A-Za-z0-9+=,.@_/-]+$", arn))])
    error_message = "static_principals takes ARNs of IAM users and roles, whole."
  }
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds the role, where the account wants one on every role. Null: none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of an IAM policy."
  }
}

# What the caller decides about the cluster.

variable "name" {
  description = "Name of the cluster; it begins the name of everything here."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name takes 3 to 24 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "kubernetes_version" {
  description = "Kubernetes version of control plane and nodes. One minor version up at a time; docs of EKS say what each one ends."
  type        = string
  nullable    = false
  default     = "1.36"

  validation {
    condition     = contains(["1.34", "1.35", "1.36"], var.kubernetes_version)
    error_message = "kubernetes_version must be one that the pinned add-ons were chosen for: 1.34, 1.35 or 1.36."
  }
}

variable "vpc_id" {
  description = "VPC that the cluster lives in."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "Private subnets for the control plane's network interfaces and the nodes, in three zones."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 3 && length(distinct(var.subnet_ids)) == length(var.subnet_ids)
    error_message = "subnet_ids takes at least three different subnets, one a zone."
  }
}

variable "public_access_cidrs" {
  description = "Ranges from which the API server may be reached over the Internet. Empty: from inside the VPC only."
  type        = list(string)
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for cidr in var.public_access_cidrs : can(cidrnetmask(cidr))])
    error_message = "public_access_cidrs takes IPv4 networks such as 192.0.2.0/24."
  }

  validation {
    condition     = alltrue([for cidr in var.public_access_cidrs : try(tonumber(split("/", cidr)[1]) >= 16, false)])
    error_message = "public_access_cidrs takes networks of /16 or smaller: the API server is not for the whole Internet."
  }
}

variable "private_access_cidrs" {
  description = "Ranges inside the VPC or peered with it that may reach the private API endpoint besides the nodes: a bastion, the pipeline's agents."
  type        = list(string)
  nullable    = false
  default     = []

  validation {
    condition     = alltrue([for cidr in var.private_access_cidrs : can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]) >= 16, false)])
    error_message = "private_access_cidrs takes IPv4 networks of /16 or smaller."
  }
}

variable "administrators" {
  description = "IAM principals that administer the whole cluster: name => ARN of a role or user. Nobody else is, not even who created it."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(var.administrators) > 0
    error_message = "administrators must name someone, else nobody gets into the cluster."
  }

  validation {
    condition     = alltrue([for arn in values(var.administrators) : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/.+$", arn))])
    error_message = "administrators takes ARNs of IAM roles and users."
  }
}

variable "node_architecture" {
  description = "x86_64 or arm64. The instance types must be of the same."
  type        = string
  nullable    = false
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.node_architecture)
    error_message = "node_architecture is x86_64 or arm64."
  }
}

variable "node_instance_types" {
  description = "Instance types of the nodes, the preferred one first."
  type        = list(string)
  nullable    = false
  default     = ["m6i.large"]

  validation {
    condition     = length(var.node_instance_types) > 0 && alltrue([for type in var.node_instance_types : can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9]+$", type))])
    error_message = "node_instance_types takes instance types such as m6i.large."
  }

  validation {
    condition     = alltrue([for type in var.node_instance_types : can(regex("^[a-z]+[0-9]+g", type)) == (var.node_architecture == "arm64")])
    error_message = "node_instance_types must be of node_architecture: Graviton types (m7g, t4g, ...) for arm64, others for x86_64."
  }
}

variable "node_groups" {
  description = "one_per_zone: a node group in each zone, which an autoscaler needs where pods have to be spread over zones. single: one group over all zones."
  type        = string
  nullable    = false
  default     = "one_per_zone"

  validation {
    condition     = contains(["single", "one_per_zone"], var.node_groups)
    error_message = "node_groups is single or one_per_zone."
  }
}

variable "node_count" {
  description = "How many nodes a node group has: at least, at most, and at first. Afterwards the autoscaler or a person moves it in between."
  type = object({
    min     = number
    max     = number
    initial = number
  })
  nullable = false
  default  = { min = 1, max = 2, initial = 1 }

  validation {
    condition     = var.node_count.min >= 1 && var.node_count.min <= var.node_count.initial && var.node_count.initial <= var.node_count.max
    error_message = "node_count needs 1 <= min <= initial <= max."
  }
}

variable "node_disk_gib" {
  description = "Size of a node's disk in GiB."
  type        = number
  nullable    = false
  default     = 50

  validation {
    condition     = var.node_disk_gib >= 20 && var.node_disk_gib <= 1000
    error_message = "node_disk_gib is 20 to 1000: images and logs need room."
  }
}

variable "webhook_ports" {
  description = "Ports on which the control plane calls pods, for webhooks and metrics, besides 10250 (kubelets, External Secrets): port => what listens there."
  type        = map(string)
  nullable    = false
  default = {
    "9443"  = "AWS Load Balancer Controller's webhook"
    "10251" = "metrics-server"
    "6443"  = "prometheus-adapter"
  }

  validation {
    condition     = alltrue([for port in keys(var.webhook_ports) : try(tonumber(port) >= 1024 && tonumber(port) <= 65535, false)])
    error_message = "webhook_ports takes ports from 1024 to 65535."
  }
}

variable "addon_versions" {
  description = "Versions of the EKS add-ons, pinned: an update is a change that somebody reads. They fit kubernetes_version's default."
  type = object({
    coredns                = string
    kube_proxy             = string
    metrics_server         = string
    vpc_cni                = string
    eks_pod_identity_agent = string
    aws_ebs_csi_driver     = string
  })
  nullable = false
  default = {
    coredns                = "v1.14.3-eksbuild.23"
    kube_proxy             = "v1.36.0-eksbuild.25"
    metrics_server         = "v0.9.0-eksbuild.11"
    vpc_cni                = "v1.22.4-eksbuild.3"
    eks_pod_identity_agent = "v1.3.10-eksbuild.3"
    aws_ebs_csi_driver     = "v1.66.0-eksbuild.1"
  }

  validation {
    condition     = alltrue([for version in values(var.addon_versions) : can(regex("^v[0-9]+\\.[0-9]+\\.[0-9]+-eksbuild\\.[0-9]+$", version))])
    error_message = "addon_versions takes whole versions such as v1.14.3-eksbuild.23."
  }

  validation {
    condition     = startswith(var.addon_versions.kube_proxy, "v${var.kubernetes_version}.")
    error_message = "addon_versions.kube_proxy must be of kubernetes_version."
  }
}

variable "log_retention_days" {
  description = "How long the control plane's logs are kept."
  type        = number
  nullable    = false
  default     = 365

  validation {
    condition     = contains([30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a retention that CloudWatch Logs knows, of 30 days or more."
  }
}

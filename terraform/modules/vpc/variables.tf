# What the caller decides about the network.

variable "name" {
  description = "Name of the environment; it begins the name of everything here."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name))
    error_message = "name takes 3 to 24 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "cidr" {
  description = "IPv4 range of the VPC, /16 to /20, from the private ranges."
  type        = string
  nullable    = false
  default     = "10.20.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(cidrhost(var.cidr, 0) == split("/", var.cidr)[0], false)
    error_message = "cidr must be an IPv4 network such as 10.20.0.0/16, without bits set in its host part."
  }

  validation {
    condition     = try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 20, false)
    error_message = "cidr must be between /16 and /20: nodes give every pod an address of its own."
  }

  validation {
    condition     = can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.)", var.cidr))
    error_message = "cidr must come from 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16."
  }
}

variable "zones" {
  description = "Three availability zones. Empty: the first three of the region that need no opt-in."
  type        = list(string)
  nullable    = false
  default     = []

  validation {
    condition     = contains([0, 3], length(var.zones)) && length(distinct(var.zones)) == length(var.zones)
    error_message = "zones names three different availability zones, or none."
  }
}

variable "nat_gateways" {
  description = "one_per_zone: the loss of a zone cuts nobody else off. single: cheaper, and one zone's loss is everyone's."
  type        = string
  nullable    = false
  default     = "one_per_zone"

  validation {
    condition     = contains(["one_per_zone", "single"], var.nat_gateways)
    error_message = "nat_gateways is one_per_zone or single."
  }
}

variable "interface_endpoints" {
  description = "AWS services that are reached inside the VPC instead of through a NAT gateway. Each costs by the hour and zone."
  type        = set(string)
  nullable    = false
  default     = ["ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "logs", "secretsmanager", "sts"]

  validation {
    condition     = alltrue([for service in var.interface_endpoints : can(regex("^[a-z0-9][a-z0-9.-]*$", service))])
    error_message = "interface_endpoints takes the short names of services, such as ecr.api."
  }

  validation {
    condition     = !contains(var.interface_endpoints, "s3")
    error_message = "s3 has a gateway endpoint here already, which costs nothing."
  }
}

variable "log_retention_days" {
  description = "How long flow logs are kept."
  type        = number
  nullable    = false
  default     = 365

  validation {
    condition     = contains([30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a retention that CloudWatch Logs knows, of 30 days or more."
  }
}

variable "cluster_name" {
  description = "EKS cluster that lives here; its load balancers find their subnets by it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$", var.cluster_name))
    error_message = "cluster_name must be a name that EKS takes."
  }
}

# What the caller decides about the stores.

variable "name" {
  description = "Name of the environment; it begins the name of everything here."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.name)) && !strcontains(var.name, "--")
    error_message = "name takes 3 to 24 lower-case letters, digits and single hyphens, and begins with a letter."
  }
}

variable "vpc_id" {
  description = "VPC that the stores live in."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "Private subnets of the stores, in three zones."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 3 && length(distinct(var.subnet_ids)) == length(var.subnet_ids)
    error_message = "subnet_ids takes at least three different subnets, one a zone."
  }
}

variable "node_security_group_id" {
  description = "Security group of the cluster's nodes: the only one that reaches the stores."
  type        = string
  nullable    = false
}

variable "cluster_name" {
  description = "EKS cluster whose External Secrets operator may read the logins."
  type        = string
  nullable    = false
}

variable "secrets_reader" {
  description = "Namespace and service account of the External Secrets operator in that cluster."
  type = object({
    namespace       = string
    service_account = string
  })
  nullable = false
  default  = { namespace = "external-secrets", service_account = "external-secrets" }
}

variable "mysql" {
  description = "RDS for MySQL: version, instance class, storage and up to where it may grow (GiB), a standby in another zone, days of backups, the database's name."
  type = object({
    engine_version  = optional(string, "8.4")
    instance_class  = optional(string, "db.r6g.large")
    storage_gib     = optional(number, 100)
    max_storage_gib = optional(number, 500)
    multi_az        = optional(bool, true)
    backup_days     = optional(number, 14)
    database        = optional(string, "trivet")
  })
  nullable = false
  default  = {}

  validation {
    condition     = contains(["8.0", "8.4"], var.mysql.engine_version)
    error_message = "mysql.engine_version is 8.0 or 8.4."
  }

  validation {
    condition     = can(regex("^db\\.[a-z0-9]+\\.[a-z0-9]+$", var.mysql.instance_class)) && !can(regex("\\.(micro|small)$", var.mysql.instance_class))
    error_message = "mysql.instance_class must be an RDS class of size medium or larger: smaller ones have no Performance Insights."
  }

  validation {
    condition     = var.mysql.storage_gib >= 20 && var.mysql.storage_gib < var.mysql.max_storage_gib
    error_message = "mysql.storage_gib is 20 or more, and less than max_storage_gib."
  }

  validation {
    condition     = var.mysql.backup_days >= 1 && var.mysql.backup_days <= 35
    error_message = "mysql.backup_days is 1 to 35: there is no store without backups here."
  }

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.mysql.database))
    error_message = "mysql.database takes lower-case letters, digits and underscores, and begins with a letter."
  }
}

variable "documentdb" {
  description = "DocumentDB, which speaks MongoDB's protocol: version, instance class, how many instances (over as many zones), days of backups."
  type = object({
    engine_version = optional(string, "5.0.0")
    instance_class = optional(string, "db.r6g.large")
    instances      = optional(number, 2)
    backup_days    = optional(number, 14)
  })
  nullable = false
  default  = {}

  validation {
    condition     = contains(["5.0.0"], var.documentdb.engine_version)
    error_message = "documentdb.engine_version is 5.0.0."
  }

  validation {
    condition     = can(regex("^db\\.[a-z0-9]+\\.[a-z0-9]+$", var.documentdb.instance_class))
    error_message = "documentdb.instance_class must be a DocumentDB class such as db.r6g.large."
  }

  validation {
    condition     = var.documentdb.instances >= 1 && var.documentdb.instances <= 16 && floor(var.documentdb.instances) == var.documentdb.instances
    error_message = "documentdb.instances is 1 to 16."
  }

  validation {
    condition     = var.documentdb.backup_days >= 1 && var.documentdb.backup_days <= 35
    error_message = "documentdb.backup_days is 1 to 35: there is no store without backups here."
  }
}

variable "redis" {
  description = "ElastiCache: engine (valkey, or redis, which costs more), version, node type, how many nodes (over as many zones), days of snapshots, what Trivet's user may do."
  type = object({
    engine         = optional(string, "valkey")
    engine_version = optional(string, "8.0")
    node_type      = optional(string, "cache.t4g.medium")
    nodes          = optional(number, 2)
    snapshot_days  = optional(number, 7)
    # All but what can hurt the server or others on it; INFO is how Trivet tells one server from the next.
    access_string = optional(string, "on ~* &* +@all -@dangerous +info +keys +sort")
  })
  nullable = false
  default  = {}

  validation {
    condition = contains(["valkey/7.2", "valkey/8.0", "redis/7.1"],
    "${var.redis.engine}/${var.redis.engine_version}")
    error_message = "redis.engine and engine_version are valkey 7.2, valkey 8.0 or redis 7.1."
  }

  validation {
    condition     = can(regex("^cache\\.[a-z0-9]+\\.[a-z0-9]+$", var.redis.node_type))
    error_message = "redis.node_type must be an ElastiCache type such as cache.t4g.medium."
  }

  validation {
    condition     = var.redis.nodes >= 1 && var.redis.nodes <= 6 && floor(var.redis.nodes) == var.redis.nodes
    error_message = "redis.nodes is 1 to 6."
  }

  validation {
    condition     = var.redis.snapshot_days >= 1 && var.redis.snapshot_days <= 35
    error_message = "redis.snapshot_days is 1 to 35: what clients put under /kv is data, too."
  }

  validation {
    condition     = startswith(var.redis.access_string, "on ") && !strcontains(var.redis.access_string, "nopass")
    error_message = "redis.access_string is that of a user who is on and has a password."
  }
}

variable "ca_file" {
  description = "Where Trivet's containers hold the certificates of Amazon RDS (AWS publishes them as global-bundle.pem); it becomes part of the URLs of MySQL and DocumentDB."
  type        = string
  nullable    = false
  default     = "/etc/trivet/ca/rds.pem"

  validation {
    condition     = can(regex("^/[A-Za-z0-9._/-]+$", var.ca_file))
    error_message = "ca_file is an absolute path without characters that a URL would have to encode."
  }
}

variable "password_version" {
  description = "Raise it to have new passwords made for Trivet's logins; MySQL and DocumentDB must then be told theirs."
  type        = number
  nullable    = false
  default     = 1

  validation {
    condition     = var.password_version >= 1 && floor(var.password_version) == var.password_version
    error_message = "password_version counts from 1."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete MySQL and DocumentDB, and keep a last snapshot of every store. false for environments that come and go."
  type        = bool
  nullable    = false
  default     = true
}

variable "log_retention_days" {
  description = "How long the stores' logs are kept."
  type        = number
  nullable    = false
  default     = 365

  validation {
    condition     = contains([30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a retention that CloudWatch Logs knows, of 30 days or more."
  }
}

# Redis' protocol on ElastiCache: a primary and replicas over several zones, encrypted, TLS only, a user with a password for Trivet and one
# for its exporter. The user named default, which needs none, does not get in.

resource "aws_elasticache_subnet_group" "this" {
  name        = "${var.name}-redis"
  description = "Private subnets of ${var.name}"
  subnet_ids  = var.subnet_ids
}

resource "aws_elasticache_parameter_group" "this" {
  name        = "${var.name}-redis-${var.redis.engine}${split(".", var.redis.engine_version)[0]}"
  description = "What gives way when memory is full"
  family      = "${var.redis.engine}${split(".", var.redis.engine_version)[0]}"

  # Only what has an end anyway gives way, such as cache entries; what clients store under /kv without one stays.
  parameter {
    name  = "maxmemory-policy"
    value = "volatile-lru"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_elasticache_user" "trivet" {
  user_id       = "${var.name}-trivet"
  user_name     = "trivet"
  engine        = var.redis.engine
  access_string = var.redis.access_string

  authentication_mode {
    type      = "password"
    passwords = [local.redis_login.password]
  }
}

# Sees how the server is, and no key's value.
resource "aws_elasticache_user" "exporter" {
  user_id       = "${var.name}-exporter"
  user_name     = "exporter"
  engine        = var.redis.engine
  access_string = "on -@all +ping +info +slowlog|get +slowlog|len +latency|latest +latency|histogram +client|list +client|setname"

  authentication_mode {
    type      = "password"
    passwords = [local.redis_exporter_password]
  }
}

# Redis' engine wants a user of this name in every group; this one is off.
resource "aws_elasticache_user" "nobody" {
  count = var.redis.engine == "redis" ? 1 : 0

  user_id       = "${var.name}-nobody"
  user_name     = "default"
  engine        = "redis"
  access_string = "off ~* -@all"

  authentication_mode {
    type = "no-password-required"
  }
}

resource "aws_elasticache_user_group" "this" {
  user_group_id = "${var.name}-redis"
  engine        = var.redis.engine
  user_ids      = concat([aws_elasticache_user.trivet.user_id, aws_elasticache_user.exporter.user_id], aws_elasticache_user.nobody[*].user_id)
}

resource "aws_elasticache_replication_group" "this" {
  #checkov:skip=CKV_AWS_31:Users with passwords (user_group_ids) in place of one token for all.
  #checkov:skip=CKV2_AWS_50:Failover needs a second node; how many there are is the caller's decision, the default is two.
  replication_group_id = "${var.name}-redis"
  description          = "Trivet's Redis in ${var.name}"
  engine               = var.redis.engine
  engine_version       = var.redis.engine_version
  node_type            = var.redis.node_type
  parameter_group_name = aws_elasticache_parameter_group.this.name
  port                 = local.stores.redis.port

  num_cache_clusters         = var.redis.nodes
  automatic_failover_enabled = var.redis.nodes > 1
  multi_az_enabled           = var.redis.nodes > 1
  subnet_group_name          = aws_elasticache_subnet_group.this.name
  security_group_ids         = [aws_security_group.store["redis"].id]

  at_rest_encryption_enabled = true
  kms_key_id                 = aws_kms_key.this.arn
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  user_group_ids             = [aws_elasticache_user_group.this.user_group_id]

  snapshot_retention_limit   = var.redis.snapshot_days
  snapshot_window            = "01:00-02:00"
  maintenance_window         = "sun:05:00-sun:06:00"
  final_snapshot_identifier  = var.deletion_protection ? "${var.name}-redis-final" : null
  auto_minor_version_upgrade = true

  log_delivery_configuration {
    destination      = aws_cloudwatch_log_group.this["redis_slow"].name
    destination_type = "cloudwatch-logs"
    log_format       = "json"
    log_type         = "slow-log"
  }

  log_delivery_configuration {
    destination      = aws_cloudwatch_log_group.this["redis_engine"].name
    destination_type = "cloudwatch-logs"
    log_format       = "json"
    log_type         = "engine-log"
  }
}

# What the login and outputs need of it.
locals {
  redis_address = aws_elasticache_replication_group.this.primary_endpoint_address
}

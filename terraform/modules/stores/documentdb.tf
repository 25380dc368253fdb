# The MongoDB-compatible store: a DocumentDB cluster over several zones, encrypted, TLS only, its own administrator's password made
# and rotated by AWS.

resource "aws_docdb_subnet_group" "this" {
  name        = "${var.name}-mongo"
  description = "Private subnets of ${var.name}"
  subnet_ids  = var.subnet_ids
}

resource "aws_docdb_cluster_parameter_group" "this" {
  name_prefix = "${var.name}-mongo-"
  description = "TLS required, logins and slow operations logged"
  family      = "docdb5.0"

  parameter {
    name  = "tls"
    value = "tls1.2+"
  }

  parameter {
    name  = "audit_logs"
    value = "enabled"
  }

  parameter {
    name  = "profiler"
    value = "enabled"
  }

  parameter {
    name  = "profiler_threshold_ms"
    value = "1000"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_docdb_cluster" "this" {
  #checkov:skip=CKV_AWS_182:It is encrypted with a key of ours, kms_key_id below.
  cluster_identifier              = "${var.name}-mongo"
  engine                          = "docdb"
  engine_version                  = var.documentdb.engine_version
  master_username                 = "administrator"
  manage_master_user_password     = true
  port                            = local.stores.mongo.port
  db_subnet_group_name            = aws_docdb_subnet_group.this.name
  db_cluster_parameter_group_name = aws_docdb_cluster_parameter_group.this.name
  vpc_security_group_ids          = [aws_security_group.store["mongo"].id]

  storage_encrypted = true
  kms_key_id        = aws_kms_key.this.arn

  backup_retention_period      = var.documentdb.backup_days
  preferred_backup_window      = "01:00-02:00"
  preferred_maintenance_window = "sun:04:00-sun:05:00"
  deletion_protection          = var.deletion_protection
  skip_final_snapshot          = !var.deletion_protection
  final_snapshot_identifier    = var.deletion_protection ? "${var.name}-mongo-final" : null

  enabled_cloudwatch_logs_exports = ["audit", "profiler"]

  depends_on = [aws_cloudwatch_log_group.this]
}

# One writes, the others read and stand by; AWS spreads them over the zones of the subnets.
resource "aws_docdb_cluster_instance" "this" {
  for_each = toset([for i in range(var.documentdb.instances) : tostring(i + 1)])

  identifier                   = "${var.name}-mongo-${each.key}"
  cluster_identifier           = aws_docdb_cluster.this.id
  instance_class               = var.documentdb.instance_class
  ca_cert_identifier           = "rds-ca-rsa2048-g1"
  auto_minor_version_upgrade   = true
  preferred_maintenance_window = "sun:04:00-sun:05:00"
}

# What the logins and outputs need of it.
locals {
  mongo_address                  = aws_docdb_cluster.this.endpoint
  mongo_administrator_secret_arn = one(aws_docdb_cluster.this.master_user_secret[*].secret_arn)
}

# MySQL on RDS: a standby in another zone, encrypted, TLS only, its own administrator's password made and rotated by RDS.

resource "aws_db_subnet_group" "mysql" {
  name        = "${var.name}-mysql"
  description = "Private subnets of ${var.name}"
  subnet_ids  = var.subnet_ids
}

resource "aws_db_parameter_group" "mysql" {
  name_prefix = "${var.name}-mysql-"
  description = "TLS required, slow statements logged"
  family      = "mysql${var.mysql.engine_version}"

  parameter {
    name  = "require_secure_transport"
    value = "1"
  }

  parameter {
    name         = "tls_version"
    value        = "TLSv1.2,TLSv1.3"
    apply_method = "pending-reboot"
  }

  parameter {
    name  = "slow_query_log"
    value = "1"
  }

  parameter {
    name  = "long_query_time"
    value = "1"
  }

  parameter {
    name  = "log_output"
    value = "FILE"
  }

  lifecycle {
    create_before_destroy = true
  }
}

data "aws_iam_policy_document" "monitoring_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["monitoring.rds.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "monitoring" {
  name               = "${var.name}-mysql-monitoring"
  description        = "Enhanced monitoring of ${var.name}-mysql"
  assume_role_policy = data.aws_iam_policy_document.monitoring_trust.json
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

resource "aws_db_instance" "mysql" {
  #checkov:skip=CKV_AWS_157:Whether there is a standby is the caller's decision; the default is yes.
  #checkov:skip=CKV_AWS_293:Deletion protection is the caller's decision; the default is yes.
  #checkov:skip=CKV2_AWS_30:The check wants the general query log, which would write every statement with its values.
  identifier         = "${var.name}-mysql"
  engine             = "mysql"
  engine_version     = var.mysql.engine_version
  instance_class     = var.mysql.instance_class
  ca_cert_identifier = "rds-ca-rsa2048-g1"

  storage_type          = "gp3"
  allocated_storage     = var.mysql.storage_gib
  max_allocated_storage = var.mysql.max_storage_gib
  storage_encrypted     = true
  kms_key_id            = aws_kms_key.this.arn

  db_name                             = var.mysql.database
  username                            = "administrator"
  manage_master_user_password         = true
  master_user_secret_kms_key_id       = aws_kms_key.this.key_id
  iam_database_authentication_enabled = true

  multi_az               = var.mysql.multi_az
  db_subnet_group_name   = aws_db_subnet_group.mysql.name
  vpc_security_group_ids = [aws_security_group.store["mysql"].id]
  publicly_accessible    = false
  port                   = local.stores.mysql.port
  parameter_group_name   = aws_db_parameter_group.mysql.name

  backup_retention_period   = var.mysql.backup_days
  backup_window             = "01:00-02:00"
  maintenance_window        = "sun:03:00-sun:04:00"
  copy_tags_to_snapshot     = true
  deletion_protection       = var.deletion_protection
  skip_final_snapshot       = !var.deletion_protection
  final_snapshot_identifier = var.deletion_protection ? "${var.name}-mysql-final" : null

  auto_minor_version_upgrade = true
  # As with the cluster: no slide into extended support, which costs extra.
  engine_lifecycle_support = "open-source-rds-extended-support-disabled"

  enabled_cloudwatch_logs_exports = ["error", "slowquery"]
  monitoring_interval             = 60
  monitoring_role_arn             = aws_iam_role.monitoring.arn
  performance_insights_enabled    = true
  performance_insights_kms_key_id = aws_kms_key.this.arn

  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy_attachment.monitoring]
}

# What the login and outputs need of it.
locals {
  mysql_address                  = aws_db_instance.mysql.address
  mysql_administrator_secret_arn = one(aws_db_instance.mysql.master_user_secret[*].secret_arn)
}

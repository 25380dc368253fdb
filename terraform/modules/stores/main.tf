# What the three stores share: the key, the logs, and who reaches them.

data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id
  region    = data.aws_region.current.id

  stores = {
    mysql = { port = 3306, title = "RDS for MySQL" }
    mongo = { port = 27017, title = "DocumentDB" }
    redis = { port = 6379, title = "ElastiCache" }
  }

  log_groups = {
    mysql_error     = "/aws/rds/instance/${var.name}-mysql/error"
    mysql_slowquery = "/aws/rds/instance/${var.name}-mysql/slowquery"
    mongo_audit     = "/aws/docdb/${var.name}-mongo/audit"
    mongo_profiler  = "/aws/docdb/${var.name}-mongo/profiler"
    redis_slow      = "/trivet/${var.name}/redis/slow"
    redis_engine    = "/trivet/${var.name}/redis/engine"
  }
}

data "aws_iam_policy_document" "key" {
  #checkov:skip=CKV_AWS_109:A key's own policy must name the account, else nobody can manage the key; the account's policies decide who.
  #checkov:skip=CKV_AWS_111:The account manages its key; "*" in a key's policy means this key.
  #checkov:skip=CKV_AWS_356:The account manages its key; "*" in a key's policy means this key.
  statement {
    sid       = "AccountManages"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
  }

  statement {
    sid       = "StoresLogs"
    actions   = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${local.region}.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = [for name in values(local.log_groups) : "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${name}"]
    }
  }
}

resource "aws_kms_key" "this" {
  description             = "Stores of ${var.name}: data, backups, logs, passwords"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}-stores"
  target_key_id = aws_kms_key.this.key_id
}

# Made before the stores write to them, else they are made without an end and without our key.
resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:How long is the caller's decision; a development environment need not keep a year.
  for_each = local.log_groups

  name              = each.value
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}

resource "aws_security_group" "store" {
  #checkov:skip=CKV2_AWS_5:Each is attached to its store, in mysql.tf, documentdb.tf and redis.tf.
  for_each = local.stores

  name        = "${var.name}-${each.key}"
  description = "${each.value.title} of ${var.name}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-${each.key}" }
}

# Nodes in, nothing out: a store opens no connections.
resource "aws_vpc_security_group_ingress_rule" "store_from_nodes" {
  for_each = local.stores

  security_group_id            = aws_security_group.store[each.key].id
  description                  = "${each.value.title} from the cluster's nodes"
  referenced_security_group_id = var.node_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "nodes_to_store" {
  for_each = local.stores

  security_group_id            = var.node_security_group_id
  description                  = "${each.value.title} of ${var.name}"
  referenced_security_group_id = aws_security_group.store[each.key].id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

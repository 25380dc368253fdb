# The stores as planned: encrypted, TLS only, reached by nodes alone, over several zones, and what must be refused. No account is
# needed. Mocked providers know no ephemeral resources: these run on a copy without passwords.tf, as tests/terraform makes it.

mock_provider "aws" {
  source = "../../testing"
}

variables {
  name                   = "trivet-test"
  vpc_id                 = "vpc-1"
  subnet_ids             = ["subnet-a", "subnet-b", "subnet-c"]
  node_security_group_id = "sg-nodes"
  cluster_name           = "trivet-test"
}

run "mysql" {
  command = apply

  assert {
    condition     = aws_db_instance.mysql.multi_az && !aws_db_instance.mysql.publicly_accessible && aws_db_instance.mysql.deletion_protection
    error_message = "with a standby, not public, not deleted by a slip"
  }

  assert {
    condition     = aws_db_instance.mysql.storage_encrypted && aws_db_instance.mysql.kms_key_id == aws_kms_key.this.arn && aws_kms_key.this.enable_key_rotation
    error_message = "encrypted with a key of ours, which rotates"
  }

  assert {
    condition     = aws_db_instance.mysql.manage_master_user_password && aws_db_instance.mysql.password == null && aws_db_instance.mysql.master_user_secret_kms_key_id == aws_kms_key.this.key_id
    error_message = "the administrator's password is RDS's business"
  }

  assert {
    condition     = { for parameter in aws_db_parameter_group.mysql.parameter : parameter.name => parameter.value }["require_secure_transport"] == "1" && aws_db_parameter_group.mysql.family == "mysql8.4"
    error_message = "TLS is required"
  }

  assert {
    condition     = aws_db_instance.mysql.backup_retention_period == 14 && !aws_db_instance.mysql.skip_final_snapshot && aws_db_instance.mysql.final_snapshot_identifier == "trivet-test-mysql-final"
    error_message = "two weeks of backups, and a last snapshot"
  }

  assert {
    condition     = aws_db_instance.mysql.max_allocated_storage > aws_db_instance.mysql.allocated_storage && aws_db_instance.mysql.storage_type == "gp3"
    error_message = "storage grows by itself"
  }

  assert {
    condition     = aws_db_instance.mysql.vpc_security_group_ids == toset([aws_security_group.store["mysql"].id]) && aws_db_subnet_group.mysql.subnet_ids == toset(["subnet-a", "subnet-b", "subnet-c"])
    error_message = "in the private subnets, in its own group alone"
  }

  assert {
    condition     = aws_db_instance.mysql.engine_lifecycle_support == "open-source-rds-extended-support-disabled"
    error_message = "no slide into extended support"
  }
}

run "documentdb" {
  command = apply

  assert {
    condition     = length(aws_docdb_cluster_instance.this) == 2 && aws_docdb_cluster.this.storage_encrypted && aws_docdb_cluster.this.kms_key_id == aws_kms_key.this.arn
    error_message = "two instances, encrypted with a key of ours"
  }

  assert {
    condition     = { for parameter in aws_docdb_cluster_parameter_group.this.parameter : parameter.name => parameter.value }["tls"] == "tls1.2+"
    error_message = "TLS is required"
  }

  assert {
    condition     = aws_docdb_cluster.this.manage_master_user_password && aws_docdb_cluster.this.deletion_protection && !aws_docdb_cluster.this.skip_final_snapshot
    error_message = "the administrator's password is AWS's business, and the cluster is not deleted by a slip"
  }

  assert {
    condition     = aws_docdb_cluster.this.vpc_security_group_ids == toset([aws_security_group.store["mongo"].id])
    error_message = "in its own group alone"
  }

  assert {
    condition     = aws_docdb_cluster.this.enabled_cloudwatch_logs_exports == tolist(["audit", "profiler"])
    error_message = "logins and slow operations are logged"
  }
}

run "redis" {
  command = apply

  assert {
    condition     = aws_elasticache_replication_group.this.engine == "valkey" && aws_elasticache_replication_group.this.num_cache_clusters == 2 && aws_elasticache_replication_group.this.automatic_failover_enabled && aws_elasticache_replication_group.this.multi_az_enabled
    error_message = "two nodes in two zones, one takes over from the other"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.transit_encryption_enabled && aws_elasticache_replication_group.this.transit_encryption_mode == "required" && aws_elasticache_replication_group.this.at_rest_encryption_enabled == "true"
    error_message = "TLS is required, data is encrypted"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.user_group_ids == toset(["trivet-test-redis"]) && aws_elasticache_user_group.this.user_ids == toset(["trivet-test-trivet", "trivet-test-exporter"])
    error_message = "Trivet and its exporter get in"
  }

  assert {
    condition     = one(aws_elasticache_user.trivet.authentication_mode).type == "password" && strcontains(aws_elasticache_user.trivet.access_string, "-@dangerous")
    error_message = "with a password, and without what can hurt the server"
  }

  assert {
    condition     = one(aws_elasticache_user.exporter.authentication_mode).type == "password" && aws_elasticache_user.exporter.user_name == "exporter" && startswith(aws_elasticache_user.exporter.access_string, "on -@all ") && !can(regex("~|[+](@|get|eval|config|acl)", aws_elasticache_user.exporter.access_string))
    error_message = "the exporter has a password, reads no key and changes nothing"
  }

  assert {
    condition     = length(aws_elasticache_user.nobody) == 0 && aws_elasticache_parameter_group.this.family == "valkey8"
    error_message = "valkey wants no user named default"
  }
}

run "redis_of_redis" {
  command = apply

  variables {
    redis = { engine = "redis", engine_version = "7.1", nodes = 1 }
  }

  assert {
    condition     = aws_elasticache_user.nobody[0].user_name == "default" && startswith(aws_elasticache_user.nobody[0].access_string, "off ") && length(aws_elasticache_user_group.this.user_ids) == 3
    error_message = "the user named default is there, and off"
  }

  assert {
    condition     = !aws_elasticache_replication_group.this.automatic_failover_enabled && aws_elasticache_parameter_group.this.family == "redis7"
    error_message = "a single node has nobody to fail over to"
  }
}

run "nodes_reach_stores_and_nobody_else_does" {
  command = apply

  assert {
    condition     = { for store, rule in aws_vpc_security_group_ingress_rule.store_from_nodes : store => [rule.from_port, rule.to_port] } == { mysql = [3306, 3306], mongo = [27017, 27017], redis = [6379, 6379] }
    error_message = "one port each"
  }

  assert {
    condition     = alltrue([for store, rule in aws_vpc_security_group_ingress_rule.store_from_nodes : rule.referenced_security_group_id == "sg-nodes" && rule.cidr_ipv4 == null && rule.security_group_id == aws_security_group.store[store].id])
    error_message = "from the nodes' group alone"
  }

  assert {
    condition     = alltrue([for store, rule in aws_vpc_security_group_egress_rule.nodes_to_store : rule.security_group_id == "sg-nodes" && rule.referenced_security_group_id == aws_security_group.store[store].id])
    error_message = "and the nodes are let out to them"
  }
}

run "logins" {
  command = apply

  assert {
    condition     = { for variable, place in output.pod_secrets : variable => "${place.secret} ${place.property}" } == { TRIVET_MYSQL_URL_FILE = "trivet/trivet-test/mysql url", TRIVET_MONGO_URL_FILE = "trivet/trivet-test/mongo url", TRIVET_REDIS_URL_FILE = "trivet/trivet-test/redis url" }
    error_message = "a secret with a URL for each variable of the workers"
  }

  assert {
    condition     = { for login, secret in aws_secretsmanager_secret.login : login => secret.name } == { for login in ["mysql", "mongo", "redis", "exporters"] : login => "trivet/trivet-test/${login}" }
    error_message = "and one for the exporters"
  }

  assert {
    condition     = alltrue([for secret in aws_secretsmanager_secret.login : secret.kms_key_id == aws_kms_key.this.arn && secret.recovery_window_in_days == 30])
    error_message = "encrypted with a key of ours, recoverable for a month"
  }

  assert {
    condition     = nonsensitive(jsondecode(aws_secretsmanager_secret_version.redis.secret_string).url) == "rediss://trivet:MockedMockedMockedMockedMockedMockedMock@redis.mocked.test:6379/0"
    error_message = "Redis' URL is TLS with user and password"
  }
}

run "reader" {
  command = apply

  assert {
    condition     = toset(flatten([for statement in data.aws_iam_policy_document.reader.statement : tolist(statement.actions)])) == toset(["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret", "kms:Decrypt"])
    error_message = "External Secrets reads, nothing else"
  }

  assert {
    condition     = alltrue([for statement in data.aws_iam_policy_document.reader.statement : !contains(statement.resources, "*")])
    error_message = "and only what is named"
  }

  assert {
    condition     = aws_eks_pod_identity_association.reader.namespace == "external-secrets" && aws_eks_pod_identity_association.reader.role_arn == aws_iam_role.reader.arn
    error_message = "by Pod Identity"
  }
}

run "logs_are_ours" {
  command = apply

  assert {
    condition     = length(aws_cloudwatch_log_group.this) == 6 && alltrue([for group in aws_cloudwatch_log_group.this : group.kms_key_id == aws_kms_key.this.arn && group.retention_in_days == 365])
    error_message = "six groups, encrypted, kept a year"
  }

  assert {
    condition     = toset([for delivery in aws_elasticache_replication_group.this.log_delivery_configuration : delivery.log_type]) == toset(["slow-log", "engine-log"])
    error_message = "both logs of Redis"
  }
}

run "small_and_short_lived" {
  command = plan

  variables {
    deletion_protection = false
    mysql               = { instance_class = "db.t4g.medium", storage_gib = 20, max_storage_gib = 100, multi_az = false, backup_days = 1 }
    documentdb          = { instance_class = "db.t4g.medium", instances = 1, backup_days = 1 }
    redis               = { node_type = "cache.t4g.small", nodes = 1, snapshot_days = 1 }
  }

  assert {
    condition     = !aws_db_instance.mysql.deletion_protection && aws_db_instance.mysql.skip_final_snapshot && aws_db_instance.mysql.final_snapshot_identifier == null && aws_docdb_cluster.this.skip_final_snapshot
    error_message = "goes without a last snapshot"
  }

  assert {
    condition     = aws_db_instance.mysql.storage_encrypted && aws_docdb_cluster.this.storage_encrypted && aws_elasticache_replication_group.this.transit_encryption_mode == "required"
    error_message = "small is no reason to do without encryption"
  }
}

run "refuses_an_old_mysql" {
  command = plan

  variables {
    mysql = { engine_version = "5.7" }
  }

  expect_failures = [var.mysql]
}

run "refuses_a_mysql_too_small_to_watch" {
  command = plan

  variables {
    mysql = { instance_class = "db.t4g.micro" }
  }

  expect_failures = [var.mysql]
}

run "refuses_storage_that_cannot_grow" {
  command = plan

  variables {
    mysql = { storage_gib = 100, max_storage_gib = 100 }
  }

  expect_failures = [var.mysql]
}

run "refuses_mysql_without_backups" {
  command = plan

  variables {
    mysql = { backup_days = 0 }
  }

  expect_failures = [var.mysql]
}

run "refuses_documentdb_without_backups" {
  command = plan

  variables {
    documentdb = { backup_days = 0 }
  }

  expect_failures = [var.documentdb]
}

run "refuses_no_documentdb_instances" {
  command = plan

  variables {
    documentdb = { instances = 0 }
  }

  expect_failures = [var.documentdb]
}

run "refuses_an_unknown_engine" {
  command = plan

  variables {
    redis = { engine = "memcached", engine_version = "1.6" }
  }

  expect_failures = [var.redis]
}

run "refuses_a_user_without_password" {
  command = plan

  variables {
    redis = { access_string = "on nopass ~* +@all" }
  }

  expect_failures = [var.redis]
}

run "refuses_a_path_that_breaks_urls" {
  command = plan

  variables {
    ca_file = "/etc/ca&file"
  }

  expect_failures = [var.ca_file]
}

run "refuses_password_version_zero" {
  command = plan

  variables {
    password_version = 0
  }

  expect_failures = [var.password_version]
}

run "refuses_two_subnets" {
  command = plan

  variables {
    subnet_ids = ["subnet-a", "subnet-b"]
  }

  expect_failures = [var.subnet_ids]
}

# Where the stores are, and which secret holds what a pod needs. No output holds a password.

output "mysql_address" {
  description = "Host name of MySQL."
  value       = local.mysql_address
}

output "mysql_administrator_secret_arn" {
  description = "Secret of MySQL's administrator, which RDS rotates; for whoever gives Trivet's login its rights."
  value       = local.mysql_administrator_secret_arn
}

output "mongo_address" {
  description = "Host name of DocumentDB's writer."
  value       = local.mongo_address
}

output "mongo_administrator_secret_arn" {
  description = "Secret of DocumentDB's administrator, which AWS rotates; for whoever gives Trivet's login its rights."
  value       = local.mongo_administrator_secret_arn
}

output "redis_address" {
  description = "Host name of ElastiCache's primary."
  value       = local.redis_address
}

output "pod_secrets" {
  description = "What an ExternalSecret has to name: the worker's variable that takes a file => secret and property that hold the URL."
  value = {
    TRIVET_MYSQL_URL_FILE = { secret = aws_secretsmanager_secret.login["mysql"].name, property = "url" }
    TRIVET_MONGO_URL_FILE = { secret = aws_secretsmanager_secret.login["mongo"].name, property = "url" }
    TRIVET_REDIS_URL_FILE = { secret = aws_secretsmanager_secret.login["redis"].name, property = "url" }
  }
}

output "secret_arns" {
  description = "ARNs of the logins' secrets: mysql, mongo, redis, exporters."
  value       = { for store, secret in aws_secretsmanager_secret.login : store => secret.arn }
}

output "security_group_ids" {
  description = "Security groups of the stores: mysql, mongo, redis."
  value       = { for store, group in aws_security_group.store : store => group.id }
}

output "key_arn" {
  description = "KMS key of the stores' data, backups, logs and passwords."
  value       = aws_kms_key.this.arn
}

output "secrets_reader_role_arn" {
  description = "Role of the External Secrets operator."
  value       = aws_iam_role.reader.arn
}

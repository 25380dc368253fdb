# Trivet's own logins: a secret for each, one for those of the exporters, and the passwords for Redis. ElastiCache has no way to be given
# a password that is not in the state, so these are there, too; the state is encrypted and closed to all but those who apply. The others
# are in passwords.tf. Passwords are letters and digits: nothing in a URL has to be encoded.

locals {
  prefix = "trivet/${var.name}"

  logins = {
    mysql     = "MySQL: trivet_authenticator"
    mongo     = "DocumentDB: trivet"
    redis     = "ElastiCache: trivet"
    exporters = "All three: exporter, which looks and nothing else"
  }
}

resource "aws_secretsmanager_secret" "login" {
  #checkov:skip=CKV2_AWS_57:A new password means telling the store, too: password_version does it when somebody decides so.
  for_each = local.logins

  name                    = "${local.prefix}/${each.key}"
  description             = each.value
  kms_key_id              = aws_kms_key.this.arn
  recovery_window_in_days = var.deletion_protection ? 30 : 0
}

# Others are made for every plan; only those of the first, or of the first with a new password_version, are written.
data "aws_secretsmanager_random_password" "redis" {
  for_each = toset(["trivet", "exporter"])

  password_length     = 40
  exclude_punctuation = true
}

# The passwords alone, so that they stay what they are while the store is replaced.
resource "terraform_data" "redis_password" {
  for_each = data.aws_secretsmanager_random_password.redis

  input            = each.value.random_password
  triggers_replace = var.password_version

  lifecycle {
    ignore_changes = [input]
  }
}

locals {
  redis_login = {
    username = "trivet"
    password = sensitive(terraform_data.redis_password["trivet"].output)
  }
  redis_exporter_password = sensitive(terraform_data.redis_password["exporter"].output)
}

resource "aws_secretsmanager_secret_version" "redis" {
  secret_id = aws_secretsmanager_secret.login["redis"].id
  secret_string = jsonencode(merge(local.redis_login, {
    host = local.redis_address
    port = local.stores.redis.port
    url = format("rediss://%s:%s@%s:%d/0", local.redis_login.username, local.redis_login.password,
    local.redis_address, local.stores.redis.port)
  }))
}

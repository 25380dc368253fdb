# Passwords of Trivet's and the exporters' logins to MySQL and DocumentDB, made and written without a trace in the state: they exist in Secrets Manager
# only. A file of its own, since terraform's mocked providers know no ephemeral resources: the tests with mocks go without it, those
# against a double of AWS go with it.

ephemeral "aws_secretsmanager_random_password" "mysql" {
  password_length     = 40
  exclude_punctuation = true
}

ephemeral "aws_secretsmanager_random_password" "mongo" {
  password_length     = 40
  exclude_punctuation = true
}

ephemeral "aws_secretsmanager_random_password" "mysql_exporter" {
  password_length     = 40
  exclude_punctuation = true
}

ephemeral "aws_secretsmanager_random_password" "mongo_exporter" {
  password_length     = 40
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret_version" "mysql" {
  secret_id                = aws_secretsmanager_secret.login["mysql"].id
  secret_string_wo_version = var.password_version
  secret_string_wo = jsonencode({
    host     = local.mysql_address
    port     = local.stores.mysql.port
    database = var.mysql.database
    username = "trivet_authenticator"
    password = ephemeral.aws_secretsmanager_random_password.mysql.random_password
    url = format("mysql://trivet_authenticator:%s@%s:%d/%s?ssl=verify&ca=%s",
      ephemeral.aws_secretsmanager_random_password.mysql.random_password,
    local.mysql_address, local.stores.mysql.port, var.mysql.database, var.ca_file)
  })
}

resource "aws_secretsmanager_secret_version" "mongo" {
  secret_id                = aws_secretsmanager_secret.login["mongo"].id
  secret_string_wo_version = var.password_version
  secret_string_wo = jsonencode({
    host     = local.mongo_address
    port     = local.stores.mongo.port
    username = "trivet"
    password = ephemeral.aws_secretsmanager_random_password.mongo.random_password
    # DocumentDB has no retryable writes; a driver that is not told tries them.
    url = format("mongodb://trivet:%s@%s:%d/?tls=true&tlsCAFile=%s&replicaSet=rs0&retryWrites=false",
      ephemeral.aws_secretsmanager_random_password.mongo.random_password,
    local.mongo_address, local.stores.mongo.port, var.ca_file)
  })
}

# As each exporter takes it: a file of MySQL's client, an address with the password in it, an address and a password.
resource "aws_secretsmanager_secret_version" "exporters" {
  secret_id                = aws_secretsmanager_secret.login["exporters"].id
  secret_string_wo_version = var.password_version
  secret_string_wo = jsonencode({
    mysqld_cnf = format("[client]\nhost=%s\nport=%d\nuser=exporter\npassword=%s\nssl-ca=%s\n",
      local.mysql_address, local.stores.mysql.port,
    ephemeral.aws_secretsmanager_random_password.mysql_exporter.random_password, var.ca_file)
    mongodb_uri = format("mongodb://exporter:%s@%s:%d/?tls=true&tlsCAFile=%s&retryWrites=false",
      ephemeral.aws_secretsmanager_random_password.mongo_exporter.random_password,
    local.mongo_address, local.stores.mongo.port, var.ca_file)
    redis_address  = format("rediss://%s:%d", local.redis_address, local.stores.redis.port)
    redis_password = local.redis_exporter_password
  })
}

# Put in place of the module's file in a copy: the AWS double never finishes the instance that the provider waits for.

locals {
  mysql_address                  = "mysql.trivet.test"
  mysql_administrator_secret_arn = null
}

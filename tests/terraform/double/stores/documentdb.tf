# Put in place of the module's file in a copy: the AWS double has no DocumentDB.

locals {
  mongo_address                  = "mongo.trivet.test"
  mongo_administrator_secret_arn = null
}

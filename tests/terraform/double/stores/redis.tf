# Put in place of the module's file in a copy: the AWS double has no parameter groups and user groups of ElastiCache.

locals {
  redis_address = "redis.trivet.test"
}

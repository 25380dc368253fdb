# Laid over the root bootstrap in a copy, for the AWS double: buckets by path, and all may be destroyed again.

provider "aws" {
  s3_use_path_style = true
}

resource "aws_kms_key" "state" {
  lifecycle {
    prevent_destroy = false
  }
}

resource "aws_s3_bucket" "state" {
  lifecycle {
    prevent_destroy = false
  }
}

# The provider waits a minute for it to settle, which it never does here.
resource "aws_s3_bucket_lifecycle_configuration" "state" {
  count = 0
}

# The place of the states as planned, and what must be refused. No account is needed.

mock_provider "aws" {
  source = "../testing"
}

run "bucket" {
  command = plan

  assert {
    condition     = aws_s3_bucket.state.bucket == "trivet-terraform-123456789012-eu-central-1"
    error_message = "a name that no other account has"
  }

  assert {
    condition     = one(aws_s3_bucket_versioning.state.versioning_configuration).status == "Enabled"
    error_message = "older states are kept"
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.state.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms" && aws_kms_key.state.enable_key_rotation
    error_message = "encrypted with a key of ours, which rotates"
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.state.block_public_acls && aws_s3_bucket_public_access_block.state.block_public_policy && aws_s3_bucket_public_access_block.state.ignore_public_acls && aws_s3_bucket_public_access_block.state.restrict_public_buckets
    error_message = "closed to the public"
  }
}

run "a_name_of_the_callers_choice" {
  command = plan

  variables {
    bucket = "our-states"
  }

  assert {
    condition     = aws_s3_bucket.state.bucket == "our-states"
    error_message = "the caller's name"
  }
}

run "refuses_a_name_that_s3_would" {
  command = plan

  variables {
    bucket = "Our_States"
  }

  expect_failures = [var.bucket]
}

run "refuses_what_is_no_region" {
  command = plan

  variables {
    region = "frankfurt"
  }

  expect_failures = [var.region]
}

run "refuses_versions_that_end_too_soon" {
  command = plan

  variables {
    keep_versions_days = 1
  }

  expect_failures = [var.keep_versions_days]
}

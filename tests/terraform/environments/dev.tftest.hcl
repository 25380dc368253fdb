# The environment dev as planned, all modules together. The suite copies it beside the root, since mocks need a copy without
# passwords.tf.

mock_provider "aws" {
  source = "../../testing"
}

variables {
  owner          = "platform@example.com"
  administrators = { platform = "arn:aws:iam::123456789012:role/platform" }
  oidc_issuer    = "https://jenkins.example.com/oidc"
  oidc_subjects  = ["https://jenkins.example.com/job/trivet/job/main/"]
}

run "whole" {
  command = apply

  assert {
    condition     = length(output.nat_addresses) == 1
    error_message = "a single NAT gateway"
  }

  assert {
    condition     = output.cluster_name == "trivet-dev"
    error_message = "the cluster that the pipeline deploys to"
  }

  assert {
    condition     = output.pod_secrets.TRIVET_MYSQL_URL_FILE.secret == "trivet/trivet-dev/mysql"
    error_message = "secrets of this environment"
  }
}

run "refuses_what_is_no_region" {
  command = plan

  variables {
    region = "Frankfurt"
  }

  expect_failures = [var.region]
}

run "refuses_an_owner_that_is_no_tag" {
  command = plan

  variables {
    owner = "<nobody>"
  }

  expect_failures = [var.owner]
}

# The pipeline's role as planned: who may take it on, what it may do, and what must be refused. No account is needed.

mock_provider "aws" {
  source = "../../testing"
}

variables {
  name          = "trivet-test"
  cluster_name  = "trivet-test"
  cluster_arn   = "arn:aws:eks:eu-central-1:123456789012:cluster/trivet-test"
  oidc_issuer   = "https://jenkins.example.com/oidc"
  oidc_subjects = ["https://jenkins.example.com/job/trivet/job/main/"]
}

run "trust" {
  command = apply

  assert {
    condition     = one(data.aws_iam_policy_document.trust.statement).actions == toset(["sts:AssumeRoleWithWebIdentity"]) && one(one(data.aws_iam_policy_document.trust.statement).principals).identifiers == toset([aws_iam_openid_connect_provider.pipeline[0].arn])
    error_message = "by a token of the issuer alone"
  }

  assert {
    condition = { for condition in one(data.aws_iam_policy_document.trust.statement).condition : condition.variable => "${condition.test} ${join(",", condition.values)}" } == {
      "jenkins.example.com/oidc:aud" = "StringEquals sts.amazonaws.com"
      "jenkins.example.com/oidc:sub" = "StringEquals https://jenkins.example.com/job/trivet/job/main/"
    }
    error_message = "for this audience and this job, compared whole"
  }

  assert {
    condition     = aws_iam_role.pipeline.max_session_duration == 3600
    error_message = "for an hour"
  }
}

run "least_privilege" {
  command = apply

  assert {
    condition     = one(data.aws_iam_policy_document.deploy.statement).actions == toset(["eks:DescribeCluster"]) && one(data.aws_iam_policy_document.deploy.statement).resources == toset(["arn:aws:eks:eu-central-1:123456789012:cluster/trivet-test"])
    error_message = "in AWS it describes the one cluster"
  }

  assert {
    condition     = aws_eks_access_policy_association.pipeline.policy_arn == "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy" && one(aws_eks_access_policy_association.pipeline.access_scope).type == "namespace" && one(aws_eks_access_policy_association.pipeline.access_scope).namespaces == toset(["trivet"])
    error_message = "in the cluster it edits one namespace"
  }

  assert {
    condition     = aws_eks_access_entry.pipeline.principal_arn == aws_iam_role.pipeline.arn && aws_eks_access_entry.pipeline.kubernetes_groups == toset(["trivet:deployers"])
    error_message = "as this role, in this group"
  }
}

run "provider_of_the_account" {
  command = apply

  variables {
    oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/jenkins.example.com/oidc"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.pipeline) == 0 && output.oidc_provider_arn == "arn:aws:iam::123456789012:oidc-provider/jenkins.example.com/oidc"
    error_message = "the one that is there is used"
  }
}

run "static_keys_alone" {
  command = apply

  variables {
    oidc_issuer       = null
    oidc_subjects     = []
    static_principals = ["arn:aws:iam::123456789012:user/jenkins"]
  }

  assert {
    condition     = one(data.aws_iam_policy_document.trust.statement).actions == toset(["sts:AssumeRole"]) && one(one(data.aws_iam_policy_document.trust.statement).principals).type == "AWS" && one(one(data.aws_iam_policy_document.trust.statement).principals).identifiers == toset(["arn:aws:iam::123456789012:user/jenkins"])
    error_message = "by the user named and nobody else"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.pipeline) == 0 && output.oidc_provider_arn == null
    error_message = "without an issuer"
  }
}

run "static_keys_besides_tokens" {
  command = apply

  variables {
    static_principals = ["arn:aws:iam::123456789012:user/jenkins"]
  }

  assert {
    condition     = [for statement in data.aws_iam_policy_document.trust.statement : one(statement.actions)] == ["sts:AssumeRoleWithWebIdentity", "sts:AssumeRole"]
    error_message = "both ways in"
  }

  assert {
    condition     = length(data.aws_iam_policy_document.trust.statement[0].condition) == 2
    error_message = "and the token's is as narrow as ever"
  }
}

run "refuses_a_role_that_nobody_can_take_on" {
  command = plan

  variables {
    oidc_issuer   = null
    oidc_subjects = []
  }

  expect_failures = [var.oidc_issuer]
}

run "refuses_subjects_of_no_issuer" {
  command = plan

  variables {
    oidc_issuer       = null
    static_principals = ["arn:aws:iam::123456789012:user/jenkins"]
  }

  expect_failures = [var.oidc_subjects]
}

run "refuses_a_provider_of_no_issuer" {
  command = plan

  variables {
    oidc_issuer       = null
    oidc_subjects     = []
    oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/jenkins.example.com/oidc"
    static_principals = ["arn:aws:iam::123456789012:user/jenkins"]
  }

  expect_failures = [var.oidc_provider_arn]
}

run "refuses_a_whole_account_as_principal" {
  command = plan

  variables {
    static_principals = ["arn:aws:iam::123456789012:root"]
  }

  expect_failures = [var.static_principals]
}

run "refuses_a_pattern_of_principals" {
  command = plan

  variables {
    static_principals = ["arn:aws:iam::123456789012:user/*"]
  }

  expect_failures = [var.static_principals]
}

run "refuses_plain_http" {
  command = plan

  variables {
    oidc_issuer = "http://jenkins.example.com/oidc"
  }

  expect_failures = [var.oidc_issuer]
}

run "refuses_a_pattern_of_subjects" {
  command = plan

  variables {
    oidc_subjects = ["https://jenkins.example.com/job/trivet/*"]
  }

  expect_failures = [var.oidc_subjects]
}

run "refuses_no_subjects" {
  command = plan

  variables {
    oidc_subjects = []
  }

  expect_failures = [var.oidc_subjects]
}

run "refuses_any_audience" {
  command = plan

  variables {
    oidc_audience = "*"
  }

  expect_failures = [var.oidc_audience]
}

run "refuses_the_systems_namespaces" {
  command = plan

  variables {
    namespaces = ["kube-system"]
  }

  expect_failures = [var.namespaces]
}

run "refuses_a_pattern_of_namespaces" {
  command = plan

  variables {
    namespaces = ["trivet-*"]
  }

  expect_failures = [var.namespaces]
}

run "refuses_the_systems_groups" {
  command = plan

  variables {
    kubernetes_groups = ["system:masters"]
  }

  expect_failures = [var.kubernetes_groups]
}

run "refuses_what_is_no_cluster" {
  command = plan

  variables {
    cluster_arn = "*"
  }

  expect_failures = [var.cluster_arn]
}

run "refuses_what_is_no_boundary" {
  command = plan

  variables {
    permissions_boundary_arn = "none"
  }

  expect_failures = [var.permissions_boundary_arn]
}

run "refuses_what_is_no_provider" {
  command = plan

  variables {
    oidc_provider_arn = "jenkins.example.com/oidc"
  }

  expect_failures = [var.oidc_provider_arn]
}

# The pipeline's role. It is taken on for an hour by whoever shows the issuer's token for the deploying job; there is no key to leak,
# unless static_principals lets in the user of one. In AWS it may describe one cluster; in that cluster it may edit what is in its
# namespaces.

data "aws_partition" "current" {}

resource "aws_iam_openid_connect_provider" "pipeline" {
  count = local.by_token && var.oidc_provider_arn == null ? 1 : 0

  url            = var.oidc_issuer
  client_id_list = [var.oidc_audience]
}

locals {
  by_token     = var.oidc_issuer != null
  provider_arn = var.oidc_provider_arn != null ? var.oidc_provider_arn : one(aws_iam_openid_connect_provider.pipeline[*].arn)
  claims       = trimprefix(coalesce(var.oidc_issuer, "none"), "https://")
}

data "aws_iam_policy_document" "trust" {
  dynamic "statement" {
    for_each = local.by_token ? ["by token"] : []

    content {
      actions = ["sts:AssumeRoleWithWebIdentity"]

      principals {
        type        = "Federated"
        identifiers = [local.provider_arn]
      }

      condition {
        test     = "StringEquals"
        variable = "${local.claims}:aud"
        values   = [var.oidc_audience]
      }

      condition {
        test     = "StringEquals"
        variable = "${local.claims}:sub"
        values   = var.oidc_subjects
      }
    }
  }

  dynamic "statement" {
    for_each = length(var.static_principals) > 0 ? ["by key"] : []

    content {
      actions = ["sts:AssumeRole"]

      principals {
        type        = "AWS"
        identifiers = var.static_principals
      }
    }
  }
}

# What `aws eks update-kubeconfig` asks; the rest is Kubernetes' business.
data "aws_iam_policy_document" "deploy" {
  statement {
    sid       = "FindTheCluster"
    actions   = ["eks:DescribeCluster"]
    resources = [var.cluster_arn]
  }
}

resource "aws_iam_role" "pipeline" {
  name                 = "${var.name}-pipeline"
  description          = "Deploys Trivet to ${var.cluster_name}"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = 3600
  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy" "deploy" {
  name   = "deploy"
  role   = aws_iam_role.pipeline.id
  policy = data.aws_iam_policy_document.deploy.json
}

resource "aws_eks_access_entry" "pipeline" {
  cluster_name      = var.cluster_name
  principal_arn     = aws_iam_role.pipeline.arn
  kubernetes_groups = var.kubernetes_groups
  type              = "STANDARD"
}

resource "aws_eks_access_policy_association" "pipeline" {
  cluster_name  = var.cluster_name
  principal_arn = aws_eks_access_entry.pipeline.principal_arn
  policy_arn    = "arn:${data.aws_partition.current.partition}:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"

  access_scope {
    type       = "namespace"
    namespaces = var.namespaces
  }
}

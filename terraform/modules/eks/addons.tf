# The add-ons, pinned. Network first: a node is ready only when the CNI runs on it. What needs nodes to run comes after them.

locals {
  addons_before_nodes = {
    "vpc-cni" = {
      version = var.addon_versions.vpc_cni
      # Network policies are enforced by the CNI's agent; prefixes give a node more pods.
      configuration = {
        enableNetworkPolicy = "true"
        env                 = { ENABLE_PREFIX_DELEGATION = "true", WARM_PREFIX_TARGET = "1" }
      }
      service_account = "aws-node"
      role_arn        = aws_iam_role.pod["vpc-cni"].arn
    }
    "kube-proxy" = {
      version         = var.addon_versions.kube_proxy
      configuration   = null
      service_account = null
      role_arn        = null
    }
    "eks-pod-identity-agent" = {
      version         = var.addon_versions.eks_pod_identity_agent
      configuration   = null
      service_account = null
      role_arn        = null
    }
  }

  addons_on_nodes = {
    "coredns" = {
      version         = var.addon_versions.coredns
      service_account = null
      role_arn        = null
    }
    "metrics-server" = {
      version         = var.addon_versions.metrics_server
      service_account = null
      role_arn        = null
    }
    "aws-ebs-csi-driver" = {
      version         = var.addon_versions.aws_ebs_csi_driver
      service_account = "ebs-csi-controller-sa"
      role_arn        = aws_iam_role.pod["ebs-csi"].arn
    }
  }
}

resource "aws_eks_addon" "before_nodes" {
  for_each = local.addons_before_nodes

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = each.value.version
  configuration_values        = each.value.configuration == null ? null : jsonencode(each.value.configuration)
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "PRESERVE"

  dynamic "pod_identity_association" {
    for_each = each.value.role_arn == null ? [] : [each.value]

    content {
      service_account = pod_identity_association.value.service_account
      role_arn        = pod_identity_association.value.role_arn
    }
  }
}

resource "aws_eks_addon" "on_nodes" {
  for_each = local.addons_on_nodes

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = each.value.version
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "PRESERVE"

  dynamic "pod_identity_association" {
    for_each = each.value.role_arn == null ? [] : [each.value]

    content {
      service_account = pod_identity_association.value.service_account
      role_arn        = pod_identity_association.value.role_arn
    }
  }

  depends_on = [aws_eks_node_group.this]
}

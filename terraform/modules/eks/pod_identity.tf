# What pods may do in AWS: a role for each that needs one, handed out by the Pod Identity agent. The roles of add-ons are bound by
# the add-ons themselves; the load balancer's controller and the autoscaler, which are installed into kube-system, are bound here.

data "aws_iam_policy_document" "pod_trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]

    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:eks:${local.region}:${local.account}:cluster/${var.name}"]
    }
  }
}

locals {
  pod_roles = {
    "vpc-cni"                  = "Gives pods their addresses"
    "ebs-csi"                  = "Makes and attaches volumes"
    "load-balancer-controller" = "Makes load balancers for Ingresses and Services"
    "cluster-autoscaler"       = "Adds nodes for pods that find no place, removes those that are idle"
  }
}

resource "aws_iam_role" "pod" {
  for_each = local.pod_roles

  name               = "${var.name}-${each.key}"
  description        = each.value
  assume_role_policy = data.aws_iam_policy_document.pod_trust.json
}

resource "aws_iam_role_policy_attachment" "pod" {
  for_each = {
    "vpc-cni" = "AmazonEKS_CNI_Policy"
    "ebs-csi" = "service-role/AmazonEBSCSIDriverPolicy"
  }

  role       = aws_iam_role.pod[each.key].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/${each.value}"
}

resource "aws_iam_role_policy" "load_balancer_controller" {
  name   = "load-balancers"
  role   = aws_iam_role.pod["load-balancer-controller"].id
  policy = data.aws_iam_policy_document.load_balancer_controller.json
}

resource "aws_eks_pod_identity_association" "load_balancer_controller" {
  cluster_name    = aws_eks_cluster.this.name
  namespace       = "kube-system"
  service_account = "aws-load-balancer-controller"
  role_arn        = aws_iam_role.pod["load-balancer-controller"].arn
}

resource "aws_iam_role_policy" "cluster_autoscaler" {
  name   = "node-groups"
  role   = aws_iam_role.pod["cluster-autoscaler"].id
  policy = data.aws_iam_policy_document.cluster_autoscaler.json
}

resource "aws_eks_pod_identity_association" "cluster_autoscaler" {
  cluster_name    = aws_eks_cluster.this.name
  namespace       = "kube-system"
  service_account = "cluster-autoscaler"
  role_arn        = aws_iam_role.pod["cluster-autoscaler"].arn
}

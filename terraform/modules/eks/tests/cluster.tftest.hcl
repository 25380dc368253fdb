# The cluster as planned: what is switched on, who gets in, which rules there are, and what must be refused. No account is needed.

mock_provider "aws" {
  source = "../../testing"
}

variables {
  name       = "trivet-test"
  vpc_id     = "vpc-1"
  subnet_ids = ["subnet-a", "subnet-b", "subnet-c"]
  administrators = {
    platform = "arn:aws:iam::123456789012:role/platform"
  }
}

run "control_plane" {
  command = apply

  assert {
    condition     = aws_eks_cluster.this.version == "1.36" && one(aws_eks_cluster.this.upgrade_policy).support_type == "STANDARD"
    error_message = "version 1.36, without extended support"
  }

  assert {
    condition     = one(aws_eks_cluster.this.vpc_config).endpoint_private_access && !one(aws_eks_cluster.this.vpc_config).endpoint_public_access
    error_message = "the API server is reached from inside alone"
  }

  assert {
    condition     = one(aws_eks_cluster.this.vpc_config).subnet_ids == toset(["subnet-a", "subnet-b", "subnet-c"])
    error_message = "in the private subnets"
  }

  assert {
    condition     = aws_eks_cluster.this.enabled_cluster_log_types == toset(["api", "audit", "authenticator", "controllerManager", "scheduler"])
    error_message = "all five logs are on"
  }

  assert {
    condition     = aws_cloudwatch_log_group.cluster.name == "/aws/eks/trivet-test/cluster" && aws_cloudwatch_log_group.cluster.kms_key_id == aws_kms_key.cluster.arn && aws_cloudwatch_log_group.cluster.retention_in_days == 365
    error_message = "they go to a group of ours, encrypted, for a year"
  }

  assert {
    condition     = one(one(aws_eks_cluster.this.encryption_config).provider).key_arn == aws_kms_key.cluster.arn && aws_kms_key.cluster.enable_key_rotation
    error_message = "Secrets are encrypted with a key of ours, which rotates"
  }

  assert {
    condition     = one(aws_eks_cluster.this.access_config).authentication_mode == "API" && !one(aws_eks_cluster.this.access_config).bootstrap_cluster_creator_admin_permissions
    error_message = "access entries alone, and the creator is nobody special"
  }

  assert {
    condition     = aws_eks_cluster.this.bootstrap_self_managed_addons == false
    error_message = "no add-ons besides the pinned ones"
  }
}

run "administrators" {
  command = apply

  assert {
    condition     = keys(aws_eks_access_entry.administrator) == ["platform"] && aws_eks_access_entry.administrator["platform"].principal_arn == "arn:aws:iam::123456789012:role/platform"
    error_message = "those named and nobody else has an entry"
  }

  assert {
    condition     = aws_eks_access_policy_association.administrator["platform"].policy_arn == "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy" && one(aws_eks_access_policy_association.administrator["platform"].access_scope).type == "cluster"
    error_message = "they administer the whole cluster"
  }
}

run "nodes" {
  command = apply

  assert {
    condition     = alltrue([for group in aws_eks_node_group.this : group.ami_type == "AL2023_x86_64_STANDARD" && group.version == "1.36"])
    error_message = "AL2023, of the control plane's version"
  }

  assert {
    condition     = one(aws_launch_template.node.metadata_options).http_tokens == "required" && one(aws_launch_template.node.metadata_options).http_put_response_hop_limit == 1
    error_message = "IMDSv2, and not for pods"
  }

  assert {
    condition     = one(one(aws_launch_template.node.block_device_mappings).ebs).volume_type == "gp3" && one(one(aws_launch_template.node.block_device_mappings).ebs).encrypted == "true" && one(one(aws_launch_template.node.block_device_mappings).ebs).kms_key_id == aws_kms_key.cluster.arn
    error_message = "disks are gp3, encrypted with the cluster's key"
  }

  assert {
    condition     = aws_launch_template.node.key_name == null && alltrue([for group in aws_eks_node_group.this : length(group.remote_access) == 0])
    error_message = "no SSH"
  }

  assert {
    condition     = aws_launch_template.node.vpc_security_group_ids == toset([aws_security_group.nodes.id])
    error_message = "the nodes' group and no other"
  }

  assert {
    condition     = { for key, group in aws_eks_node_group.this : key => group.subnet_ids } == { "1" = toset(["subnet-a"]), "2" = toset(["subnet-b"]), "3" = toset(["subnet-c"]) }
    error_message = "a group in each zone"
  }

  assert {
    condition     = alltrue([for group in aws_eks_node_group.this : one(group.scaling_config).min_size == 1 && one(group.scaling_config).max_size == 2 && one(group.update_config).max_unavailable_percentage == 33])
    error_message = "one node in each, up to two, a third of them replaced at once"
  }

  assert {
    condition     = keys(aws_iam_role_policy_attachment.node) == ["AmazonEC2ContainerRegistryPullOnly", "AmazonEKSWorkerNodePolicy"]
    error_message = "a node may join and pull, nothing else"
  }
}

run "one_group_over_all_zones" {
  command = plan

  variables {
    node_groups = "single"
    node_count  = { min = 2, max = 4, initial = 2 }
  }

  assert {
    condition     = { for key, group in aws_eks_node_group.this : key => group.subnet_ids } == { all = toset(["subnet-a", "subnet-b", "subnet-c"]) } && one(aws_eks_node_group.this["all"].scaling_config).max_size == 4
    error_message = "one group in all three subnets"
  }
}

run "graviton_nodes" {
  command = plan

  variables {
    node_architecture   = "arm64"
    node_instance_types = ["m7g.large"]
  }

  assert {
    condition     = alltrue([for group in aws_eks_node_group.this : group.ami_type == "AL2023_ARM_64_STANDARD"])
    error_message = "the image is of the same architecture"
  }
}

run "addons" {
  command = apply

  assert {
    condition     = keys(merge(aws_eks_addon.before_nodes, aws_eks_addon.on_nodes)) == ["aws-ebs-csi-driver", "coredns", "eks-pod-identity-agent", "kube-proxy", "metrics-server", "vpc-cni"]
    error_message = "six add-ons"
  }

  assert {
    condition     = alltrue([for addon in merge(aws_eks_addon.before_nodes, aws_eks_addon.on_nodes) : can(regex("^v[0-9.]+-eksbuild\\.[0-9]+$", addon.addon_version))])
    error_message = "each pinned"
  }

  assert {
    condition     = jsondecode(aws_eks_addon.before_nodes["vpc-cni"].configuration_values).enableNetworkPolicy == "true"
    error_message = "network policies are enforced"
  }

  assert {
    condition     = startswith(aws_eks_addon.before_nodes["kube-proxy"].addon_version, "v1.36.")
    error_message = "kube-proxy is of the cluster's version"
  }

  assert {
    condition     = one(aws_eks_addon.before_nodes["vpc-cni"].pod_identity_association).service_account == "aws-node" && one(aws_eks_addon.on_nodes["aws-ebs-csi-driver"].pod_identity_association).service_account == "ebs-csi-controller-sa"
    error_message = "the add-ons that call AWS have roles of their own"
  }
}

run "pod_identity" {
  command = apply

  assert {
    condition     = aws_eks_pod_identity_association.load_balancer_controller.namespace == "kube-system" && aws_eks_pod_identity_association.load_balancer_controller.service_account == "aws-load-balancer-controller"
    error_message = "the load balancer's controller has its role"
  }

  assert {
    condition     = one(one(data.aws_iam_policy_document.pod_trust.statement).principals).identifiers == toset(["pods.eks.amazonaws.com"]) && contains(flatten([for condition in one(data.aws_iam_policy_document.pod_trust.statement).condition : tolist(condition.values)]), "arn:aws:eks:eu-central-1:123456789012:cluster/trivet-test")
    error_message = "pods of this cluster take these roles on, and of no other"
  }

  # Whatever changes something names this cluster's tag or one ARN.
  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.load_balancer_controller.statement :
      length(statement.condition) > 0 || !contains(statement.resources, "*") || alltrue([for action in statement.actions : can(regex(":(Describe|List|Get)", action))])
    ])
    error_message = "the load balancer's controller changes nothing that is not its cluster's"
  }

  assert {
    condition     = aws_eks_pod_identity_association.cluster_autoscaler.namespace == "kube-system" && aws_eks_pod_identity_association.cluster_autoscaler.service_account == "cluster-autoscaler" && aws_eks_pod_identity_association.cluster_autoscaler.role_arn == aws_iam_role.pod["cluster-autoscaler"].arn
    error_message = "the autoscaler has its role"
  }

  assert {
    condition     = toset(flatten([for statement in data.aws_iam_policy_document.cluster_autoscaler.statement : [for action in statement.actions : action if !can(regex(":(Describe|Get)", action))]])) == toset(["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"])
    error_message = "the autoscaler changes the size of groups, and nothing else"
  }

  assert {
    condition     = [for statement in data.aws_iam_policy_document.cluster_autoscaler.statement : one(statement.resources) if statement.sid == "ScaleOurGroups"] == ["arn:aws:autoscaling:eu-central-1:123456789012:autoScalingGroup:*:autoScalingGroupName/eks-trivet-test-*"]
    error_message = "of its cluster's groups by name"
  }

  assert {
    condition = { for condition in flatten([for statement in data.aws_iam_policy_document.cluster_autoscaler.statement : tolist(statement.condition) if statement.sid == "ScaleOurGroups"]) : condition.variable => "${condition.test} ${join(",", condition.values)}" } == {
      "aws:ResourceTag/k8s.io/cluster-autoscaler/enabled"     = "StringEquals true"
      "aws:ResourceTag/k8s.io/cluster-autoscaler/trivet-test" = "StringEquals owned"
    }
    error_message = "and by the tags that EKS puts on them"
  }
}

run "security_group_rules" {
  command = apply

  assert {
    condition     = [for rule in [aws_vpc_security_group_ingress_rule.cluster_from_nodes] : [rule.from_port, rule.to_port, rule.referenced_security_group_id == aws_security_group.nodes.id]] == [[443, 443, true]]
    error_message = "nodes reach the API server on 443 alone"
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.cluster_from_private) == 0
    error_message = "nobody else does"
  }

  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.nodes_from_cluster) == ["10250", "10251", "6443", "9443"] && keys(aws_vpc_security_group_egress_rule.cluster_to_nodes) == ["10250", "10251", "6443", "9443"]
    error_message = "the control plane reaches kubelets, webhooks and what serves metrics"
  }

  assert {
    condition = alltrue([
      for rule in concat(values(aws_vpc_security_group_ingress_rule.nodes_from_cluster), values(aws_vpc_security_group_ingress_rule.nodes_from_nodes), [aws_vpc_security_group_ingress_rule.cluster_from_nodes]) :
      rule.cidr_ipv4 == null && rule.cidr_ipv6 == null && rule.ip_protocol != "-1"
    ])
    error_message = "no rule lets in an address range or every protocol"
  }

  assert {
    condition = alltrue([
      for rule in concat(values(aws_vpc_security_group_ingress_rule.nodes_from_cluster), values(aws_vpc_security_group_ingress_rule.nodes_from_nodes), values(aws_vpc_security_group_egress_rule.nodes_to_nodes), values(aws_vpc_security_group_egress_rule.cluster_to_nodes), [aws_vpc_security_group_egress_rule.nodes_https]) :
      length(rule.description) > 0
    ])
    error_message = "every rule says why it is there"
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.nodes_https.from_port == 443 && aws_vpc_security_group_egress_rule.nodes_https.to_port == 443
    error_message = "to the outside nodes speak HTTPS alone"
  }

  assert {
    condition     = aws_security_group.nodes.tags["kubernetes.io/cluster/trivet-test"] == "owned"
    error_message = "the load balancer's controller finds the nodes' group"
  }
}

run "public_endpoint_from_named_ranges" {
  command = plan

  variables {
    public_access_cidrs  = ["192.0.2.0/24"]
    private_access_cidrs = ["10.9.0.0/16"]
  }

  assert {
    condition     = one(aws_eks_cluster.this.vpc_config).endpoint_public_access && one(aws_eks_cluster.this.vpc_config).public_access_cidrs == toset(["192.0.2.0/24"])
    error_message = "public from there alone"
  }

  assert {
    condition     = one(aws_eks_cluster.this.vpc_config).endpoint_private_access
    error_message = "and still private for the nodes"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.cluster_from_private["10.9.0.0/16"].from_port == 443
    error_message = "agents in a peered network reach the API server"
  }
}

run "older_version" {
  command = plan

  variables {
    kubernetes_version = "1.35"
    addon_versions = {
      coredns                = "v1.14.3-eksbuild.23"
      kube_proxy             = "v1.35.3-eksbuild.13"
      metrics_server         = "v0.9.0-eksbuild.11"
      vpc_cni                = "v1.22.4-eksbuild.3"
      eks_pod_identity_agent = "v1.3.10-eksbuild.3"
      aws_ebs_csi_driver     = "v1.66.0-eksbuild.1"
    }
  }

  assert {
    condition     = aws_eks_cluster.this.version == "1.35" && alltrue([for group in aws_eks_node_group.this : group.version == "1.35"])
    error_message = "both are 1.35"
  }
}

run "refuses_a_version_that_left_support" {
  command = plan

  variables {
    kubernetes_version = "1.31"
  }

  expect_failures = [var.kubernetes_version]
}

run "refuses_kube_proxy_of_another_version" {
  command = plan

  variables {
    kubernetes_version = "1.35"
  }

  expect_failures = [var.addon_versions]
}

run "refuses_the_whole_internet" {
  command = plan

  variables {
    public_access_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.public_access_cidrs]
}

run "refuses_half_the_internet_too" {
  command = plan

  variables {
    public_access_cidrs = ["0.0.0.0/1", "128.0.0.0/1"]
  }

  expect_failures = [var.public_access_cidrs]
}

run "refuses_a_wide_private_range" {
  command = plan

  variables {
    private_access_cidrs = ["10.0.0.0/8"]
  }

  expect_failures = [var.private_access_cidrs]
}

run "refuses_no_administrators" {
  command = plan

  variables {
    administrators = {}
  }

  expect_failures = [var.administrators]
}

run "refuses_what_is_no_principal" {
  command = plan

  variables {
    administrators = { platform = "platform@example.com" }
  }

  expect_failures = [var.administrators]
}

run "refuses_two_subnets" {
  command = plan

  variables {
    subnet_ids = ["subnet-a", "subnet-b"]
  }

  expect_failures = [var.subnet_ids]
}

run "refuses_graviton_types_for_x86" {
  command = plan

  variables {
    node_instance_types = ["m7g.large"]
  }

  expect_failures = [var.node_instance_types]
}

run "refuses_groups_of_another_kind" {
  command = plan

  variables {
    node_groups = "spot"
  }

  expect_failures = [var.node_groups]
}

run "refuses_counts_out_of_order" {
  command = plan

  variables {
    node_count = { min = 3, max = 2, initial = 3 }
  }

  expect_failures = [var.node_count]
}

run "refuses_a_disk_too_small" {
  command = plan

  variables {
    node_disk_gib = 8
  }

  expect_failures = [var.node_disk_gib]
}

run "refuses_privileged_webhook_ports" {
  command = plan

  variables {
    webhook_ports = { "443" = "no" }
  }

  expect_failures = [var.webhook_ports]
}

run "refuses_logs_that_end_too_soon" {
  command = plan

  variables {
    log_retention_days = 1
  }

  expect_failures = [var.log_retention_days]
}

run "refuses_an_unknown_architecture" {
  command = plan

  variables {
    node_architecture = "riscv64"
  }

  expect_failures = [var.node_architecture]
}

run "refuses_a_name_that_aws_would" {
  command = plan

  variables {
    name = "x"
  }

  expect_failures = [var.name]
}

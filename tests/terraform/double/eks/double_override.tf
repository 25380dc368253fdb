# Laid over the module eks in a copy, for the AWS double, which knows no add-ons, access entries and Pod Identity, returns no
# access, upgrade and update settings, returns a remote_access that nobody asked for, tags launch templates by itself, and forgets the
# description of a rule that names a group.

resource "aws_eks_addon" "before_nodes" {
  for_each = {}
}

resource "aws_eks_addon" "on_nodes" {
  for_each = {}
}

resource "aws_eks_access_entry" "administrator" {
  for_each = {}
}

resource "aws_eks_access_policy_association" "administrator" {
  for_each = {}
}

resource "aws_eks_pod_identity_association" "load_balancer_controller" {
  count = 0
}

resource "aws_eks_pod_identity_association" "cluster_autoscaler" {
  count = 0
}

resource "aws_eks_cluster" "this" {
  lifecycle {
    ignore_changes = [access_config, bootstrap_self_managed_addons, upgrade_policy]
  }
}

resource "aws_eks_node_group" "this" {
  lifecycle {
    ignore_changes = [node_repair_config, remote_access, update_config, scaling_config[0].desired_size]
  }
}

resource "aws_launch_template" "node" {
  lifecycle {
    create_before_destroy = true
    ignore_changes        = [tag_specifications]
  }
}

resource "aws_vpc_security_group_ingress_rule" "cluster_from_nodes" {
  lifecycle {
    ignore_changes = [description]
  }
}

resource "aws_vpc_security_group_egress_rule" "cluster_to_nodes" {
  lifecycle {
    ignore_changes = [description]
  }
}

resource "aws_vpc_security_group_ingress_rule" "nodes_from_cluster" {
  lifecycle {
    ignore_changes = [description]
  }
}

resource "aws_vpc_security_group_ingress_rule" "nodes_from_nodes" {
  lifecycle {
    ignore_changes = [description]
  }
}

resource "aws_vpc_security_group_egress_rule" "nodes_to_nodes" {
  lifecycle {
    ignore_changes = [description]
  }
}

# Who may open connections to whom: control plane and nodes, each rule with its reason. The stores' module adds the rules that let
# nodes reach a store; the load balancer's controller adds those for its load balancers.

resource "aws_security_group" "cluster" {
  #checkov:skip=CKV2_AWS_5:It is attached to the cluster's network interfaces, in main.tf.
  name        = "${var.name}-cluster"
  description = "Control plane of ${var.name}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-cluster" }
}

resource "aws_security_group" "nodes" {
  #checkov:skip=CKV2_AWS_5:It is attached by the launch template, in nodes.tf.
  name        = "${var.name}-nodes"
  description = "Nodes of ${var.name}"
  vpc_id      = var.vpc_id

  tags = {
    Name = "${var.name}-nodes"
    # By this the load balancer's controller finds the one group that it may add rules to.
    "kubernetes.io/cluster/${var.name}" = "owned"
  }
}

resource "aws_vpc_security_group_ingress_rule" "cluster_from_nodes" {
  security_group_id            = aws_security_group.cluster.id
  description                  = "Kubelets and pods to the API server"
  referenced_security_group_id = aws_security_group.nodes.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_ingress_rule" "cluster_from_private" {
  for_each = toset(var.private_access_cidrs)

  security_group_id = aws_security_group.cluster.id
  description       = "Operators and pipeline agents to the API server"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

locals {
  control_plane_calls = merge({ "10250" = "Kubelets, and webhooks that use their port" }, var.webhook_ports)
}

resource "aws_vpc_security_group_egress_rule" "cluster_to_nodes" {
  for_each = local.control_plane_calls

  security_group_id            = aws_security_group.cluster.id
  description                  = each.value
  referenced_security_group_id = aws_security_group.nodes.id
  ip_protocol                  = "tcp"
  from_port                    = tonumber(each.key)
  to_port                      = tonumber(each.key)
}

resource "aws_vpc_security_group_ingress_rule" "nodes_from_cluster" {
  for_each = local.control_plane_calls

  security_group_id            = aws_security_group.nodes.id
  description                  = each.value
  referenced_security_group_id = aws_security_group.cluster.id
  ip_protocol                  = "tcp"
  from_port                    = tonumber(each.key)
  to_port                      = tonumber(each.key)
}

# Pods on different nodes share their nodes' group: names by CoreDNS, and ports that need no privilege. Which pod may talk to which
# is what network policies say.
locals {
  node_to_node = {
    dns_tcp = { description = "CoreDNS on another node", protocol = "tcp", from = 53, to = 53 }
    dns_udp = { description = "CoreDNS on another node", protocol = "udp", from = 53, to = 53 }
    pods    = { description = "Pods on another node", protocol = "tcp", from = 1025, to = 65535 }
  }
}

resource "aws_vpc_security_group_ingress_rule" "nodes_from_nodes" {
  #checkov:skip=CKV_AWS_25:The source is the nodes' own group, no address range.
  for_each = local.node_to_node

  security_group_id            = aws_security_group.nodes.id
  description                  = each.value.description
  referenced_security_group_id = aws_security_group.nodes.id
  ip_protocol                  = each.value.protocol
  from_port                    = each.value.from
  to_port                      = each.value.to
}

resource "aws_vpc_security_group_egress_rule" "nodes_to_nodes" {
  for_each = local.node_to_node

  security_group_id            = aws_security_group.nodes.id
  description                  = each.value.description
  referenced_security_group_id = aws_security_group.nodes.id
  ip_protocol                  = each.value.protocol
  from_port                    = each.value.from
  to_port                      = each.value.to
}

# The API server, AWS's services, image registries. DNS of the VPC and the time service need no rule.
resource "aws_vpc_security_group_egress_rule" "nodes_https" {
  security_group_id = aws_security_group.nodes.id
  description       = "API server, AWS services, image registries"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

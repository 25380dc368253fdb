# Laid over the module stores in a copy, for the AWS double, which knows no Pod Identity.

resource "aws_eks_pod_identity_association" "reader" {
  count = 0
}

# It forgets the description of a rule that names a group.
resource "aws_vpc_security_group_ingress_rule" "store_from_nodes" {
  lifecycle {
    ignore_changes = [description]
  }
}

resource "aws_vpc_security_group_egress_rule" "nodes_to_store" {
  lifecycle {
    ignore_changes = [description]
  }
}

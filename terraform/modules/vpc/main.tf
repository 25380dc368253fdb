# The VPC, its six subnets, and what must not happen in it: nobody uses the default security group.

data "aws_region" "current" {}

data "aws_availability_zones" "usual" {
  #checkov:skip=CKV_AWS_394:The first three by name are taken; a zone that AWS adds is named after them. zones pins others.
  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  zones = length(var.zones) == 3 ? var.zones : slice(sort(data.aws_availability_zones.usual.names), 0, 3)

  # The range in quarters: one for the private subnet of each zone, since pods and stores live there. The last quarter is cut into
  # sixteenths: three are the public subnets, which hold load balancers and NAT gateways only, thirteen stay free.
  private_cidrs = { for i, zone in local.zones : zone => cidrsubnet(var.cidr, 2, i) }
  public_cidrs  = { for i, zone in local.zones : zone => cidrsubnet(cidrsubnet(var.cidr, 2, 3), 4, i) }
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_hostnames = true
  enable_dns_support   = true

  tags = { Name = var.name }
}

# Without rules: what is put nowhere else reaches nothing.
resource "aws_default_security_group" "empty" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-default-unused" }
}

resource "aws_subnet" "public" {
  for_each = local.public_cidrs

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = each.value
  map_public_ip_on_launch = false

  tags = {
    Name                                        = "${var.name}-public-${each.key}"
    "kubernetes.io/role/elb"                    = "1"
    "kubernetes.io/cluster/${var.cluster_name}" = "shared"
  }
}

resource "aws_subnet" "private" {
  for_each = local.private_cidrs

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = each.value
  map_public_ip_on_launch = false

  tags = {
    Name                                        = "${var.name}-private-${each.key}"
    "kubernetes.io/role/internal-elb"           = "1"
    "kubernetes.io/cluster/${var.cluster_name}" = "shared"
  }
}

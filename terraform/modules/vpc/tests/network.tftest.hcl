# The network as planned: counts, ranges, ways out, and what must be refused. No account is needed.

mock_provider "aws" {
  source = "../../testing"
}

variables {
  name         = "trivet-test"
  cidr         = "10.20.0.0/16"
  cluster_name = "trivet-test"
}

run "one_nat_gateway_per_zone" {
  command = apply

  assert {
    condition     = length(aws_subnet.public) == 3 && length(aws_subnet.private) == 3
    error_message = "three public and three private subnets"
  }

  assert {
    condition     = length(toset([for subnet in aws_subnet.private : subnet.availability_zone])) == 3
    error_message = "the private subnets are in three zones"
  }

  assert {
    condition     = output.zones == tolist(["eu-central-1a", "eu-central-1b", "eu-central-1c"])
    error_message = "the first three zones of the region"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 3 && length(aws_eip.nat) == 3
    error_message = "a NAT gateway with an address of its own in each zone"
  }

  assert {
    condition     = alltrue([for zone in output.zones : aws_nat_gateway.this[zone].subnet_id == aws_subnet.public[zone].id])
    error_message = "each NAT gateway stands in the public subnet of its zone"
  }

  assert {
    condition     = alltrue([for zone in output.zones : aws_route.private_internet[zone].nat_gateway_id == aws_nat_gateway.this[zone].id])
    error_message = "each zone goes out by its own NAT gateway"
  }

  assert {
    condition     = alltrue([for zone in output.zones : aws_route_table_association.private[zone].route_table_id == aws_route_table.private[zone].id])
    error_message = "each private subnet has its zone's route table"
  }

  assert {
    condition     = aws_route.public_internet.gateway_id == aws_internet_gateway.this.id && aws_route.public_internet.destination_cidr_block == "0.0.0.0/0"
    error_message = "the public subnets go out by the Internet gateway"
  }

  assert {
    condition     = length(output.nat_addresses) == 3 && length(output.private_subnet_ids) == 3 && length(output.public_subnet_ids) == 3
    error_message = "outputs name three of each"
  }
}

run "single_nat_gateway" {
  command = apply

  variables {
    nat_gateways = "single"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_eip.nat) == 1
    error_message = "one NAT gateway, one address"
  }

  assert {
    condition     = length(aws_route.private_internet) == 3 && length(toset([for route in aws_route.private_internet : route.nat_gateway_id])) == 1
    error_message = "all three zones go out by the one NAT gateway"
  }
}

run "ranges_of_a_16" {
  command = plan

  assert {
    condition     = { for zone, subnet in aws_subnet.private : zone => subnet.cidr_block } == { eu-central-1a = "10.20.0.0/18", eu-central-1b = "10.20.64.0/18", eu-central-1c = "10.20.128.0/18" }
    error_message = "a quarter of the range for each private subnet"
  }

  assert {
    condition     = { for zone, subnet in aws_subnet.public : zone => subnet.cidr_block } == { eu-central-1a = "10.20.192.0/22", eu-central-1b = "10.20.196.0/22", eu-central-1c = "10.20.200.0/22" }
    error_message = "sixteenths of the last quarter for the public subnets"
  }
}

run "ranges_of_a_20" {
  command = plan

  variables {
    cidr = "172.16.16.0/20"
  }

  assert {
    condition     = [for zone in ["eu-central-1a", "eu-central-1b", "eu-central-1c"] : aws_subnet.private[zone].cidr_block] == ["172.16.16.0/22", "172.16.20.0/22", "172.16.24.0/22"]
    error_message = "the private ranges of a /20"
  }

  assert {
    condition     = [for zone in ["eu-central-1a", "eu-central-1b", "eu-central-1c"] : aws_subnet.public[zone].cidr_block] == ["172.16.28.0/26", "172.16.28.64/26", "172.16.28.128/26"]
    error_message = "the public ranges of a /20 still take a load balancer (/27)"
  }
}

run "nobody_gets_in" {
  command = plan

  assert {
    condition     = alltrue([for subnet in merge({ for k, s in aws_subnet.public : "public ${k}" => s }, { for k, s in aws_subnet.private : "private ${k}" => s }) : !subnet.map_public_ip_on_launch])
    error_message = "no subnet gives out public addresses"
  }

  assert {
    condition     = length(coalesce(aws_default_security_group.empty.ingress, [])) == 0 && length(coalesce(aws_default_security_group.empty.egress, [])) == 0
    error_message = "the default security group has no rules"
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.endpoints_https.cidr_ipv4 == "10.20.0.0/16" && aws_vpc_security_group_ingress_rule.endpoints_https.from_port == 443 && aws_vpc_security_group_ingress_rule.endpoints_https.to_port == 443
    error_message = "endpoints take HTTPS from the VPC alone"
  }
}

run "load_balancers_find_their_subnets" {
  command = plan

  assert {
    condition     = alltrue([for subnet in aws_subnet.public : subnet.tags["kubernetes.io/role/elb"] == "1" && subnet.tags["kubernetes.io/cluster/trivet-test"] == "shared"])
    error_message = "public subnets are tagged for load balancers on the Internet"
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.private : subnet.tags["kubernetes.io/role/internal-elb"] == "1" && !contains(keys(subnet.tags), "kubernetes.io/role/elb")])
    error_message = "private subnets are tagged for internal load balancers alone"
  }
}

run "flow_logs" {
  command = apply

  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && aws_flow_log.this.log_destination == aws_cloudwatch_log_group.flow_logs.arn
    error_message = "all traffic of the VPC goes to its log group"
  }

  assert {
    condition     = aws_cloudwatch_log_group.flow_logs.retention_in_days == 365 && aws_cloudwatch_log_group.flow_logs.kms_key_id == aws_kms_key.logs.arn && aws_kms_key.logs.enable_key_rotation
    error_message = "flow logs are kept a year, encrypted with a key that rotates"
  }

  assert {
    condition     = one(data.aws_iam_policy_document.flow_logs.statement).resources == toset(["arn:aws:logs:eu-central-1:123456789012:log-group:/trivet/trivet-test/vpc-flow-logs", "arn:aws:logs:eu-central-1:123456789012:log-group:/trivet/trivet-test/vpc-flow-logs:*"])
    error_message = "the role writes that group alone"
  }
}

run "endpoints" {
  command = plan

  assert {
    condition     = keys(aws_vpc_endpoint.interface) == ["ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "logs", "secretsmanager", "sts"]
    error_message = "the services that nodes and operators in the cluster call"
  }

  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.interface : endpoint.private_dns_enabled && endpoint.vpc_endpoint_type == "Interface"])
    error_message = "they are found by the services' usual names"
  }

  assert {
    condition     = aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway" && aws_vpc_endpoint.s3.service_name == "com.amazonaws.eu-central-1.s3"
    error_message = "S3 has a gateway endpoint"
  }
}

run "no_endpoints_when_none_are_wanted" {
  command = plan

  variables {
    interface_endpoints = []
  }

  assert {
    condition     = length(aws_vpc_endpoint.interface) == 0
    error_message = "no interface endpoints"
  }
}

run "zones_of_the_callers_choice" {
  command = plan

  variables {
    zones = ["eu-central-1d", "eu-central-1a", "eu-central-1b"]
  }

  assert {
    condition     = aws_subnet.private["eu-central-1d"].cidr_block == "10.20.0.0/18"
    error_message = "ranges follow the order of the zones"
  }
}

run "refuses_a_name_that_aws_would" {
  command = plan

  variables {
    name = "Trivet_Test"
  }

  expect_failures = [var.name]
}

run "refuses_what_is_no_network" {
  command = plan

  variables {
    cidr = "10.20.0.0"
  }

  expect_failures = [var.cidr]
}

run "refuses_host_bits" {
  command = plan

  variables {
    cidr = "10.20.1.0/16"
  }

  expect_failures = [var.cidr]
}

run "refuses_a_range_too_small" {
  command = plan

  variables {
    cidr = "10.20.0.0/21"
  }

  expect_failures = [var.cidr]
}

run "refuses_a_range_too_large" {
  command = plan

  variables {
    cidr = "10.0.0.0/15"
  }

  expect_failures = [var.cidr]
}

run "refuses_public_addresses" {
  command = plan

  variables {
    cidr = "172.32.0.0/16"
  }

  expect_failures = [var.cidr]
}

run "refuses_two_zones" {
  command = plan

  variables {
    zones = ["eu-central-1a", "eu-central-1b"]
  }

  expect_failures = [var.zones]
}

run "refuses_a_zone_named_twice" {
  command = plan

  variables {
    zones = ["eu-central-1a", "eu-central-1b", "eu-central-1b"]
  }

  expect_failures = [var.zones]
}

run "refuses_an_unknown_kind_of_nat" {
  command = plan

  variables {
    nat_gateways = "none"
  }

  expect_failures = [var.nat_gateways]
}

run "refuses_an_interface_endpoint_for_s3" {
  command = plan

  variables {
    interface_endpoints = ["s3"]
  }

  expect_failures = [var.interface_endpoints]
}

run "refuses_logs_that_end_too_soon" {
  command = plan

  variables {
    log_retention_days = 7
  }

  expect_failures = [var.log_retention_days]
}

run "refuses_a_cluster_name_that_eks_would" {
  command = plan

  variables {
    cluster_name = "-trivet"
  }

  expect_failures = [var.cluster_name]
}

# What the other modules need of the network.

output "vpc_id" {
  description = "The VPC's id."
  value       = aws_vpc.this.id
}

output "cidr" {
  description = "The VPC's IPv4 range."
  value       = aws_vpc.this.cidr_block
}

output "zones" {
  description = "The three availability zones in use."
  value       = local.zones
}

output "private_subnet_ids" {
  description = "Private subnets, in the order of the zones: nodes, pods, stores."
  value       = [for zone in local.zones : aws_subnet.private[zone].id]
}

output "public_subnet_ids" {
  description = "Public subnets, in the order of the zones: load balancers and NAT gateways."
  value       = [for zone in local.zones : aws_subnet.public[zone].id]
}

output "nat_addresses" {
  description = "Addresses that outgoing connections come from; what to put on other people's allow lists."
  value       = [for zone in local.nat_zones : aws_eip.nat[zone].public_ip]
}

output "flow_log_group" {
  description = "Log group of the flow logs."
  value       = aws_cloudwatch_log_group.flow_logs.name
}

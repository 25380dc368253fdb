# What the pipeline and the operators are configured with. No output holds a password.

output "cluster_name" {
  description = "For aws eks update-kubeconfig."
  value       = module.eks.cluster_name
}

output "cluster_endpoint" {
  description = "Address of the API server."
  value       = module.eks.cluster_endpoint
}

output "pipeline_role_arn" {
  description = "Role that the pipeline takes on."
  value       = module.delivery.role_arn
}

output "oidc_provider_arn" {
  description = "The issuer's provider in IAM; another environment in the same account is given it."
  value       = module.delivery.oidc_provider_arn
}

output "pod_secrets" {
  description = "What ExternalSecrets have to name: variable => secret and property."
  value       = module.stores.pod_secrets
}

output "administrator_secret_arns" {
  description = "Secrets of the stores' administrators, for whoever gives Trivet's logins their rights."
  value = {
    mysql = module.stores.mysql_administrator_secret_arn
    mongo = module.stores.mongo_administrator_secret_arn
  }
}

output "store_addresses" {
  description = "Host names of the stores: for network policies and those who look after them."
  value = {
    mysql = module.stores.mysql_address
    mongo = module.stores.mongo_address
    redis = module.stores.redis_address
  }
}

output "nat_addresses" {
  description = "Addresses that outgoing connections come from."
  value       = module.vpc.nat_addresses
}

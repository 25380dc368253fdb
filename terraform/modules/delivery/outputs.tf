# What the pipeline is configured with.

output "role_arn" {
  description = "Role that the pipeline takes on (AWS_ROLE_ARN)."
  value       = aws_iam_role.pipeline.arn
}

output "oidc_provider_arn" {
  description = "The issuer's provider in IAM; give it to another environment of the same account."
  value       = local.provider_arn
}

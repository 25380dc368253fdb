# What the other modules and the pipeline need of the cluster.

output "cluster_name" {
  description = "The cluster's name, for aws eks update-kubeconfig."
  value       = aws_eks_cluster.this.name
}

output "cluster_arn" {
  description = "The cluster's ARN."
  value       = aws_eks_cluster.this.arn
}

output "cluster_endpoint" {
  description = "Address of the API server."
  value       = aws_eks_cluster.this.endpoint
}

output "cluster_ca" {
  description = "Certificate authority of the API server, base64."
  value       = aws_eks_cluster.this.certificate_authority[0].data
}

output "kubernetes_version" {
  description = "Kubernetes version of control plane and nodes."
  value       = aws_eks_cluster.this.version
}

output "node_security_group_id" {
  description = "Security group of the nodes and of the pods on them."
  value       = aws_security_group.nodes.id
}

output "cluster_security_group_id" {
  description = "Security group of the control plane's network interfaces."
  value       = aws_security_group.cluster.id
}

output "node_role_arn" {
  description = "Role of the nodes."
  value       = aws_iam_role.node.arn
}

output "key_arn" {
  description = "KMS key of the cluster's Secrets, logs and node disks."
  value       = aws_kms_key.cluster.arn
}

output "log_group" {
  description = "Log group of the control plane."
  value       = aws_cloudwatch_log_group.cluster.name
}

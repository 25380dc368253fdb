# What the environments need to find their states.

output "bucket" {
  description = "Bucket of the states."
  value       = aws_s3_bucket.state.bucket
}

output "key_arn" {
  description = "KMS key of the states."
  value       = aws_kms_key.state.arn
}

output "backend_config" {
  description = "What `terraform init -backend-config=FILE` of an environment wants in FILE."
  value       = <<-TEXT
    bucket     = "${aws_s3_bucket.state.bucket}"
    region     = "${var.region}"
    kms_key_id = "${aws_kms_key.state.arn}"
  TEXT
}

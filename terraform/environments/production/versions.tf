# What this root needs: exact versions, and where its state lives. Bucket, region and key of the state come from bootstrap's output
# backend_config by `terraform init -backend-config=FILE`.

terraform {
  required_version = ">= 1.11, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  backend "s3" {
    key          = "production/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Project     = "trivet"
      Environment = "production"
      Owner       = var.owner
      ManagedBy   = "terraform"
    }
  }
}

# What this root needs. Its own state is local at first: it makes the bucket that the others' states live in.

terraform {
  required_version = ">= 1.11, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Project   = "trivet"
      Component = "terraform-state"
      ManagedBy = "terraform"
    }
  }
}

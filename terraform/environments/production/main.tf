# Production: everything in at least two zones, what holds data cannot be deleted by a slip.

locals {
  name = "trivet-production"
}

module "vpc" {
  source = "../../modules/vpc"

  name         = local.name
  cidr         = "10.30.0.0/16"
  cluster_name = local.name
  nat_gateways = "one_per_zone"
}

module "eks" {
  source = "../../modules/eks"

  name                 = local.name
  vpc_id               = module.vpc.vpc_id
  subnet_ids           = module.vpc.private_subnet_ids
  administrators       = var.administrators
  public_access_cidrs  = var.public_access_cidrs
  private_access_cidrs = var.private_access_cidrs
  node_instance_types  = ["m6i.xlarge"]
  # In each zone. A node holds two pods of Trivet: three nodes the least there are with a rollout, fifteen the most.
  node_count = { min = 1, max = 5, initial = 1 }
}

module "stores" {
  source = "../../modules/stores"

  name                   = local.name
  vpc_id                 = module.vpc.vpc_id
  subnet_ids             = module.vpc.private_subnet_ids
  node_security_group_id = module.eks.node_security_group_id
  cluster_name           = module.eks.cluster_name

  mysql = {
    instance_class  = "db.r6g.large"
    storage_gib     = 100
    max_storage_gib = 500
    multi_az        = true
    backup_days     = 14
  }

  documentdb = {
    instance_class = "db.r6g.large"
    instances      = 2
    backup_days    = 14
  }

  redis = {
    node_type     = "cache.m7g.large"
    nodes         = 2
    snapshot_days = 7
  }
}

module "delivery" {
  source = "../../modules/delivery"

  name              = local.name
  cluster_name      = module.eks.cluster_name
  cluster_arn       = module.eks.cluster_arn
  oidc_issuer       = var.oidc_issuer
  oidc_provider_arn = var.oidc_provider_arn
  oidc_subjects     = var.oidc_subjects
  static_principals = var.static_principals
}

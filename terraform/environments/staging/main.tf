# Staging: production's shape at a small size, so that what breaks in production's shape breaks here first. What the pipeline deploys
# here is production's next release; the data is nobody's.

locals {
  name = "trivet-staging"
}

module "vpc" {
  source = "../../modules/vpc"

  name                = local.name
  cidr                = "10.25.0.0/16"
  cluster_name        = local.name
  nat_gateways        = "single"
  interface_endpoints = []
  log_retention_days  = 30
}

module "eks" {
  source = "../../modules/eks"

  name                 = local.name
  vpc_id               = module.vpc.vpc_id
  subnet_ids           = module.vpc.private_subnet_ids
  administrators       = var.administrators
  public_access_cidrs  = var.public_access_cidrs
  private_access_cidrs = var.private_access_cidrs
  node_instance_types  = ["t3.large"]
  node_count           = { min = 1, max = 2, initial = 1 } # in each zone
  log_retention_days   = 30
}

module "stores" {
  source = "../../modules/stores"

  name                   = local.name
  vpc_id                 = module.vpc.vpc_id
  subnet_ids             = module.vpc.private_subnet_ids
  node_security_group_id = module.eks.node_security_group_id
  cluster_name           = module.eks.cluster_name
  deletion_protection    = false
  log_retention_days     = 30

  mysql = {
    instance_class  = "db.t4g.medium"
    storage_gib     = 20
    max_storage_gib = 100
    multi_az        = false
    backup_days     = 1
  }

  documentdb = {
    instance_class = "db.t4g.medium"
    instances      = 1
    backup_days    = 1
  }

  redis = {
    node_type     = "cache.t4g.small"
    nodes         = 1
    snapshot_days = 1
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

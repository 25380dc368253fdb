# production: gets what staging runs, after someone approved it.
# Facts only, read by use_environment in common.sh; what belongs to an account comes from the environment.
# shellcheck shell=bash disable=SC2034
cluster=${TRIVET_PRODUCTION_CLUSTER:-trivet-production}
region=${TRIVET_REGION:-eu-central-1}
namespace=trivet
role_arn=${TRIVET_PRODUCTION_ROLE_ARN:-}

# dev: a cluster of someone's own, where people try things by hand; the pipeline never deploys here.
# Facts only, read by use_environment in common.sh; what belongs to an account comes from the environment.
# shellcheck shell=bash disable=SC2034
cluster=${TRIVET_DEV_CLUSTER:-}
region=${TRIVET_REGION:-eu-central-1}
namespace=trivet
role_arn=${TRIVET_DEV_ROLE_ARN:-}

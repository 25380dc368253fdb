# staging: gets every commit of main, as soon as it is built and scanned.
# Facts only, read by use_environment in common.sh; what belongs to an account comes from the environment.
# shellcheck shell=bash disable=SC2034
cluster=${TRIVET_STAGING_CLUSTER:-trivet-staging}
region=${TRIVET_REGION:-eu-central-1}
namespace=trivet
role_arn=${TRIVET_STAGING_ROLE_ARN:-}

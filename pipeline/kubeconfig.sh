#!/usr/bin/env bash
# kubeconfig.sh: how to reach the environment's EKS cluster, in a file of this build alone: ~/.kube is neither read nor written,
# and no token is in the file (kubectl asks the AWS tools for one each time).
# shellcheck source=pipeline/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
help_wanted 'usage: pipeline/kubeconfig.sh ENVIRONMENT

Writes build/private/kubeconfig-ENVIRONMENT. Run pipeline/credentials.sh ENVIRONMENT first.
  TRIVET_REGION (eu-central-1), TRIVET_STAGING_CLUSTER, ...   where the cluster is, and its name' "$@"
[ $# = 1 ] || bad_usage "name one environment"
use_environment "$1"
need aws
[ -n "$cluster" ] || die "TRIVET_${environment^^}_CLUSTER is not set: which cluster is $environment?"
[ -s "$AWS_CONFIG_FILE" ] || die "run pipeline/credentials.sh $environment first."
prepare_private_dir
rm -f "$kubeconfig"
aws eks update-kubeconfig --name "$cluster" --region "$region" --kubeconfig "$kubeconfig" --alias "$environment" ||
    die "there is no way to the cluster $cluster in $region; is it made, and may the role describe it?"
chmod 600 "$kubeconfig"
